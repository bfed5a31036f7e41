"""``lexseg benchmark``."""

import argparse
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexseg.cli.values import count

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``benchmark`` to the command line."""
    text = "measure the size and speed of recipes and bundled models"
    parser = commands.add_parser("benchmark", help=text, description=text.capitalize() + ".", allow_abbrev=False)
    parser.add_argument("name", nargs="*", help="recipes or bundled models (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument(
        "--threads",
        type=_counts,
        default=[2],
        metavar="N,N",
        help="CPU threads; engines with each of them (default: 2)",
    )
    parser.add_argument("--repeats", type=count, default=15, help="timed pairs of calls (default: 15)")
    parser.add_argument(
        "--engines",
        type=_engines,
        default=[],
        metavar="E,E",
        help="of models, tell too how fast each of these engines answers, stage by stage, and what the whole command "
        "costs from a cold start: torch,onnx",
    )
    parser.add_argument(
        "--beside",
        type=lambda text: [name.strip() for name in text.split(",")],
        default=[],
        metavar="RECIPE,RECIPE",
        help="with --engines, time these recipes' networks (random weights, torch) in turn with the model's",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON."""
    from rich.console import Console

    from lexseg.comparison.benchmark import benchmark
    from lexseg.files import check_folder_of, replace_file

    if args.json:
        check_folder_of(args.json)
    console = Console(stderr=True)
    with console.status("measuring") as status:
        result = benchmark(
            args.name,
            threads=max(args.threads),
            repeats=args.repeats,
            done=lambda name: status.update(f"measured {name}, measuring the next"),
        )
        result["engines"], result["starts"] = _measured(args, result, status.update)
    _print(result)
    if args.json:
        replace_file(args.json, (json.dumps(result, indent=2) + "\n").encode())
    return 1 if result["failed"] else 0


def _engines(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in ("torch", "onnx")]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r}: expected torch, onnx, or both with a comma between")
    return names


def _counts(text: str) -> list[int]:
    return [count(number) for number in text.split(",")]


def _measured(
    args: argparse.Namespace, result: dict[str, Any], tell: "Callable[[str], None]"
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The engines' figures of each model that was measured; what fails stands with the other failures."""
    from dataclasses import asdict

    from lexseg.comparison.engines import measure_engines
    from lexseg.comparison.starts import measure_starts
    from lexseg.errors import LexSegError

    engines: list[dict[str, Any]] = []
    starts: list[dict[str, Any]] = []
    models = [cost["name"] for cost in result["methods"] if cost["kind"] == "model"] if args.engines else []
    for name, threads in itertools.product(models, args.threads):
        tell(f"measuring the engines of {name}, {threads} threads")
        how = {"threads": threads, "repeats": args.repeats}
        try:
            engines += [asdict(cost) for cost in measure_engines(name, args.engines, beside=args.beside, **how)]
            tell(f"measuring cold starts of {name}, {threads} threads")
            starts += [asdict(cost) for cost in measure_starts(name, args.engines, threads=threads)]
        except LexSegError as error:
            result["failed"][f"{name}, engines"] = str(error)
    return engines, starts


def _print_engines(result: dict[str, Any], console: "Console") -> None:
    from rich.table import Table

    caption = "over the same yardstick: image and a new sentence, the image alone, a new sentence, eight at once"
    table = Table(caption=caption)
    for head in ("name", "engine", "threads", "whole", "look", "sentence", "eight", "images/s"):
        table.add_column(head, justify="left" if head in ("name", "engine") else "right", no_wrap=True)
    for cost in result["engines"]:
        ratios = [f"{cost['relative'][stage]:.3f}" for stage in ("whole", "look", "sentence", "eight")]
        table.add_row(cost["name"], cost["engine"], str(cost["threads"]), *ratios, f"{cost['per_second']['whole']:.1f}")
    console.print(table)
    table = Table(caption="lexseg segment of one film, the whole command from a cold start")
    for head in ("name", "engine", "threads", "s", "processor s", "peak MB"):
        table.add_column(head, justify="left" if head in ("name", "engine") else "right", no_wrap=True)
    for cost in result["starts"]:
        times = [f"{cost[key]:.2f}" for key in ("seconds", "processor_seconds")]
        table.add_row(cost["name"], cost["engine"], str(cost["threads"]), *times, f"{cost['peak_memory_mb']:.0f}")
    console.print(table)


def _print(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(caption=f"latency: of one call, over a {result['yardstick']}; {result['threads']} threads")
    heads = ("name", "px", "M params", "frozen text", "GMAC", "train/s", "MB", "latency")
    for head in heads:
        table.add_column(head, justify="left" if head == "name" else "right", no_wrap=head == "name")
    for cost in result["methods"]:
        table.add_row(
            cost["name"] + ("" if cost["kind"] == "recipe" else " *"),
            str(cost["size"][0]),
            f"{cost['parameters'] / 1e6:.2f}",
            f"{cost['frozen_text_parameters'] / 1e6:.1f}",
            f"{cost['gmacs']:.2f}",
            f"{cost['train_images_per_second']:.1f}",
            f"{cost['peak_memory_mb']:.0f}",
            f"{cost['relative_latency']:.2f}",
        )
    console = Console()
    console.print(table)
    if result["engines"]:
        _print_engines(result, console)
    console.print("* bundled model; the others are recipes, with random weights")
    for cost in result["methods"]:
        if cost["note"]:
            console.print(f"{cost['name']}: {cost['note']}")
    for name, why in result["failed"].items():
        console.print(f"{name}: failed: {why}")

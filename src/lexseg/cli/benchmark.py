"""``lexseg benchmark``."""

import argparse
import json
from pathlib import Path
from typing import Any

from lexseg.cli.values import count


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``benchmark`` to the command line."""
    text = "measure the size and speed of recipes and bundled models"
    parser = commands.add_parser("benchmark", help=text, description=text.capitalize() + ".", allow_abbrev=False)
    parser.add_argument("name", nargs="*", help="recipes or bundled models (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--threads", type=count, default=2, help="CPU threads (default: 2)")
    parser.add_argument("--repeats", type=count, default=15, help="timed pairs of calls (default: 15)")
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
            threads=args.threads,
            repeats=args.repeats,
            done=lambda name: status.update(f"measured {name}, measuring the next"),
        )
    _print(result)
    if args.json:
        replace_file(args.json, (json.dumps(result, indent=2) + "\n").encode())
    return 1 if result["failed"] else 0


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
    console.print("* bundled model; the others are recipes, with random weights")
    for cost in result["methods"]:
        if cost["note"]:
            console.print(f"{cost['name']}: {cost['note']}")
    for name, why in result["failed"].items():
        console.print(f"{name}: failed: {why}")

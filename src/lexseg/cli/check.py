"""``lexseg check``: all that is wrong with a data set, at once."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexseg.cli.values import path_text

if TYPE_CHECKING:
    from rich.console import Console

    from lexseg.cases.check import CheckReport, Progress, SentenceReader
    from lexseg.cases.problem import Problem
    from lexseg.cases.summary import Spread, Summary

_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}
# how many rows are named where one warning concerns many; of errors every row is, and the JSON has them all
_MOST_ROWS = 20
_MOST_SIZES = 4


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "check",
        help="read every row and file of a manifest and report all problems at once",
        description=(
            "Read every row, image and mask of one or several manifests (CSV or JSON Lines) and report all problems at "
            "once, with their rows. Exits with 1 if any is an error."
        ),
    )
    parser.add_argument("cases", nargs="+", type=path_text, metavar="CASES", help="manifest: a .csv or .jsonl file")
    parser.add_argument(
        "--text_column",
        "--text-column",
        default="text",
        metavar="NAME[,NAME]",
        help="column that holds the sentence; of several, all wordings are read (default: text)",
    )
    add_text_encoder(parser)
    add_links(parser)
    parser.add_argument("--json", type=path_text, metavar="FILE", help="also write the report as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check and print; 1 if there are errors."""
    from lexseg.cases.check import check_manifest

    console = wide_console()
    columns = [name.strip() for name in args.text_column.split(",") if name.strip()]
    encoder = text_encoder(args.text_encoder)
    with progress_bar("Reading cases") as progress:
        report = check_manifest(
            args.cases,
            text_encoder=encoder,
            text_columns=columns or ("text",),
            progress=progress,
            links=args.links,
        )
    print_report(console, report)
    if args.json is not None:
        from lexseg.files import replace_file

        content = json.dumps(report.to_dict(), indent=2, ensure_ascii=False)
        replace_file(Path(args.json), content.encode("utf-8"))
    return 0 if report.ok else 1


def add_links(parser: argparse.ArgumentParser) -> None:
    """Add the option that lets a manifest's files lie elsewhere."""
    parser.add_argument(
        "--links",
        action="store_true",
        help="files of the manifest may lie outside of its folder, by links or by their paths; only for manifests of "
        "your own",
    )


def add_text_encoder(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the text encoder."""
    parser.add_argument(
        "--text_encoder",
        "--text-encoder",
        default="minilm",
        metavar="NAME",
        help="whose limit and vocabulary the sentences are held against: minilm, a Hugging Face folder or id, or none "
        "(default: minilm)",
    )


def text_encoder(name: str) -> SentenceReader | None:
    """What reads the sentences for the text encoder of this name; ``none`` is ``None``."""
    if name == "none":
        return None
    if name == "minilm":
        from lexseg.encoders.text.reader import minilm_reader

        return minilm_reader()
    from lexseg.encoders.text import create_text_encoder

    # sentences are counted, not encoded: the weights need not be read
    return create_text_encoder({"kind": "huggingface", "name": name}, pretrained=False)


def wide_console() -> Console:
    """The terminal, or in a pipe one so wide that no line is broken."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=10_000)


@contextmanager
def progress_bar(description: str) -> Iterator[Progress]:
    """A bar on the terminal while the work goes on, which leaves nothing behind; elsewhere a line now and then."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    from lexseg.cli.main import SpokenProgress

    console = Console(stderr=True)
    if not console.is_terminal:
        yield SpokenProgress(description)
        return
    with Bar(console=console, transient=True) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def print_report(console: Console, report: CheckReport) -> None:
    """The summary, the problems and the verdict."""
    from rich.text import Text

    console.print(_summary_table(report.summary))
    print_problems(console, report.problems)
    counts = [
        f"{number} {word}{'s' if number != 1 else ''}"
        for number, word in ((report.count("error"), "error"), (report.count("warning"), "warning"))
    ]
    style = "bold red" if not report.ok else "bold green"
    console.print(Text(f"{report.summary.cases} cases: {', '.join(counts)}", style=style))


def print_problems(console: Console, problems: Sequence[Problem]) -> None:
    """The problems as a table; those that differ by the row only share a line, which names the rows."""
    from rich.table import Table
    from rich.text import Text

    if not problems:
        return
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    for name in ("", "where", "column", "problem"):
        table.add_column(name, overflow="fold")
    grouped: dict[tuple[Any, ...], list[int]] = {}
    for problem in problems:
        key = (problem.severity, str(problem.source or ""), problem.column or "", problem.message)
        rows = grouped.setdefault(key, [])
        if problem.row is not None:
            rows.append(problem.row)
    for (severity, source, column, message), rows in grouped.items():
        limit = len(rows) if severity == "error" else _MOST_ROWS
        where = ", ".join(filter(None, [source, _rows(rows, limit)]))
        table.add_row(Text(severity, style=_STYLES[severity]), Text(where), Text(column), Text(message))
    console.print(table)


def _rows(rows: Iterable[int], limit: int) -> str:
    """``rows 2-5, 9``: ranges, at most ``limit`` of them."""
    ranges: list[list[int]] = []
    for row in sorted(set(rows)):
        if ranges and row == ranges[-1][1] + 1:
            ranges[-1][1] = row
        else:
            ranges.append([row, row])
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in ranges[:limit]]
    rest = sum(last - first + 1 for first, last in ranges[limit:])
    if not ranges:
        return ""
    several = "rows" if len(ranges) > 1 or ranges[0][0] != ranges[0][1] else "row"
    return f"{several} {', '.join(shown)}" + (f" and {rest} more" if rest else "")


def _summary_table(summary: Summary) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _summary_lines(summary):
        table.add_row(name, Text(value))
    return table


def _summary_lines(summary: Summary) -> Iterator[tuple[str, str]]:
    yield "cases", f"{summary.cases}" + _listed("", summary.splits)
    yield "images", f"{summary.images}"
    sizes = list(summary.image_sizes.items())
    more = f" and {len(sizes) - _MOST_SIZES} more sizes" if len(sizes) > _MOST_SIZES else ""
    named = ", ".join(f"{size} ({number})" for size, number in sizes[:_MOST_SIZES])
    yield "sizes (height x width)", (named + more) or "none could be read"
    if summary.patients:
        yield "patients", f"{sum(summary.patients.values())}" + _listed("", summary.patients)
    if summary.without_patient:
        yield "cases of no known patient", f"{summary.without_patient}"
    yield "masks", f"{summary.cases - summary.without_mask}, of which {summary.empty_masks} empty"
    if summary.present:
        yield "targets there, by the column present", ", ".join(f"{k} {n}" for k, n in summary.present.items())
    if summary.kinds:
        yield "referring expressions", f"{sum(summary.kinds.values())}" + _listed("", summary.kinds)
    if summary.leaking:
        yield "sentences written from the mask", f"{summary.leaking} cases: scores on them are an upper bound"
    if summary.foreground is not None:
        yield "foreground", _spread(summary.foreground, "{:.1%}")
    yield "distinct sentences", f"{summary.sentences}; {summary.without_sentence} cases without a sentence"
    if summary.tokens is not None:
        yield "tokens a sentence", f"{_spread(summary.tokens, '{:g}')}; at most {summary.token_limit} are read"
    if summary.unknown_tokens is not None:
        yield "unknown tokens", f"{summary.unknown_tokens:.1%}"


def _listed(prefix: str, numbers: dict[str, int]) -> str:
    return f"{prefix} ({', '.join(f'{name} {number}' for name, number in numbers.items())})" if numbers else ""


def _spread(spread: Spread, form: str) -> str:
    least, middle, most = (form.format(value) for value in (spread.least, spread.median, spread.most))
    return f"{least} to {most}, median {middle}"

"""``lexseg demo``: the bundled examples, asked with the bundled model."""

import argparse
from pathlib import Path


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``demo`` to the command line."""
    text = "segment the bundled example images with the bundled model"
    parser = commands.add_parser("demo", help=text, description=text.capitalize() + ".", allow_abbrev=False)
    parser.add_argument("--output", type=Path, default=Path("demo"), metavar="DIR", help="default: %(default)s")
    parser.add_argument("--model", default="default", help="another model to try on them")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Segment the examples, print what was found, and say where to look."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    from lexseg.files import check_writable
    from lexseg.outputs.demo import run_demo, summary
    from lexseg.predict.answered import NOTE
    from lexseg.predict.segmenter import Segmenter

    check_writable(args.output)
    segmenter = Segmenter.from_pretrained(args.model)
    title = f"Segmented by sentences with {segmenter.name!r}"
    table = Table("example", "asked for", "answer", "that is", "Dice", title=title, box=SIMPLE, pad_edge=False)
    for column, width in zip(table.columns, (15, 0, 16, 7, 4), strict=True):
        column.no_wrap, column.min_width = True, width  # a narrow console cuts the words asked for, and nothing else
    scores = []
    for finding in run_demo(segmenter, args.output):
        score = "" if finding.dice is None else f"{finding.dice:.2f}"
        table.add_row(finding.case.id, _short(finding.case.text), summary(finding), finding.verdict, score)
        scores += [] if finding.dice is None else [finding.dice]
    Console().print(table)
    if scores:
        print(f"Mean Dice of the {len(scores)} examples with an expert's mask: {sum(scores) / len(scores):.2f}")
        print("They are few: the model's card has its scores with their intervals (lexseg models).")
    print(f"Look at {args.output / 'index.html'}. {NOTE}")
    return 0


def _short(text: str) -> str:
    """The first word and the last ones, among which the side stands."""
    first, *words = text.split()
    last: list[str] = []
    while words and len(" ".join([words[-1], *last])) <= 12:
        last.insert(0, words.pop())
    return f"{first} {'... ' * bool(words)}{' '.join(last)}"

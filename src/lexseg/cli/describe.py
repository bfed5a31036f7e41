"""``lexseg describe``: sentences from masks."""

from __future__ import annotations

import argparse

from lexseg.cli.check import print_problems, progress_bar, wide_console
from lexseg.cli.main import add_min_area
from lexseg.cli.values import path_text

# Named here and not taken from `lexseg.datasets`, so that --help need not import it; a test holds the two together.
STYLES = ("lvit", *(f"p{number}" for number in range(10)))


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "describe",
        help="write sentences from masks, in the styles of published data sets",
        description=(
            "Make a manifest of the same images with a sentence for each. lvit: sides, number and places of infected "
            "areas on frontal chest films. p0 to p9: prompts of growing detail: p0 nothing, p1 the class, p2 its shape "
            "too, p3 a colour, p4 the size, p5 the number, p6 the places; p7 class and description, p8 p5 with a "
            "description, p9 p6 with one. Of these p0, p1 and p7 tell nothing of the mask; of all others the column "
            "leaks_mask says that they do, and a score with them is an upper bound."
        ),
    )
    parser.add_argument(
        "cases", nargs="+", type=path_text, metavar="CASES", help="manifest with masks (.csv or .jsonl)"
    )
    parser.add_argument(
        "--output",
        required=True,
        type=path_text,
        metavar="DIR|FILE",
        help="a folder to make, into which images and masks are linked; or a manifest to make (.csv, .jsonl), beside "
        "the images or above them",
    )
    parser.add_argument("--style", required=True, choices=STYLES, metavar="STYLE", help=", ".join(STYLES))
    parser.add_argument(
        "--class_name", "--class-name", metavar="NAME", help="what all masks show, such as polyp (p1 to p9)"
    )
    parser.add_argument(
        "--class_column", "--class-column", metavar="NAME", help="column that says what a row's mask shows (p1 to p9)"
    )
    parser.add_argument(
        "--description",
        action="append",
        default=[],
        metavar="WORDS",
        help="what it looks like in your words, such as 'a projecting growth of tissue' (p7 to p9); given several "
        "times, each case takes one by --seed; of a single one it takes one of five phrasings",
    )
    parser.add_argument(
        "--color_column", "--color-column", metavar="NAME", help="column that says its colour (p3 to p6, p8, p9)"
    )
    add_min_area(parser, "of the image, below which an area is taken for a stray and not counted")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of phrasings (default: 0)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the manifest and print what is in it."""
    from lexseg.datasets.describe import DescribeSettings, describe

    settings = DescribeSettings(
        args.style,
        class_name=args.class_name,
        class_column=args.class_column,
        color_column=args.color_column,
        descriptions=tuple(args.description),
        min_area=args.min_area,
        seed=args.seed,
    )
    console = wide_console()
    with progress_bar("Writing sentences") as progress:
        report = describe(args.cases, args.output, settings, progress=progress)
    print_problems(console, report.notes)
    leaks = settings.style.leaks
    told = f"written from the mask ({', '.join(leaks)}): scores on them are an upper bound" if leaks else "leak-free"
    for line in (
        f"rows: {report.cases}, style: {settings.name}, distinct sentences: {report.sentences}, {told}",
        f"wrote {report.manifest}",
    ):
        console.print(line, markup=False, soft_wrap=True)
    return 0

"""``lexseg phantoms``: drawn abdominal slices with liver lesions, to try things out on."""

from __future__ import annotations

import argparse

from lexseg.cli.check import progress_bar
from lexseg.cli.values import path_text


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "phantoms",
        help="draw abdominal phantoms with liver lesions",
        description=(
            "Draw CT-like abdominal slices with a liver and one to five lesions: images/, instances/ (the lesions, "
            "numbered), organs/ (the liver) and cases.csv with splits. For tests and for trying things out: a score on "
            "phantoms is none on patients."
        ),
        allow_abbrev=False,
    )
    parser.add_argument(
        "--output", required=True, type=path_text, metavar="DIR", help="folder to make; it must not hold anything yet"
    )
    parser.add_argument(
        "--n",
        type=int,
        default=200,
        metavar="N",
        help="how many (default: %(default)s); of every twenty the last six are for val and test",
    )
    parser.add_argument("--size", type=int, default=128, metavar="PIXELS", help="of a side (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the whole set (default: %(default)s)")
    parser.add_argument(
        "--laterality",
        choices=("image", "patient"),
        default="image",
        help="whose left sentences shall mean (default: %(default)s; the liver is at the image's left)",
    )
    parser.add_argument(
        "--view",
        choices=("body", "liver"),
        default="body",
        help="show the whole body, or the liver alone, so that its lesions lie on both sides (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Draw them and say where they are."""
    from lexseg.datasets.phantoms import write_phantoms

    with progress_bar("Drawing") as progress:
        path = write_phantoms(
            args.output,
            n=args.n,
            size=args.size,
            seed=args.seed,
            laterality=args.laterality,
            view=args.view,
            progress=progress,
        )
    print(f"wrote {path}: {args.n} phantoms")
    if args.n < 18:
        print("too few for splits: of every twenty the last six are for val and test")
    return 0

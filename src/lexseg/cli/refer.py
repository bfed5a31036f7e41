"""``lexseg refer``: a referring data set from images with masks."""

from __future__ import annotations

import argparse

from lexseg.cli.check import print_problems, progress_bar, wide_console
from lexseg.cli.import_ import add_volume_options, volume_options
from lexseg.cli.main import add_min_area
from lexseg.cli.values import path_text

# Named here and not taken from `lexseg.datasets`, so that --help need not import it; a test holds the two together.
ANATOMIES = ("chest", "chest-ct", "abdomen", "breast", "colon", "brain", "skin", "grid")
TARGETS = ("components", "instances", "classes")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "refer",
        help="make a referring data set from images with masks",
        description=(
            "Measure the targets in the masks, write expressions that name one, several or none of them, and keep "
            "those that name exactly their targets. Makes a new folder with cases.csv, images/, instances/, "
            "attributes.json, statistics and a contact sheet."
        ),
    )
    parser.add_argument(
        "cases",
        nargs="+",
        type=path_text,
        metavar="CASES",
        help="manifest with masks (.csv or .jsonl); or a NIfTI volume, or a folder of volumes, with masks of lesions",
    )
    parser.add_argument(
        "--output", required=True, type=path_text, metavar="DIR", help="folder to make; it must not hold anything yet"
    )
    parser.add_argument(
        "--targets",
        choices=TARGETS,
        help="what a target is: a connected component of a two-valued mask, each pixel value of an instance mask, or "
        "the components of each class (default: components; of volumes, instances: a lesion of several "
        "slices is one)",
    )
    parser.add_argument(
        "--class_column",
        "--class-column",
        metavar="NAME",
        help="column that says what a row's mask shows; rows that share an image are its classes",
    )
    parser.add_argument(
        "--class_names",
        "--class-names",
        type=_class_names,
        metavar="VALUE=NAME[,...]",
        help="names of the pixel values, such as 1=cyst,2=tumor (with --targets classes)",
    )
    parser.add_argument(
        "--organ_column",
        "--organ-column",
        metavar="NAME",
        help="column with the path of an organ's mask; zones are then relative to the organ's box",
    )
    parser.add_argument(
        "--anatomy",
        choices=ANATOMIES,
        default="grid",
        help="words and places: chest has lungs with zones, chest-ct lungs, the others a 3x3 grid (default: grid)",
    )
    parser.add_argument("--noun", metavar="NOUN", help="what targets are called, such as nodule or focus,foci")
    parser.add_argument("--expressions", type=int, default=8, metavar="N", help="for each image, at most (default: 8)")
    parser.add_argument("--wordings", type=int, default=4, metavar="K", help="of each expression (default: 4)")
    parser.add_argument(
        "--captions",
        action="store_true",
        help="keep the manifest's own sentences, as rows about all targets; where one speaks of the only side with "
        "targets, it also comes with the other side, as a row that names nothing",
    )
    parser.add_argument(
        "--text_column",
        "--text-column",
        default="text",
        metavar="NAME[,NAME]",
        help="columns of the manifest's own sentences (default: text)",
    )
    add_min_area(parser, "of the image, that a target must take to be spoken of alone")
    for name, default, words in (
        ("absent", 4, "expressions of an image without targets, at most"),
        ("general", 0, "more questions for whatever there is, wherever it lies; also of images that have no mask but "
                       "whose column 'present' says yes"),
        ("others", 0, "sentences of other images that each image without targets is asked (with --captions)"),
        ("requests", 0, "further wordings of each plain expression, as people type them"),
        ("paraphrases", 0, "further wordings of each caption, by the grammar of training (with --captions)"),
        ("foreign", 0, "questions an image whose words name nothing that the data teach: another organ's or modality's "
                       "findings, everyday words, nonsense"),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"{words} (default: {default})")
    parser.add_argument("--seed", type=int, default=0, help="of all choices (default: 0)")
    add_volume_options(parser, "volumes, of which slices are made first")
    parser.add_argument(
        "--laterality",
        choices=("image", "patient"),
        help="whose left the sentences shall mean (volumes only; default: patient. A manifest says it itself)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make the data set and print what is in it."""
    from lexseg.datasets.refer import ReferSettings, refer
    from lexseg.datasets.refer.gather import MaskReading
    from lexseg.datasets.refer.slices import are_volumes, manifests_of
    from lexseg.datasets.refer.targets import TargetKind

    console = wide_console()
    volumes = are_volumes(args.cases)
    targets: TargetKind = args.targets or ("instances" if volumes else "components")
    organ = args.organ_column or ("organ" if volumes and args.organ else None)
    reading = MaskReading(targets, args.class_column, args.class_names, organ)
    settings = ReferSettings(
        anatomy=args.anatomy,
        reading=reading,
        expressions=args.expressions,
        wordings=args.wordings,
        captions=args.captions,
        noun=args.noun,
        min_area=args.min_area,
        seed=args.seed,
        absent=args.absent,
        general=args.general,
        others=args.others,
        requests=args.requests,
        paraphrases=args.paraphrases,
        foreign=args.foreign,
    )
    columns = [name.strip() for name in args.text_column.split(",") if name.strip()]
    asked = {**volume_options(args), "laterality": args.laterality}
    with (
        manifests_of(args.cases, args.output, seed=args.seed, **asked) as (manifests, notes),
        progress_bar("Writing expressions") as progress,
    ):
        report = refer(manifests, args.output, settings, text_columns=columns or ("text",), progress=progress)
    print_problems(console, [*notes, *report.notes])
    counts = report.statistics
    console.print(
        f"{counts.images} images, {sum(counts.kinds.values())} rows: "
        + ", ".join(f"{number} {kind}" for kind, number in counts.kinds.most_common()),
        markup=False,
        soft_wrap=True,
    )
    if counts.skipped:
        console.print(f"skipped: {counts.why_skipped()}", markup=False, soft_wrap=True)
    console.print(f"wrote {report.manifest}", markup=False, soft_wrap=True)
    return 0


def _class_names(text: str) -> dict[int, str]:
    names = {}
    for part in text.split(","):
        value, _, name = part.partition("=")
        if not value.strip().isdigit() or not name.strip():
            raise argparse.ArgumentTypeError(f"{part!r} is no VALUE=NAME, such as 1=cyst")
        names[int(value)] = name.strip()
    return names

"""``lexseg import``: another project's data layout, turned into a manifest."""

from __future__ import annotations

import argparse

from lexseg.cli.check import (
    add_links,
    add_text_encoder,
    print_problems,
    print_report,
    progress_bar,
    text_encoder,
    wide_console,
)
from lexseg.cli.values import path_text
from lexseg.extensions import outside

# Named here and not taken from the importers, so that --help need not import them; a test holds the two together.
LAYOUTS = (
    *("lvit", "languide", "medvlsm", "folder", "coco", "refcoco", "referring", "nifti"),
    *("totalsegmentator", "nnunet", "slicer", "medsam", "manifest"),
)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "import",
        help="turn another project's data layout into a manifest",
        description=(
            "Copy a data set of another layout into a new folder with cases.csv, images/ and masks/, and check it. "
            "lvit: Train_Folder, Val_Folder, Test_Folder with img/, labelcol/ and .xlsx. languide: Images/, GTs/ and "
            "prompt/train.csv. medvlsm: images/, masks/ and JSON prompts. folder: images/, masks/ and one sentence "
            "(ISIC and BUSI, too). coco: instances without sentences, asked by their categories' names. "
            "manifest: a cases.csv or .jsonl of our own columns, to be labelled or divided anew. "
            "refcoco: instances.json and refs.json, as of RefCOCO and gRefCOCO. referring: a JSON or JSONL of images, "
            "masks and sentences, as of the sentence sets for LIDC and LiTS. nifti: volumes with masks of lesions "
            "(Medical Segmentation Decathlon, LiTS, or pairs by name; NIfTI, NRRD, MHA), cut into slices. Slices "
            "of volumes with several named classes, a row for each: totalsegmentator (a file per class), nnunet (raw "
            "data with dataset.json), slicer (a volume and its .seg.nrrd or label map), medsam (.npz, .npy)."
        ),
    )
    known = (*LAYOUTS, *outside("layouts"))
    parser.add_argument("layout", metavar="LAYOUT", choices=known, help=", ".join(known))
    parser.add_argument(
        "source",
        type=path_text,
        metavar="SOURCE",
        help="folder to read (manifest, coco, refcoco, referring, nifti, medsam: or a file)",
    )
    parser.add_argument(
        "--output", required=True, type=path_text, metavar="DIR", help="folder to make; it must not hold anything yet"
    )
    parser.add_argument(
        "--split",
        type=_fractions,
        metavar="TRAIN/VAL/TEST",
        help="divide all cases anew, such as 70/15/15, by patient and image; by default the layout's own splits are "
        "kept, and what it lacks is drawn: 70/15/15, or a fifth of train as val",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the splits (default: 0)")
    parser.add_argument(
        "--text",
        metavar="SENTENCE",
        help="the sentence of every image (folder, manifest, nifti); of layouts with classes '{class}' in it is the "
        "class in words",
    )
    parser.add_argument("--classes", type=_words, metavar="NAME[,NAME]", help="take these classes only (coco, volumes)")
    parser.add_argument(
        "--names", type=_names, metavar="N=NAME[,...]", help="names of the masks' values (nnunet, slicer, medsam)"
    )
    parser.add_argument(
        "--several",
        choices=("union", "cases"),
        help="what several masks of an image are (folder): one target together, or a case for each (default: union)",
    )
    parser.add_argument("--recursive", action="store_true", default=None, help="read the folders within, too (folder)")
    add_links(parser)
    parser.add_argument(
        "--prompt", metavar="NAME", help="the prompt that becomes the text (layout medvlsm; default: p6)"
    )
    parser.add_argument(
        "--present",
        metavar="yes|no|COLUMN=VALUE[,VALUE]",
        help="whether the images hold what their sentences name: all, none, or by a column and its values that mean "
        "that nothing is there, such as 'finding=none'; written to the manifest's column present",
    )
    parser.add_argument(
        "--images", type=path_text, metavar="DIR", help="folder of the images, if elsewhere (coco, refcoco, referring)"
    )
    parser.add_argument(
        "--laterality",
        choices=("image", "patient"),
        help="whose left the sentences mean; written in the manifest (nifti: patient by default)",
    )
    parser.add_argument(
        "--patient",
        metavar="REGEX",
        help="finds the patient in an image's name (first group, or the whole match), such as 'TCGA-\\w+-\\w+'",
    )
    parser.add_argument(
        "--leaks_mask",
        "--leaks-mask",
        choices=("yes", "no"),
        help="whether the sentences were written from the masks; noted in the manifest (default: yes for lvit, "
        "languide, medvlsm and volumes)",
    )
    parser.add_argument(
        "--label",
        type=_label,
        metavar="N",
        help="the value of the masks that is foreground, or 'any' for all but 0 (default: the larger of two, if all "
        "masks hold the same two)",
    )
    parser.add_argument(
        "--strict", action="store_true", help="refuse the data set if a file is missing, instead of leaving out its row"
    )
    add_text_encoder(parser)
    add_volume_options(parser, "volumes")
    parser.set_defaults(run=run)


def add_volume_options(parser: argparse.ArgumentParser, title: str) -> None:
    """Add what is asked of volumes that are cut into slices."""
    group = parser.add_argument_group(title)
    group.add_argument(
        "--window",
        metavar="W,L",
        help="width and level, such as 400,40, or abdomen, liver, soft, mediastinum, lung, bone, brain (default: "
        "abdomen for Hounsfield units, else by percentiles)",
    )
    group.add_argument("--lesion", type=_labels, metavar="N[,N]", help="labels of the mask that are lesions")
    group.add_argument("--organ", type=_labels, metavar="N[,N]", help="labels of the mask that are the organ")
    group.add_argument(
        "--min-area-mm2",
        "--min_area_mm2",
        type=float,
        metavar="MM2",
        help="take slices that show so much of lesions (default: 20; pixels where the header has no spacing)",
    )
    group.add_argument("--every", type=int, metavar="K", help="of these, take only each K-th (default: 1)")
    group.add_argument("--channel", type=int, metavar="K", help="which volume of a 4D file, from 0")


def volume_options(args: argparse.Namespace) -> dict[str, object]:
    """What was asked of volumes, as the layout nifti takes it."""
    options = {name: getattr(args, name) for name in ("window", "lesion", "organ", "every", "channel")}
    return {**options, "min_area": args.min_area_mm2}


def run(args: argparse.Namespace) -> int:
    """Import a data set, check its manifest, and print what is wrong with it."""
    from lexseg.datasets.importers import import_layout

    console = wide_console()
    encoder = text_encoder(args.text_encoder)
    with progress_bar("Copying and checking") as progress:
        report = import_layout(
            args.layout,
            args.source,
            args.output,
            fractions=args.split,
            seed=args.seed,
            text=args.text,
            prompt=args.prompt,
            images=args.images,
            laterality=args.laterality,
            leaks_mask=None if args.leaks_mask is None else args.leaks_mask == "yes",
            patient=args.patient,
            present=args.present,
            label=args.label,
            strict=args.strict,
            text_encoder=encoder,
            progress=progress,
            classes=args.classes,
            names=args.names,
            several=args.several,
            recursive=args.recursive,
            links=args.links or None,
            **volume_options(args),
        )
    print_problems(console, report.notes)
    print_report(console, report.check)
    console.print(f"wrote {report.manifest}", markup=False, soft_wrap=True)
    return 0


def _label(text: str) -> int | str:
    if text.strip().lower() == "any":
        return "any"
    if not text.strip().isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no value of a mask; expected a whole number, or any")
    return int(text)


def _words(text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if not words:
        raise argparse.ArgumentTypeError("names of classes were expected, such as liver,spleen")
    return words


def _names(text: str) -> dict[int, str]:
    names = {}
    for part in text.split(","):
        value, equals, name = part.partition("=")
        if not (equals and value.strip().isdigit() and int(value) > 0 and name.strip()):
            raise argparse.ArgumentTypeError(f"{part!r} is no name of a value; expected such as 1=liver,2=spleen")
        names[int(value)] = name.strip()
    return names


def _labels(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} names no labels; expected whole numbers above 0, such as 2 or 1,2")
    return tuple(int(part) for part in parts)


def _fractions(text: str) -> tuple[float, float, float]:
    from lexseg.cases.splits import parse_fractions

    try:
        return parse_fractions(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None

"""``lexseg pretrain``: image encoders from images without masks, for any recipe; helpers of corrections."""

import argparse
import json
from pathlib import Path
from typing import Any

from lexseg.cli.main import add_device
from lexseg.cli.values import path_text
from lexseg.files import check_new_folder


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``pretrain`` and its ways to the command line."""
    text = "train an image encoder without masks, for any recipe to start from, or a helper of corrections"
    parser = commands.add_parser("pretrain", help=text, description=text.capitalize() + ".", allow_abbrev=False)
    ways = parser.add_subparsers(dest="way", metavar="WAY", required=True)
    _add_align(ways)
    _add_restoration(ways)
    _add_field(ways)
    _add_refiner(ways)
    _add_lang2box(ways)


def run(args: argparse.Namespace) -> int:
    """Run the way that was chosen."""
    return int(args.way_of(args))


def _add_align(ways: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "from images and sentences: an image and a text encoder in one space (DHN-NCE)"
    parser = ways.add_parser("align", help=text, description=text.capitalize() + ".", allow_abbrev=False)
    add = parser.add_argument
    add(
        "cases",
        nargs="+",
        type=path_text,
        metavar="CASES",
        help="manifests with images and sentences; masks are never opened",
    )
    add("--output", type=Path, required=True, metavar="DIR", help="the encoder folder to make")
    add("--text_column", "--text-column", default="text", metavar="NAME", help="column of the sentence (default: text)")
    add("--phrase", default="", metavar="TEXT", help="said of every image in place of its sentence, where only the "
        "labels ('present' yes or no) are to be believed")  # fmt: skip
    add("--encoder", default="efficientnet-lite0", metavar="NAME", help="image encoder (default: efficientnet-lite0)")
    add("--encoder_args", "--encoder-args", type=_plain, default={}, metavar="JSON", help="its keywords, such as "
        '\'{"pretrained": "FOLDER"}\'')  # fmt: skip
    add("--text", type=_plain, default={"kind": "minilm"}, metavar="JSON", help="text encoder, as in a recipe "
        '(default: \'{"kind": "minilm"}\')')  # fmt: skip
    add("--pooling", choices=("map+words", "map", "words", "image"), default="map+words", help="how an image speaks: "
        "by where it attends, by the cells most like the words, by those attended to (default: both)")  # fmt: skip
    add("--near", choices=("places", "equal"), default="places", help="captions that are no negatives of one another: "
        "those that name the same places, or only equal ones (default: places)")  # fmt: skip
    add("--parts", type=float, default=0.0, metavar="WEIGHT", help="of having images attend within the parts "
        "that their captions name (halves by thirds), and nowhere where 'present' is no (default: 0)")  # fmt: skip
    add("--size", type=int, default=128, help="side of the input in pixels (default: 128)")
    add("--batch", type=int, default=64, help="images in a batch (default: 64)")
    add("--steps", type=int, default=400, help="of the optimiser (default: 400)")
    add("--lr", type=float, default=1e-3, help="peak learning rate (default: 0.001)")
    add("--encoder_lr", "--encoder-lr", type=float, default=0.3, help="factor on it for the image encoder; 0 leaves "
        "that as it is (default: 0.3)")  # fmt: skip
    add("--seed", type=int, default=0, help="of all that chance decides (default: 0)")
    add_device(add, "where to train")
    parser.set_defaults(run=run, way_of=_align)


def _align(args: argparse.Namespace) -> int:
    from lexseg.training.weak.align import AlignConfig, align

    names = ("phrase", "near", "encoder", "encoder_args", "text", "pooling", "size", "batch", "steps", "seed")
    values = {name: getattr(args, name) for name in (*names, "parts", "lr", "encoder_lr")}
    columns = [part.strip() for part in args.text_column.split(",") if part.strip()]
    config = AlignConfig(cases=list(args.cases), text_column=columns, **values)
    check_new_folder(args.output)
    print(f"the encoder is in {align(config, args.output, device=args.device)}")
    return 0


def _add_restoration(ways: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "from images alone: restore them from spoilt views, and find views of one image alike (PCRLv2)"
    parser = ways.add_parser("restoration", help=text, description=text.capitalize() + ".", allow_abbrev=False)
    add = parser.add_argument
    add(
        "images",
        nargs="+",
        type=path_text,
        metavar="IMAGES",
        help="folders of images, and manifests (their training rows); neither masks nor sentences are read",
    )
    add("--output", type=Path, required=True, metavar="DIR", help="the encoder folder to make")
    add("--encoder", default="efficientnet-lite0", metavar="NAME", help="image encoder (default: efficientnet-lite0)")
    add("--encoder_args", "--encoder-args", type=_plain, default={}, metavar="JSON", help="its keywords; "
        '\'{"pretrained": false}\' begins at nothing')  # fmt: skip
    add("--size", type=int, default=128, help="side of large views in pixels (default: 128)")
    add("--small", type=int, default=0, help="side of small views (default: half of it)")
    add("--locals", type=int, default=6, help="small views of an image (default: 6)")
    add("--batch", type=int, default=32, help="images in a batch (default: 32)")
    add("--steps", type=int, default=800, help="of the optimiser (default: 800)")
    add("--lr", type=float, default=0.01, help="peak learning rate (default: 0.01)")
    add("--mirror", action="store_true", help="views may be mirrored; not where sides matter")
    add("--workers", type=int, default=0, help="processes that read (default: 0, this one)")
    add("--seed", type=int, default=0, help="of all that chance decides (default: 0)")
    add_device(add, "where to train")
    parser.set_defaults(run=run, way_of=_restoration)


def _restoration(args: argparse.Namespace) -> int:
    from lexseg.training.regimes.restoration import RestorationConfig, restoration

    names = {
        "images",
        "encoder",
        "encoder_args",
        "size",
        "small",
        "locals",
        "batch",
        "steps",
        "lr",
        "mirror",
        "workers",
    }
    config = RestorationConfig(**{name: getattr(args, name) for name in {*names, "seed"}})
    check_new_folder(args.output)
    print(f"the encoder is in {restoration(config, args.output, device=args.device)}")
    return 0


def _add_field(ways: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "from healthy chest films alone: a network that finds the lung fields (`lexseg pseudo-label --field`)"
    parser = ways.add_parser("field", help=text, description=text.capitalize() + ".", allow_abbrev=False)
    add = parser.add_argument
    add(
        "images",
        nargs="+",
        type=path_text,
        metavar="IMAGES",
        help="folders of images, and manifests (their training rows): frontal, "
        "healthy, a few hundred; neither masks nor sentences are read",
    )
    add("--output", type=Path, required=True, metavar="DIR", help="the model folder to make")
    add("--encoder", default="efficientnet-lite0", metavar="NAME", help="image encoder (default: efficientnet-lite0)")
    add("--size", type=int, default=96, help="side of the input in pixels (default: 96)")
    add("--batch", type=int, default=16, help="images in a batch (default: 16)")
    add("--steps", type=int, default=200, help="of the optimiser (default: 200)")
    add("--lr", type=float, default=2e-3, help="peak learning rate (default: 0.002)")
    add("--limit", type=int, default=1200, metavar="N", help="images that are looked at; 0 is all (default: 1200)")
    add("--seed", type=int, default=0, help="of all that chance decides (default: 0)")
    add_device(add, "where to train")
    parser.set_defaults(run=run, way_of=_field)


def _field(args: argparse.Namespace) -> int:
    from lexseg.training.field.fit import FieldConfig, fit_field

    names = ("images", "encoder", "size", "batch", "steps", "lr", "limit", "seed")
    config = FieldConfig(**{name: getattr(args, name) for name in names})
    check_new_folder(args.output)
    print(f"the model that finds the field is in {fit_field(config, args.output, device=args.device)}")
    return 0


def _add_refiner(ways: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = (
        "from masks: a small network that answers clicks, trained by simulated corrections (`lexseg correct --refiner`)"
    )
    parser = ways.add_parser("refiner", help=text, description=text.capitalize() + ".", allow_abbrev=False)
    add = parser.add_argument
    add("cases", nargs="+", type=path_text, metavar="CASES", help="manifests with masks; sentences are not read")
    add("--output", type=Path, required=True, metavar="DIR", help="the refiner's folder to make")
    add("--size", type=int, default=128, help="side of the input in pixels (default: 128)")
    add("--widths", type=_widths, default=(16, 32, 64, 96), metavar="N,N,...", help="channels by stride (default: "
        "16,32,64,96; 0.5 M parameters)")  # fmt: skip
    add("--batch", type=int, default=16, help="images in a batch (default: 16)")
    add("--steps", type=int, default=1500, help="of the optimiser (default: 1500)")
    add("--clicks", type=int, default=3, help="simulated clicks on each image (default: 3)")
    add("--lr", type=float, default=2e-3, help="peak learning rate (default: 0.002)")
    add("--limit", type=int, default=2000, metavar="N", help="training cases that are read; 0 is all (default: 2000)")
    add("--seed", type=int, default=0, help="of all that chance decides (default: 0)")
    add_device(add, "where to train")
    parser.set_defaults(run=run, way_of=_refiner)


def _refiner(args: argparse.Namespace) -> int:
    from lexseg.training.refiner.fit import RefinerConfig, fit_refiner

    names = ("size", "widths", "batch", "steps", "clicks", "lr", "limit", "seed")
    config = RefinerConfig(cases=list(args.cases), **{name: getattr(args, name) for name in names})
    check_new_folder(args.output)
    print(f"the refiner is in {fit_refiner(config, args.output, device=args.device)}")
    return 0


def _add_lang2box(ways: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "from masks and sentences: the box that words name, LIMIS-style (`lexseg correct --lang2box`)"
    parser = ways.add_parser("lang2box", help=text, description=text.capitalize() + ".", allow_abbrev=False)
    add = parser.add_argument
    add(
        "cases",
        nargs="+",
        type=path_text,
        metavar="CASES",
        help="manifests with sentences and masks; an empty mask, or 'present' no, "
        "is a sentence whose target is not there",
    )
    add("--output", type=Path, required=True, metavar="DIR", help="the folder to make")
    add("--encoder", default="efficientnet-lite0", metavar="NAME", help="image encoder, which stays as it is (default: "
        "efficientnet-lite0)")  # fmt: skip
    add("--text", type=_plain, default={"kind": "minilm"}, metavar="JSON", help="text encoder, frozen (default: "
        '\'{"kind": "minilm"}\')')  # fmt: skip
    add("--size", type=int, default=160, help="side of the input in pixels (default: 160)")
    add("--batch", type=int, default=32, help="images in a batch (default: 32)")
    add("--steps", type=int, default=600, help="of the optimiser (default: 600)")
    add("--lr", type=float, default=2e-3, help="peak learning rate (default: 0.002)")
    add("--limit", type=int, default=0, metavar="N", help="training cases that are read (default: all)")
    add("--seed", type=int, default=0, help="of all that chance decides (default: 0)")
    add_device(add, "where to train")
    parser.set_defaults(run=run, way_of=_lang2box)


def _lang2box(args: argparse.Namespace) -> int:
    from lexseg.training.lang2box.fit import Lang2BoxConfig, fit_lang2box

    names = ("encoder", "text", "size", "batch", "steps", "lr", "limit", "seed")
    config = Lang2BoxConfig(cases=list(args.cases), **{name: getattr(args, name) for name in names})
    check_new_folder(args.output)
    print(f"Lang2Box is in {fit_lang2box(config, args.output, device=args.device)}")
    return 0


def _widths(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r}: numbers of channels such as 16,32,64 were expected")
    return tuple(int(part) for part in parts)


def _plain(text: str) -> dict[str, Any]:
    """An option's value that is a JSON object."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f'{text!r}: a JSON object such as \'{{"kind": "minilm"}}\' was expected')
    return value

"""``lexseg image-presence``: teach a trained model whether an image shows anything at all."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lexseg.cli.values import path_text, share

if TYPE_CHECKING:
    from torch import nn

_DESCRIPTION = """Fits a linear probe of MODEL's image encoder to whether an image of CASES shows anything that a
sentence of it names, and multiplies the model's presence by it. The network itself is not changed.

CASES are manifests of images with and without a target, with commas between them; image-level labels (column present)
are as good as masks. --shares says how much an image of each manifest counts: 0 for a source of ill images alone, or
of healthy ones alone, where another of its kind holds both answers, or the probe learns which scanner is which; - for
images of another kind, of which it is to say nothing."""
_EPILOG = """example:
  lexseg image-presence runs/mine/model films/cases.csv,clinic/cases.csv --shares 0,1 --expected 0.7
  lexseg calibrate runs/mine/model films/questions.csv

The presence of another model is another: calibrate it again, and fit its scope again (lexseg scope).
Research use only: not a medical device."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``image-presence`` to the command line."""
    parser = subparsers.add_parser(
        "image-presence",
        help="teach a trained model whether an image shows anything at all",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("model", metavar="MODEL", type=Path, help="a model folder of method tmca, which is written anew")
    add(
        "cases",
        type=path_text,
        metavar="CASES",
        help="manifest: a .csv or .jsonl file, or several with commas between them",
    )
    add(
        "--shares",
        default="",
        metavar="NUMBERS",
        help="of each manifest, a number or -, with commas between them (default: 1 each)",
    )
    add("--expected", type=share, metavar="SHARE", help="of images that show something, where the model is used")
    add("--strides", default="8,16", metavar="S,S", help="of the encoder's maps that are read (default: %(default)s)")
    add(
        "--kind-strides",
        default="",
        metavar="S,S",
        help="of the maps that tell for which images it is (default: the deepest); one hospital's films: 4,8",
    )
    add("--kind-most", type=int, default=100, metavar="N", help="images of a manifest for that (default: %(default)s)")
    add(
        "--share",
        type=share,
        metavar="SHARE",
        help="of questions that name no place: add the image's answer to theirs, less this share of theirs "
        "(default: multiply, as where a place is named)",
    )
    add("--most", type=int, default=1200, metavar="N", help="training images of a manifest (default: %(default)s)")
    add("--seed", type=int, default=0, help="of the images and their views (default: 0)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fit, save, and print how well it tells images that it was not fitted to."""
    from dataclasses import replace

    from lexseg.cases.manifest import read_manifests
    from lexseg.cli.check import progress_bar
    from lexseg.errors import ConfigError
    from lexseg.models import create_model
    from lexseg.models.io import load_model, save_model
    from lexseg.training.image_presence import fit_image_presence, labelled_images, scores

    if not (args.model / "config.json").is_file():
        raise ConfigError(f"{args.model}: the probe is written into the model, so it needs a folder of your own")
    loaded = load_model(args.model)
    if loaded.config.method != "tmca" or loaded.model.presence is None:
        raise ConfigError(f"{args.model}: only a model of method tmca that answers presence can take this factor")
    manifests = [Path(part) for part in args.cases.split(",")]
    shares, strides = _shares(args.shares, len(manifests)), _strides("--strides", args.strides, loaded.model)
    kind_strides = _strides("--kind-strides", args.kind_strides, loaded.model) if args.kind_strides else []
    cases = read_manifests(manifests)
    images = {split: labelled_images([c for c in cases if c.split == split], manifests) for split in ("train", "val")}
    with progress_bar("reading") as progress:
        probe = fit_image_presence(
            loaded.model,
            images["train"],
            loaded.config.size,
            fit=loaded.config.fit,
            shares=shares,
            expected=args.expected,
            strides=strides,
            kind_strides=kind_strides,
            kind_most=args.kind_most,
            most=args.most,
            seed=args.seed,
            progress=progress,
        )
    size, fit = loaded.config.size, loaded.config.fit
    for number, value in scores(loaded.model, probe, images["val"], size, fit=fit).items():
        print(f"AUROC {value:.3f}  {manifests[number]} (split val)")
    arguments = dict(loaded.config.arguments) | {"image_presence": strides, "image_kind": kind_strides}
    arguments["image_share"] = args.share
    built = dict(arguments) | {"encoder_args": dict(arguments.get("encoder_args") or {}) | {"pretrained": False}}
    model = create_model(loaded.config.method, **built)
    state = loaded.model.state_dict() | {f"image_presence.{k}": v for k, v in probe.state_dict().items()}
    model.load_state_dict(state, strict=True)
    card = args.model / "README.md"
    save_model(
        args.model,
        model,
        replace(loaded.config, arguments=arguments, presence=None),
        card=card.read_text(encoding="utf-8") if card.is_file() else "",
        metrics=loaded.metrics,
    )
    print(f"written to {args.model}; its presence is to be calibrated and its scope to be fitted again")
    return 0


def _strides(option: str, text: str, model: "nn.Module") -> list[int]:
    from lexseg.encoders.image.base import ImageEncoder
    from lexseg.errors import ConfigError

    assert isinstance(model.encoder, ImageEncoder)
    known = model.encoder.strides
    parts = text.split(",")
    if not all(part.strip().isdigit() and int(part) in known for part in parts):
        expected = ", ".join(map(str, known))
        raise ConfigError(f"{option} {text}: some of {expected}, with commas between them, were expected")
    return [int(part) for part in parts]


def _shares(text: str, manifests: int) -> list[float | None]:
    from lexseg.errors import ConfigError

    try:
        shares = [None if part.strip() == "-" else float(part) for part in text.split(",")] if text else []
    except ValueError as error:
        raise ConfigError(f"--shares {text}: numbers or - with commas between them were expected") from error
    if (shares and len(shares) != manifests) or any(one is not None and not one >= 0 for one in shares):
        raise ConfigError(f"--shares {text}: a number from 0 up, or -, for each of {manifests} manifests was expected")
    return shares

"""Train a teacher on a bare machine: ``python code.zip PACK OUTPUT``, or ``lexseg teacher train PACK OUTPUT``."""

import argparse
import inspect
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lexseg.errors import ConfigError, DataError, LexSegError
from lexseg.models import create_model, model_class
from lexseg.models.base import SegmentationModel
from lexseg.models.device import device_of
from lexseg.training.augment import AugmentConfig
from lexseg.training.config import OptimizerConfig
from lexseg.training.teacher.batches import Batches
from lexseg.training.teacher.contents import Pack, read_pack, read_trunk
from lexseg.training.teacher.fit import FitOptions, Say, answer, fit, scored
from lexseg.training.teacher.shards import read_shards, write_shards

WEIGHT = "weights/"
_LITE2 = "efficientnet-lite2"


def train_teacher(
    folder: Path,
    output: Path,
    options: FitOptions,
    *,
    encoder: str | None = None,
    widen: float = 1.0,
    device: str | None = None,
    seed: int = 0,
    say: Say = print,
) -> list[Path]:
    """Train from a pack, answer its validation questions, and leave both in shards.

    Args:
        folder: the pack's.
        output: the shards' folder.
        options: how long.
        encoder: of the images; ``None`` is Lite2 where its weights are packed, else the recipe's own.
        widen: how many times as wide as the recipe's the decoder is.
        device: where; ``None`` is a GPU where there is one.
        seed: of weights and batches.
        say: told how it goes.

    Returns:
        the shards' files.

    Raises:
        LexSegError: the pack cannot be used, the model not be built, or it diverges.
    """
    pack = read_pack(folder)
    place = device_of(device)
    torch.manual_seed(seed)
    arguments = teacher_arguments(pack, folder, encoder, widen)
    model = create_model(pack.about["method"], **arguments).to(place)
    trunk = read_trunk(folder, str(arguments.get("encoder")))
    if trunk is not None:
        _start_from(model, trunk)
    batches = Batches(pack, augmentation(pack.about["augment"]), place, seed=seed)
    asked, validation = pack.questions(training=True), pack.questions(training=False)
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    begins = "packed" if trunk is not None else "random"
    images = int((pack.times > 0).sum())
    say(
        f"{len(asked):,} questions about {images:,} images; {arguments.get('encoder')} with {begins} weights, "
        f"{millions:.1f} M parameters, on {place}"
    )
    if not len(asked) or not len(validation):
        raise DataError(f"{folder}: a pack without training or without validation questions; make it anew")
    model = fit(model, batches, OptimizerConfig(**pack.about["optimizer"]), options, say)
    said = answer(model, batches, validation, size=options.size, precision=options.precision)
    scores = scored(said, batches, validation)
    say("validation: " + ", ".join(f"{name} {value:.4g}" for name, value in scores.items()))
    tensors = {WEIGHT + name: halved(value) for name, value in model.state_dict().items()}
    tensors |= {"probability": said.probability, "presence": said.presence, "questions": validation}
    about = {name: pack.about[name] for name in ("method", "text_encoder_sha256")}
    about |= {"arguments": arguments, "scores": scores, "size": options.size or pack.size, "seed": seed}
    return write_shards(output, tensors, about)


def teacher_arguments(pack: Pack, folder: Path, encoder: str | None, widen: float) -> dict[str, Any]:
    """The recipe's keywords, with another trunk and a wider decoder; nothing is fetched from anywhere."""
    if not 0.25 <= widen <= 8:
        raise ConfigError(f"--widen is {widen:g}; a factor from 0.25 to 8 was expected")
    arguments = dict(pack.about["arguments"])
    own = arguments.get("encoder")
    chosen = encoder or (_LITE2 if read_trunk(folder, _LITE2) is not None and own else own)
    if chosen is not None:
        arguments["encoder"] = chosen
    if "encoder_args" in inspect.signature(model_class(pack.about["method"])).parameters:
        extra = dict(arguments.get("encoder_args") or {}) if chosen == own else {}
        arguments["encoder_args"] = extra | {"pretrained": False}
    if widen != 1 and arguments.get("widths"):
        arguments["widths"] = [max(8, int(width * widen / 8 + 0.5) * 8) for width in arguments["widths"]]
    return arguments


def _start_from(model: SegmentationModel, trunk: Mapping[str, Tensor]) -> None:
    """Give the image encoder its weights; only the norms of ``even_scale`` have none."""
    missing, unexpected = model.get_submodule("encoder").load_state_dict(trunk, strict=False)
    if unexpected or any(not name.startswith("even.") for name in missing):
        raise DataError(f"the packed weights are of another encoder: {[*unexpected, *missing][:3]}")


def read_teacher(folder: Path) -> tuple[SegmentationModel, dict[str, Any]]:
    """A teacher from its shards, ready to answer, and what it is about.

    Raises:
        DataError: a shard is missing or damaged.
        ModelError: the model cannot be built.
    """
    tensors, about = read_shards(folder)
    model = create_model(about["method"], **about["arguments"])
    weights = {name.removeprefix(WEIGHT): value for name, value in tensors.items() if name.startswith(WEIGHT)}
    try:
        model.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        raise DataError(f"{folder}: these weights are not of the model that the index names") from error
    return model.eval(), about


def augmentation(values: Mapping[str, Any]) -> AugmentConfig:
    """What a pack says of it; JSON has lists where there were pairs."""
    known = {field.name for field in fields(AugmentConfig)}
    chosen: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known}
    return AugmentConfig(**chosen)


def halved(value: Tensor) -> Tensor:
    """In half precision, what is a fraction; counts stay."""
    return value.half() if value.is_floating_point() else value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of training a teacher."""
    add = parser.add_argument
    add("pack", type=Path, metavar="PACK", help="folder that `lexseg teacher pack` has made")
    add("output", type=Path, metavar="OUTPUT", help="folder for the teacher")
    add("--minutes", type=float, default=8.0, help="how long to train (default: %(default)s)")
    add("--steps", type=int, default=0, help="end after so many steps, if that is sooner (default: never)")
    add("--encoder", help="trunk (default: efficientnet-lite2 where its weights are packed, else the recipe's)")
    add("--widen", type=float, default=1.5, help="times the recipe's widths of the decoder (default: %(default)s)")
    add("--size", type=int, default=0, help="side of the input in pixels (default: the pack's)")
    add("--images", type=int, default=32, help="images in a batch (default: %(default)s)")
    add("--each", type=int, default=2, help="questions about an image (default: %(default)s)")
    add("--precision", choices=("bf16", "32"), default="bf16")
    add("--device", help="where to train (default: a GPU where there is one)")
    add("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> int:
    """Train, and say what is left where."""
    options = FitOptions(args.minutes, args.steps, args.images, args.each, args.size, args.precision)
    left = train_teacher(
        args.pack, args.output, options, encoder=args.encoder, widen=args.widen, device=args.device, seed=args.seed
    )
    total = sum(path.stat().st_size for path in left)
    print(f"{len(left)} files of {total / 2**20:.1f} MiB in {args.output}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """The bare machine's command."""
    parser = argparse.ArgumentParser(prog="python code.zip", description="Train a teacher from a pack.")
    add_arguments(parser)
    try:
        return run(parser.parse_args(argv))
    except LexSegError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

"""Training of Lang2Box: boxes of masks and their sentences; sentences of what is not there are told to be absent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lexseg.cases.case import Case
from lexseg.cases.truth import read_truth
from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.errors import ConfigError, DataError
from lexseg.language.sides import mirror_words, named_sides
from lexseg.losses.box import corners
from lexseg.models.device import device_of
from lexseg.models.lang2box import Lang2Box, lang2box_loss
from lexseg.scans.images import read_image
from lexseg.training.beside import check_settings, descend, some_cases, warmed_cosine
from lexseg.training.lang2box.folder import square, write_lang2box

_WEIGHT_DECAY = 1e-2
_VALIDATED = 200


@dataclass(frozen=True, slots=True)
class Lang2BoxConfig:
    """How a Lang2Box is trained.

    Attributes:
        cases: manifests with sentences and masks. A mask that is empty, or ``present`` no, makes a sentence an absent
            one; so does the other side of a sentence that names one side, in half of the images.
        encoder: image encoder; it stays as it is.
        encoder_args: its keywords.
        text: text encoder, frozen, as in a recipe.
        dim: width of the space.
        size: side of the input in pixels; divisible by 32.
        batch: images a step.
        steps: of the optimiser.
        lr: peak learning rate.
        limit: training cases that are read, by chance; 0 is all.
        seed: of all that chance decides.
    """

    cases: Sequence[str]
    encoder: str = "efficientnet-lite0"
    encoder_args: Mapping[str, Any] = field(default_factory=dict)
    text: Mapping[str, Any] = field(default_factory=lambda: {"kind": "minilm"})
    dim: int = 128
    size: int = 160
    batch: int = 32
    steps: int = 600
    lr: float = 2e-3
    limit: int = 0
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class BoxSample:
    """One image. Attributes: image: float[3, S, S]; text; box: as the network says it, ``None`` where nothing is."""

    image: Tensor
    text: str
    box: tuple[float, float, float, float] | None


def fit_lang2box(
    config: Lang2BoxConfig, output: Path, *, device: str | None = None, say: Callable[[str], None] = print
) -> Path:
    """Train a Lang2Box and leave it as a folder.

    Args:
        config: how.
        output: the folder to make; it must not hold anything yet.
        device: where to train; ``None`` is a GPU where there is one.
        say: told how it goes.

    Returns:
        ``output``.

    Raises:
        ConfigError, DataError, TextError: what was given cannot be used.
    """
    _check(config)
    place = device_of(device)
    training, validation = (_read(config, split) for split in ("train", "val"))
    if not any(sample.box for sample in training):
        raise DataError(f"{', '.join(config.cases)}: no training case has a sentence and a mask that holds anything")
    torch.manual_seed(config.seed)
    reader = create_text_encoder(config.text)
    arguments: dict[str, Any] = {
        "encoder": config.encoder,
        "encoder_args": dict(config.encoder_args),
        "dim": config.dim,
    }
    network = Lang2Box(**arguments | {"text_width": reader.width}).to(place)
    pipeline = TextPipeline(reader.to(place))
    absent = sum(sample.box is None for sample in training)
    say(f"{len(training):,} images, {absent:,} of them without what their sentence names; {place}")
    _fit(network, training, config, pipeline, place, say)
    scores = score(network, validation, pipeline, place) if validation else None
    if scores is not None:
        say(
            f"validation: IoU of boxes {scores['iou']:.3f}, {scores['half']:.0%} at 0.5 or more, of "
            f"{scores['present']}; told apart from the absent in {scores['right']:.0%} of {scores['asked']}"
        )
    settings = {"size": config.size, "batch": config.batch, "steps": config.steps, "lr": config.lr, "seed": config.seed}
    write_lang2box(
        output, network.cpu(), arguments=arguments | {"text_width": reader.width}, text=reader.config(),
        fingerprint=reader.fingerprint(), size=config.size,
        how={"kind": "lang2box", "images": len(training), "absent": absent, "validation": scores, "settings": settings},
    )  # fmt: skip
    return output


def _check(config: Lang2BoxConfig) -> None:
    check_settings(config, 32)
    if config.dim < 4 or config.dim % 4:
        raise ConfigError(f"dim is {config.dim}; a number divisible by 4 was expected")
    if config.batch < 2:
        raise ConfigError(f"batch is {config.batch}; 2 or more was expected: sentences are told apart in a batch")
    if config.text.get("trainable"):
        raise ConfigError("the text encoder of Lang2Box is frozen; leave 'trainable' out")


def _read(config: Lang2BoxConfig, split: str) -> list[BoxSample]:
    most = config.limit if split == "train" else _VALIDATED
    chosen = some_cases(config.cases, split, _told, most=most, seed=config.seed)
    return [BoxSample(square(read_image(case.image), config.size), case.text, _box(case)) for case in chosen]


def _told(case: Case) -> bool:
    return bool(case.text.strip()) and (case.mask is not None or case.present == "no")


def _box(case: Case) -> tuple[float, float, float, float] | None:
    truth = None if case.mask is None or case.present == "no" else read_truth(case)
    if truth is None or not truth.any():
        return None
    rows, columns = np.nonzero(truth.any(axis=1))[0], np.nonzero(truth.any(axis=0))[0]
    high, wide = truth.shape
    top, bottom, left, right = rows[0] / high, (rows[-1] + 1) / high, columns[0] / wide, (columns[-1] + 1) / wide
    return float(top + bottom) / 2, float(left + right) / 2, float(bottom - top), float(right - left)


def _fit(
    network: Lang2Box, samples: list[BoxSample], config: Lang2BoxConfig, pipeline: TextPipeline, place: torch.device,
    say: Callable[[str], None],
) -> None:  # fmt: skip
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=config.lr, weight_decay=_WEIGHT_DECAY)
    schedule = warmed_cosine(optimizer, config.steps)
    rng = np.random.default_rng(config.seed)
    network.train()
    running = 0.0
    for step in range(config.steps):
        drawn = [varied(samples[int(i)], rng) for i in rng.integers(len(samples), size=config.batch)]
        images, texts, boxes, present = _batch(drawn, place)
        loss = lang2box_loss(network(images, pipeline(texts).to(place)), boxes, present)
        descend(loss, trained, optimizer, schedule)
        running = loss.item() if step == 0 else 0.95 * running + 0.05 * loss.item()
        if (step + 1) % max(1, config.steps // 10) == 0:
            say(f"step {step + 1} of {config.steps}: loss {running:.3f}")
    network.eval()


def varied(sample: BoxSample, rng: np.random.Generator) -> BoxSample:
    """The image mirrored with its words, by chance; or its words alone, where they then name what is not there."""
    text, box = sample.text, sample.box
    one_side = len(set(named_sides(text))) == 1
    other = mirror_words(text, "horizontal")
    if rng.random() < 0.5:
        box = None if box is None else (box[0], 1 - box[1], box[2], box[3])
        sample, text, other = BoxSample(sample.image.flip(-1), other, box), other, text
    if box is not None and one_side and rng.random() < 0.5:
        return BoxSample(sample.image, other, None)
    return BoxSample(sample.image, text, box)


def _batch(samples: Sequence[BoxSample], place: torch.device) -> tuple[Tensor, list[str], Tensor, Tensor]:
    boxes = torch.tensor([sample.box or (0.5, 0.5, 1.0, 1.0) for sample in samples])
    present = torch.tensor([sample.box is not None for sample in samples])
    images = torch.stack([sample.image for sample in samples])
    return images.to(place), [sample.text for sample in samples], boxes.to(place), present.to(place)


@torch.no_grad()
def score(
    network: Lang2Box, samples: Sequence[BoxSample], pipeline: TextPipeline, place: torch.device
) -> dict[str, Any] | None:
    """Mean IoU of boxes, the share at 0.5 or more, and how often present and absent are told apart.

    The absent are the cases without a target, and each one-sided sentence with its sides swapped.
    """
    ious, right = [], []
    for sample in samples:
        swapped = mirror_words(sample.text, "horizontal")
        asked = [sample.text] + ([swapped] if sample.box and len(set(named_sides(sample.text))) == 1 else [])
        found = network(sample.image[None].expand(len(asked), -1, -1, -1).to(place), pipeline(asked).to(place))
        right += [bool(found.present[0] > 0) == (sample.box is not None), *(bool(p <= 0) for p in found.present[1:])]
        if sample.box is not None:
            true = corners(torch.tensor([sample.box]))
            ious.append(_iou(corners(found.boxes[:1].cpu()), true))
    if not ious:
        return None
    return {
        "iou": round(float(np.mean(ious)), 4),
        "half": round(float(np.mean(np.array(ious) >= 0.5)), 4),
        "present": len(ious),
        "right": round(float(np.mean(right)), 4),
        "asked": len(right),
    }


def _iou(first: Tensor, second: Tensor) -> float:
    low, high = torch.maximum(first[:, :2], second[:, :2]), torch.minimum(first[:, 2:], second[:, 2:])
    both = float((high - low).clamp(min=0).prod())
    areas = [float((box[:, 2:] - box[:, :2]).prod()) for box in (first, second)]
    return both / max(sum(areas) - both, 1e-9)

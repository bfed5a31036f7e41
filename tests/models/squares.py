"""Can a model learn from scratch, in a minute, which of two squares the words mean?"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.losses.target import Target
from lexseg.models.base import SegmentationModel

VOCABULARY = ["left", "right", "square"]
TESTED = 48
"""Images of each kind that are asked about: enough that two or three wrong answers decide nothing."""


@dataclass(frozen=True)
class Learnt:
    """How the trained model answers about images that it has not seen.

    Attributes:
        meant: the lower of the two Dices (asked for left, for right) with the square that was asked for.
        other: the higher of the two Dices with the square that was not asked for.
        there: share of squares that are there and are said to be.
        absent: share of squares that are not there and are said not to be.
    """

    meant: float
    other: float
    there: float
    absent: float


def learn_squares(model: SegmentationModel, *, steps: int = 200, seed: int = 0) -> Learnt:
    """Train on images of one or two squares, of which a sentence means one, which may not be there.

    Args:
        model: with a text encoder of its own, which knows `VOCABULARY`.
        steps: of eight images.
        seed: of the images.
    """
    # channels last as in training; nearly twice as fast
    model.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert model.text_input is not None and model.text_input.encoder is not None
    pipeline = TextPipeline(model.text_input.encoder)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for step in range(steps):
        # half of the images hold one square alone, and half of those are asked for the other
        image, left, right = _squares(8, seed=1000 * seed + step, alone=4)
        asked = torch.arange(8) // 2 % 2 == 0
        mask = torch.where(asked[:, None, None, None], left, right)
        text = pipeline(["left square" if a else "right square" for a in asked])
        image = image.contiguous(memory_format=torch.channels_last)
        optimizer.zero_grad()
        sum(model.training_losses(image, text, Target(mask)).values()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return _answers(model.eval(), pipeline)


@torch.no_grad()
def _answers(model: SegmentationModel, pipeline: TextPipeline) -> Learnt:
    def asked(image: Tensor, side: str) -> tuple[Tensor, Tensor]:
        answer = model(image, pipeline([f"{side} square"] * len(image)))
        return answer.logits > 0, answer.presence > 0

    image, left, right = _squares(TESTED, seed=10_000_000)
    found_left, found_right = (asked(image, side)[0] for side in ("left", "right"))
    image, lonely, _ = _squares(TESTED, seed=20_000_000, alone=TESTED)
    said_left, said_right = (asked(image, side)[1] for side in ("left", "right"))
    is_left = lonely.flatten(1).any(1)
    return Learnt(
        meant=min(_dice(found_left, left), _dice(found_right, right)),
        other=max(_dice(found_left, right), _dice(found_right, left)),
        there=float(torch.where(is_left, said_left, said_right).float().mean()),
        absent=float((~torch.where(is_left, said_right, said_left)).float().mean()),
    )


def _squares(n: int, seed: int, alone: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Images, left squares and right squares; the first ``alone`` images hold only one."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(n, 3, 64, 64, generator=generator) * 0.3
    masks = torch.zeros(2, n, 1, 64, 64)
    for i in range(n):
        for side in range(2):
            edge, row, column = (
                int(torch.randint(lo, hi, (), generator=generator)) for lo, hi in ((10, 18), (2, 44), (2, 12))
            )
            if i < alone and side == (i + seed) % 2:
                continue
            masks[side, i, 0, row : row + edge, 32 * side + column : 32 * side + column + edge] = 1
    return (image + 0.6 * masks.sum(0)).clamp(0, 1), masks[0], masks[1]


def _dice(mask: Tensor, truth: Tensor) -> float:
    return float(2 * (mask * truth).sum() / (mask.sum() + truth.sum()))

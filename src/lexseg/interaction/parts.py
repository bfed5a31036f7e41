"""The connected parts of a mask: which are meant, and where they lie."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lexseg.interaction.operations import Components, Spot
from lexseg.interaction.state import Mask

SPECK = 0.15
"""A part smaller than this share of the largest is a speck."""
_EIGHT = np.ones((3, 3), np.bool_)  # touching corners connect, as where components are counted


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The parts of a mask, the largest first.

    Attributes:
        labels: int[H, W], 0 outside.
        order: the label of each part.
        areas: in pixels.
        centres: (row, column) as shares of the image's height and width, 0..1.
    """

    labels: NDArray[np.int32]
    order: tuple[int, ...]
    areas: tuple[int, ...]
    centres: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, mask: Mask) -> "Parts":
        """The parts of bool[H, W]; touching corners connect."""
        labels, number = ndimage.label(mask, structure=_EIGHT)
        sizes = np.bincount(labels.ravel(), minlength=number + 1)[1:]
        order = np.argsort(-sizes, kind="stable") + 1
        centres = ndimage.center_of_mass(mask, labels, list(order)) if number else []
        height, width = mask.shape
        return cls(
            labels,
            tuple(map(int, order)),
            tuple(int(sizes[i - 1]) for i in order),
            tuple(((y + 0.5) / height, (x + 0.5) / width) for y, x in centres),
        )

    def __len__(self) -> int:
        return len(self.order)

    def mask(self, ranks: list[int]) -> Mask:
        """bool[H, W] of the parts of these ranks, from 0."""
        return np.isin(self.labels, [self.order[i] for i in ranks])


def meant(parts: Parts, what: Components) -> list[int]:
    """The ranks, from 0, of the parts that are meant; none where it cannot be said which."""
    number = len(parts)
    if what.which == "largest":
        return list(range(min(what.first - 1, number), min(what.first - 1 + what.count, number)))
    if what.which == "smallest":
        return list(range(max(number - what.count, 0), number))
    if what.which == "specks":
        return [i for i in range(1, number) if parts.areas[i] < SPECK * parts.areas[0]]
    assert what.spot is not None
    if number < 2:
        return []
    scores = [_toward(what.spot, *centre) for centre in parts.centres]
    order = sorted(range(number), key=lambda i: -scores[i])
    return [order[0]]


def _toward(spot: Spot, y: float, x: float) -> float:
    """How far a place lies to a side and a height."""
    score = {"left": -x, "right": x, "centre": -abs(x - 0.5), "": 0.0}[spot.side]
    return score + {"upper": -y, "lower": y, "middle": -abs(y - 0.5), "": 0.0}[spot.height]

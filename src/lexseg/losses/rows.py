"""Which rows of a batch a loss of masks can learn from, and which of them name what is not there."""

import torch
from torch import Tensor

from lexseg.losses.target import Target


def shown_rows(target: Target) -> Tensor:
    """bool[B]: the mask shows something where the truth is known, and it is known whether all of it is in view."""
    shown = _known(target.mask, target).flatten(1).amax(1) > 0
    return shown if target.present is None else shown & target.present.isfinite()


def absent_rows(target: Target) -> Tensor:
    """bool[B]: what the sentence names is not in the image, and some of its pixels are known."""
    empty = target.mask.flatten(1).amax(1) <= 0
    known = known_pixels(target) > 0
    return empty & known if target.present is None else empty & known & (target.present == 0)


def row_weight(target: Target) -> Tensor:
    """float[B], how much each row counts in a loss of masks.

    None where the truth is not known: no pixel of it is, or only that the image holds the target (a label without a
    mask), or what it holds has been moved out of view.
    """
    return weighted(shown_rows(target) | absent_rows(target), target)


def weighted(rows: Tensor, target: Target) -> Tensor:
    """float[B]: the cases' weights, 1 without any; 0 in rows that bool[B] leaves out."""
    return rows.float() if target.weight is None else rows * target.weight.float()


def known_pixels(target: Target) -> Tensor:
    """float[B], how many pixels' truth is known."""
    return _known(torch.ones_like(target.mask, dtype=torch.float32), target).sum((1, 2, 3))


def _known(value: Tensor, target: Target) -> Tensor:
    return value if target.valid is None else value * target.valid

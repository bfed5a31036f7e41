"""Dice and IoU, per image and pooled.

The two aggregations differ by about six points on the same predictions (docs/explanation/scores.md), so each function
here says which one it is. Empty masks follow one rule everywhere: both empty 1, one empty 0.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

EMPTY_RULE = "both empty 1, one empty 0"
"""How Dice and IoU treat empty masks, in the words of the report."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Pixels of one image, or of many: addition pools.

    Attributes:
        tp: foreground in both.
        fp: foreground in the prediction alone.
        fn: foreground in the reference alone.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Pools two counts."""
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def dice(self) -> float:
        """2 TP / (2 TP + FP + FN), 0..1; 1 where there is no foreground at all."""
        total = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / total if total else 1.0

    @property
    def iou(self) -> float:
        """TP / (TP + FP + FN), 0..1; 1 where there is no foreground at all."""
        total = self.tp + self.fp + self.fn
        return self.tp / total if total else 1.0

    @property
    def predicted(self) -> int:
        """Foreground pixels of the prediction."""
        return self.tp + self.fp

    @property
    def reference(self) -> int:
        """Foreground pixels of the reference."""
        return self.tp + self.fn


def counts(prediction: NDArray[np.bool_], reference: NDArray[np.bool_]) -> Counts:
    """Counts the pixels of two masks.

    Args:
        prediction: bool[...], what was found.
        reference: bool of the same shape, what is true.

    Raises:
        ValueError: if the shapes differ or an array is not bool: a probability must be thresholded first.
    """
    check_masks(prediction, reference)
    tp = int(np.count_nonzero(prediction & reference))
    return Counts(tp, int(np.count_nonzero(prediction)) - tp, int(np.count_nonzero(reference)) - tp)


def check_masks(prediction: NDArray[np.bool_], reference: NDArray[np.bool_]) -> None:
    """Raises ValueError unless both are bool arrays of one shape."""
    if prediction.dtype != np.bool_ or reference.dtype != np.bool_:
        raise ValueError(f"masks must be bool, got {prediction.dtype} and {reference.dtype}")
    if prediction.shape != reference.shape:
        raise ValueError(f"masks differ in shape: {prediction.shape} and {reference.shape}")


def dice(prediction: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float:
    """Dice of one image, 0..1; both empty 1, one empty 0."""
    return counts(prediction, reference).dice


def iou(prediction: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float:
    """Intersection over union of one image, 0..1; both empty 1, one empty 0."""
    return counts(prediction, reference).iou


class Pooled:
    """Dice and IoU of all pixels of all images together, as the published LanGuideMedSeg family reports them."""

    def __init__(self) -> None:
        """Starts with no image."""
        self.total = Counts()
        self.images = 0

    def add(self, prediction: NDArray[np.bool_], reference: NDArray[np.bool_]) -> Counts:
        """Takes one image in and returns its own counts."""
        one = counts(prediction, reference)
        self.add_counts(one)
        return one

    def add_counts(self, one: Counts) -> None:
        """Takes in an image that is counted already."""
        self.total = self.total + one
        self.images += 1

    @property
    def dice(self) -> float:
        """Dice of the pixels of all images together, 0..1."""
        return self.total.dice

    @property
    def iou(self) -> float:
        """Pooled IoU, 0..1; equals Dice / (2 - Dice)."""
        return self.total.iou


def pooled(tp: int, fp: int, fn: int) -> tuple[float, float]:
    """Pooled Dice and IoU of summed pixel counts."""
    total = Counts(tp, fp, fn)
    return total.dice, total.iou


def counts_per_image(prediction: Tensor, mask: Tensor, *, valid: Tensor | None = None) -> Tensor:
    """Pixel counts of each image of a batch, to be summed over steps and devices for pooled scores.

    Args:
        prediction: bool[B, 1, H, W], or logits (never probabilities) float[B, 1, H, W] that are cut at 0.
        mask: bool or 0/1 of the same shape, the reference.
        valid: bool of the same shape, false where a pixel does not count.

    Returns:
        int64[B, 3]: TP, FP, FN.
    """
    if prediction.shape != mask.shape:
        raise ValueError(f"prediction and mask differ in shape: {tuple(prediction.shape)} and {tuple(mask.shape)}")
    found = prediction if prediction.dtype == torch.bool else prediction > 0
    true = mask if mask.dtype == torch.bool else mask > 0.5
    if valid is not None:
        found, true = found & valid.bool(), true & valid.bool()
    both = (found & true).flatten(1).sum(1)
    return torch.stack((both, found.flatten(1).sum(1) - both, true.flatten(1).sum(1) - both), dim=1)


def pixel_counts(prediction: Tensor, mask: Tensor, *, valid: Tensor | None = None) -> Tensor:
    """Pixel counts of one image of any size: int64[3], TP, FP, FN; the arguments are as in `counts_per_image`."""
    one = None if valid is None else valid.reshape(1, -1)
    return counts_per_image(prediction.reshape(1, -1), mask.reshape(1, -1), valid=one)[0]


def dice_from_counts(tallies: Tensor) -> Tensor:
    """Dice of int[..., 3] counts (TP, FP, FN): float32[...], 0..1, 1 where there is no foreground at all."""
    tp, fp, fn = tallies.unbind(-1)
    return _share(2 * tp, 2 * tp + fp + fn)


def iou_from_counts(tallies: Tensor) -> Tensor:
    """IoU of int[..., 3] counts (TP, FP, FN): float32[...], 0..1, 1 where there is no foreground at all."""
    tp, fp, fn = tallies.unbind(-1)
    return _share(tp, tp + fp + fn)


def _share(part: Tensor, total: Tensor) -> Tensor:
    # Sums are made of integers and only the quotient is a float32: exact enough at any count, and without float64,
    # which Apple's GPUs lack.
    return torch.where(total > 0, part.float() / total.clamp(min=1).float(), 1.0)


def dice_per_image(prediction: Tensor, mask: Tensor, *, valid: Tensor | None = None) -> Tensor:
    """Dice of each image of a batch, for the validation step of training.

    Args:
        prediction: bool[B, 1, H, W], or logits float[B, 1, H, W] that are cut at 0.
        mask: bool or 0/1 of the same shape.
        valid: bool of the same shape, false where a pixel does not count.

    Returns:
        float32[B], 0..1; both empty 1, one empty 0.
    """
    return dice_from_counts(counts_per_image(prediction, mask, valid=valid))

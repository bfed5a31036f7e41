"""From a map of what words mean to a mask: two means, the largest components, and a box for LiteMedSAM, with guards."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from lexseg.language.parts import Parts
from lexseg.models.medsam_lite import Box, LiteMedSAM

Origin = Literal["map", "sam", "field", "whole image"]
SIDE = 256
"""Pixels of the square that masks are made on, LiteMedSAM's own."""
GROWN = 0.05
"""Share of its height and width that a box grows by on each side."""
OUTSIDE, FILLED = 0.2, 0.95
"""A mask from a box is not believed that lies to this share outside it, or fills more than that of it."""
FLAT = 0.05
"""Weight of a mask of the whole image, which an empty map gives."""
_BINS = 256
_EIGHT = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, slots=True)
class Made:
    """A mask and how sure it is.

    Attributes:
        mask: bool[256, 256] of the image stretched to a square.
        probability: float32[256, 256], at least 0.5 inside the mask and below it outside.
        weight: mean probability inside.
        origin: what it was made from: the map, LiteMedSAM's answer to its box, the field alone, or nothing at all.
        box: around the map's components, not yet grown.
    """

    mask: NDArray[np.bool_]
    probability: NDArray[np.float32]
    weight: float
    origin: Origin
    box: Box


def make_mask(
    saliency: Tensor, *, keep: int = 1, sam: "SAM | None" = None, inside: NDArray[np.bool_] | None = None
) -> Made:
    """A mask from a map.

    Args:
        saliency: float[h, w], on any scale.
        keep: how many components are kept, the largest first.
        sam: LiteMedSAM with the image; ``None`` leaves the mask as the map has it.
        inside: bool[256, 256], outside of which nothing is kept; ``None`` is all of the image. The threshold is the
            whole map's.
    """
    smooth = F.interpolate(saliency[None, None].float().cpu(), size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    values = smooth[0, 0].numpy()
    means, inside = two_means(values), within(None) if inside is None else inside
    if means is not None:
        low, high = means
        # a logistic curve whose middle is the threshold, and that gives 0.88 at the mean of what is above it
        probability = (1 / (1 + np.exp(-4 * (values - (low + high) / 2) / (high - low)))).astype(np.float32)
        mask = largest((probability >= 0.5) & inside, keep)
        if mask.any():
            probability = np.where(mask, probability, np.minimum(probability, np.float32(0.499)))
            made = Made(mask, probability, float(probability[mask].mean()), "map", box_of(mask))
            return made if sam is None else _by_box(made, sam, keep)
    made = of_nothing(inside)  # nowhere in it do the words mean more than elsewhere
    return made if sam is None else _by_box(made, sam, keep, FLAT)


def of_nothing(inside: NDArray[np.bool_]) -> Made:
    """All that the mask may be, bool[256, 256], believed hardly at all."""
    flat = np.where(inside, np.float32(0.5), np.float32(0.499)).astype(np.float32)
    return Made(inside, flat, FLAT, "whole image", box_of(inside))


def of_field(inside: NDArray[np.bool_], field: NDArray[np.float32]) -> Made:
    """The parts of a field that are named, bool[256, 256], as sure as the field is in them, float32[256, 256]."""
    probability = np.where(inside, field.clip(0.5, 1), np.where(field < 0.5, field, 0)).astype(np.float32)
    return Made(inside, probability, float(probability[inside].mean()), "field", box_of(inside))


def within(parts: Parts | None) -> NDArray[np.bool_]:
    """The parts of an image (:mod:`lexseg.language.parts`) as bool[256, 256]; ``None`` is all of it."""
    if parts is None:
        return np.ones((SIDE, SIDE), np.bool_)
    rows = np.arange(SIDE) * len(parts) // SIDE
    columns = np.arange(SIDE) * len(parts[0]) // SIDE
    inside: NDArray[np.bool_] = np.asarray(parts, np.bool_)[rows][:, columns]
    return inside


def from_probability(probability: Tensor, *, keep: int = 1, inside: NDArray[np.bool_] | None = None) -> Made:
    """A mask from a model's own probability, float[h, w] in 0..1: at least one half, the largest components.

    Where nothing is, the mask is empty and the weight that of a map without content.
    """
    values = F.interpolate(probability[None, None].float().cpu(), size=(SIDE, SIDE), mode="bilinear")[0, 0].numpy()
    mask = largest((values >= 0.5) & (within(None) if inside is None else inside), keep)
    kept = np.where(mask, values, np.minimum(values, np.float32(0.499)))
    return Made(mask, kept, float(kept[mask].mean()) if mask.any() else FLAT, "map", box_of(mask))


def two_means(values: NDArray[np.float32]) -> tuple[float, float] | None:
    """The means of two clusters of gray values, the lower first; ``None`` where all are equal.

    K-means with k = 2 on one number is a threshold midway between the two means; it is found on a histogram of 256
    bins, from the two ends.
    """
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(low) or not np.isfinite(high) or high - low <= 1e-12 * max(1.0, abs(high)):
        return None
    counts, edges = np.histogram(values, bins=_BINS, range=(low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    for _ in range(_BINS):
        above = centres > (low + high) / 2
        if not counts[above].sum() or not counts[~above].sum():
            break
        means = [float(np.average(centres[part], weights=counts[part])) for part in (~above, above)]
        if means == [low, high]:
            break
        low, high = means
    return low, high


def largest(mask: NDArray[np.bool_], keep: int) -> NDArray[np.bool_]:
    """The ``keep`` largest components; touching corners connect."""
    labels, n = ndimage.label(mask, structure=_EIGHT)
    if n <= keep:
        return mask
    sizes = np.bincount(labels.ravel(), minlength=n + 1)[1:]
    kept = np.argsort(-sizes, kind="stable")[:keep] + 1
    return np.isin(labels, kept)


def box_of(mask: NDArray[np.bool_]) -> Box:
    """Around all that is true, as shares of height and width; the whole image where nothing is."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return (0.0, 0.0, 1.0, 1.0)
    h, w = mask.shape
    return (float(rows[0] / h), float(columns[0] / w), float((rows[-1] + 1) / h), float((columns[-1] + 1) / w))


def grown(box: Box, share: float = GROWN) -> Box:
    """A box larger on each side by a share of its height and width, within the image."""
    top, left, bottom, right = box
    dy, dx = share * (bottom - top), share * (right - left)
    return (max(0.0, top - dy), max(0.0, left - dx), min(1.0, bottom + dy), min(1.0, right + dx))


def believable(mask: NDArray[np.bool_], box: Box) -> bool:
    """Whether a mask can be what a box holds: there is one, it stays within it, and it does not just fill it."""
    area = int(mask.sum())
    if not area:
        return False
    h, w = mask.shape
    inside = np.zeros_like(mask)
    top, left, bottom, right = (round(side * n) for side, n in zip(box, (h, w, h, w), strict=True))
    inside[top:bottom, left:right] = True
    within = int((mask & inside).sum())
    return within >= (1 - OUTSIDE) * area and within <= FILLED * int(inside.sum())


class SAM:
    """LiteMedSAM on one image. Args: model: it; image: float[3, H, W] in 0..1, at its own size."""

    def __init__(self, model: LiteMedSAM, image: Tensor) -> None:
        self.model, self.embedding = model, model.embed(image)

    def __call__(self, box: Box) -> NDArray[np.float32]:
        """Of each pixel to be the lesion: float32[256, 256] in 0..1."""
        found: NDArray[np.float32] = self.model.mask(self.embedding, box).numpy()
        return found


def _by_box(made: Made, sam: SAM, keep: int, most: float = 1.0) -> Made:
    """What LiteMedSAM makes of the box, where that can be believed; else what there was."""
    box = grown(made.box)
    probability = sam(box)
    mask = largest(probability >= 0.5, keep)
    if not believable(mask, box):
        return made
    probability = np.where(mask, probability, np.minimum(probability, np.float32(0.499)))
    return Made(mask, probability, min(most, float(probability[mask].mean())), "sam", made.box)


def entropy(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each pixel's answer, in bits: 0 where it is sure, 1 at one half."""
    p = probability.clip(1e-6, 1 - 1e-6)
    bits: NDArray[np.float32] = (-(p * np.log2(p) + (1 - p) * np.log2(1 - p))).astype(np.float32)
    return bits


def at_size(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """float32[256, 256] stretched to (height, width), bilinear."""
    tensor = torch.from_numpy(values)[None, None]
    return F.interpolate(tensor, size=size, mode="bilinear", align_corners=False)[0, 0].numpy()

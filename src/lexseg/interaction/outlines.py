"""Moving an outline by a length, smoothing it, filling and joining what it encloses."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lexseg.interaction.operations import Amount, Direction
from lexseg.interaction.state import FARTHEST, Evidence, Mask

MOVES: dict[Amount, float] = {"slight": 0.05, "usual": 0.1, "fair": 0.15, "much": 0.25, "vast": 0.5}
"""How far a mask is moved, as a share of its height or width."""
_SMOOTHED: dict[Amount, float] = {"slight": 0.03, "usual": 0.06, "fair": 0.09, "much": 0.12, "vast": 0.2}
_NEAR = np.float32(0.5)
_TINY = np.float32(1e-6)
_EIGHT = np.ones((3, 3), np.bool_)
_BY: dict[Direction, tuple[int, int]] = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}


def marked(evidence: Evidence, mask: Mask, depth: NDArray[Any] | None = None, *, for_good: bool = False) -> Evidence:
    """Evidence that gives another mask, and else keeps its order.

    Args:
        evidence: float32[H, W].
        mask: bool[H, W] that it is to give.
        depth: how far a pixel lies from what was its side, 0..1: what is nearer comes back first.
        for_good: what is taken away comes back after everything else.

    Returns:
        float32[H, W].
    """
    had = evidence >= 0
    near = _NEAR if depth is None else (_NEAR * np.clip(1 - depth, 0, 1)).astype(np.float32)
    out = evidence - np.float32(2 * FARTHEST) if for_good else -near - _TINY
    moved = np.where(mask & ~had, near, np.where(had & ~mask, out, evidence))
    return np.clip(moved, -4 * FARTHEST, 4 * FARTHEST).astype(np.float32)


def resized(mask: Mask, radius: float, pixel: tuple[float, float], *, grow: bool) -> tuple[Mask, NDArray[np.float64]]:
    """A mask whose outline was moved by a length, and each pixel's distance from it as a share of that length.

    Args:
        mask: bool[H, W].
        radius: the length.
        pixel: height and width of a pixel, in the same unit.
        grow: outwards or inwards. The picture's border is no outline.
    """
    away = ndimage.distance_transform_edt(~mask if grow else mask, sampling=pixel)
    if not (mask.any() if grow else (~mask).any()):
        return mask.copy(), np.zeros(mask.shape)  # nothing to measure from
    # half a pixel at the edge lies nearer than the next pixel's centre: a radius of 1 takes one row
    return (mask | (away <= radius + 1e-9) if grow else away > radius + 1e-9), away / radius


def by_pixels(mask: Mask, region: Mask, pixels: int, *, grow: bool) -> float:
    """The length in pixels by which an outline is moved for about so many pixels of a region to change sides.

    As many lie at one distance, it is the one that comes nearest; 0 where nothing can be moved.
    """
    away = ndimage.distance_transform_edt(~mask if grow else mask)[region & (~mask if grow else mask)]
    if not away.size or not (mask.any() if grow else (~mask).any()):
        return 0.0
    lengths, counts = np.unique(away, return_counts=True)
    return float(lengths[np.abs(np.cumsum(counts) - pixels).argmin()])


def smoothed(mask: Mask, amount: Amount) -> Mask:
    """A mask without what is thin: each pixel goes with most of those around it, within a disc."""
    radius = max(1.0, _SMOOTHED[amount] * float(np.sqrt(np.count_nonzero(mask))))
    most = ndimage.gaussian_filter(mask.astype(np.float32), radius, mode="nearest")
    return np.asarray(most >= 0.5)


def filled(mask: Mask) -> Mask:
    """A mask, bool[H, W], with its holes filled."""
    return np.asarray(ndimage.binary_fill_holes(mask), np.bool_)


def joined(mask: Mask, most: float) -> Mask:
    """A mask closed by the smallest disc that makes one piece of it, up to a radius in pixels; the disc adds no rim."""
    radius = 1.0
    best = mask
    while radius <= most:
        padded = np.pad(mask, int(np.ceil(radius)) + 1)
        near = ndimage.distance_transform_edt(~padded) <= radius
        closed = ndimage.distance_transform_edt(near) > radius
        inner = slice(int(np.ceil(radius)) + 1, -int(np.ceil(radius)) - 1)
        best = np.asarray(closed[inner, inner] | mask)
        if ndimage.label(best, structure=_EIGHT)[1] <= 1:
            return best
        radius *= 1.5
    return best


def moved(evidence: Evidence, to: Direction, by: int) -> Evidence:
    """Evidence moved by whole pixels; what comes in from outside is far from belonging to the mask."""
    height, width = evidence.shape
    down, along = (step * by for step in _BY[to])
    result = np.full_like(evidence, -FARTHEST)
    if abs(down) < height and abs(along) < width:
        result[max(down, 0) : height + min(down, 0), max(along, 0) : width + min(along, 0)] = evidence[
            max(-down, 0) : height + min(-down, 0), max(-along, 0) : width + min(-along, 0)
        ]
    return result

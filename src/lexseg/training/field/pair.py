"""Two dark regions of an image, one on each side, found by thresholds alone: lungs on a film of a healthy chest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

SIDE = 128
"""Pixels of the square that is looked at."""
_LEVELS = np.linspace(0.1, 0.6, 16)  # shares of the middle of the image that thresholds leave dark
_LEAST, _MOST = 0.025, 0.22  # of the image, that one region has
_TALL, _SLIM = 0.25, 0.9  # of the image's height, and of its own width, that a region is high at least
_MIDDLE = (0.2, 0.75)  # of the image's height, between which its centre lies
_LEVEL, _MIRRORED = 0.1, 0.25  # how far, of the side, centres may differ in height, and from one another's mirror image
_TOUCH = SIDE // 20  # pixels that gaps are closed by: ribs and vessels


@dataclass(frozen=True, slots=True)
class DarkPair:
    """Two regions. Attributes: mask: bool[128, 128], of both; quality: 0..1, how much they are a pair."""

    mask: NDArray[np.bool_]
    quality: float


@dataclass(frozen=True, slots=True)
class _Region:
    mask: NDArray[np.bool_]
    share: float  # of the image
    solid: float  # of its convex hull
    row: float
    column: float


def dark_pair(image: NDArray[np.float32]) -> DarkPair | None:
    """The two regions, enclosed by what is brighter, that are the best pair over sixteen thresholds.

    Of regions that do not touch the border, are of a lung's size and higher than wide, those are a pair whose areas,
    heights and distances from the middle agree, which are large, and which fill their convex hulls:

        quality = sqrt(min(a, b) / max(a, b)) sqrt(a + b) (s_a s_b)^1.5 exp(-((y_a - y_b) / .1)^2)
                  exp(-((x_a + x_b - 1) / .25)^2)

    a, b their shares of the image, s of their hulls, (y, x) their centres in 0..1. OURS.

    Args:
        image: float32[128, 128], gray, on any scale.

    Returns:
        ``None`` where there are no two such regions.
    """
    flat = _flattened(image)
    rows, columns = slice(SIDE // 8, -(SIDE // 8)), slice(SIDE // 10, -(SIDE // 10))
    best: tuple[float, NDArray[np.bool_]] | None = None
    for level in np.unique(np.quantile(flat[rows, columns], _LEVELS)):
        sides: tuple[list[_Region], list[_Region]] = ([], [])
        for region in _regions(ndimage.binary_opening(flat < level, iterations=SIDE // 64)):
            sides[int(region.column > 0.5)].append(region)
        for a in sides[0]:
            for b in sides[1]:
                quality = _quality(a, b)
                if best is None or quality > best[0]:
                    best = quality, a.mask | b.mask
    if best is None:
        return None
    cross = ndimage.generate_binary_structure(2, 1)
    labels, _ = ndimage.label(best[1])
    closed = np.zeros_like(best[1])
    for number in (1, 2):  # each by itself, or the two would grow together
        grown = ndimage.binary_closing(np.pad(labels == number, 2 * _TOUCH), cross, iterations=_TOUCH)
        closed |= ndimage.binary_fill_holes(grown)[2 * _TOUCH : -2 * _TOUCH, 2 * _TOUCH : -2 * _TOUCH]
    return DarkPair(closed, best[0])


def _flattened(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Smoothed, its contrast stretched, and half of what is around taken off."""
    smooth = ndimage.gaussian_filter(image.astype(np.float32), SIDE / 100)
    low, high = np.percentile(smooth, [2, 98])
    even = ((smooth - low) / max(float(high - low), 1e-6)).clip(0, 1)
    return np.asarray(even - 0.5 * ndimage.gaussian_filter(even, SIDE / 5), np.float32)


def _regions(dark: NDArray[np.bool_]) -> list[_Region]:
    labels, count = ndimage.label(dark)
    border = set(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]).tolist())
    sizes = np.bincount(labels.ravel(), minlength=count + 1) / dark.size
    found = []
    for number in range(1, count + 1):
        if number in border or not _LEAST <= sizes[number] <= _MOST:
            continue
        mask = labels == number
        row, column = (float(c) / SIDE for c in ndimage.center_of_mass(mask))
        high, wide = (np.ptp(np.flatnonzero(mask.any(axis))) + 1 for axis in (1, 0))
        if not _MIDDLE[0] < row < _MIDDLE[1] or high < _TALL * SIDE or high < _SLIM * wide:
            continue
        found.append(_Region(mask, float(sizes[number]), _solidity(mask), row, column))
    return found


def _solidity(mask: NDArray[np.bool_]) -> float:
    try:
        return min(1.0, float(mask.sum()) / (float(ConvexHull(np.argwhere(mask)).volume) + 1))
    except QhullError:  # a line
        return 0.0


def _quality(a: _Region, b: _Region) -> float:
    even = min(a.share, b.share) / max(a.share, b.share)
    apart = ((a.row - b.row) / _LEVEL) ** 2 + ((a.column + b.column - 1) / _MIRRORED) ** 2
    return float(np.sqrt(even * (a.share + b.share)) * (a.solid * b.solid) ** 1.5 * np.exp(-apart))

"""Masks with the errors that masks have, and clicks into them: what a refiner learns from."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
Click = tuple[float, float, bool]
_EMPTY = 0.1  # how often nothing is there yet


def spoilt(truth: Mask, rng: np.random.Generator) -> NDArray[np.float32]:
    """A probability whose mask is wrong somewhere: moved outlines, parts left out, parts too many.

    The distance from the true outline is moved by a smooth field, shifted as a whole, and cut or joined by blobs; a
    logistic curve of it is the probability.

    Args:
        truth: bool[H, W].
        rng: what decides.

    Returns:
        float32[H, W] in 0..1.
    """
    size = float(np.sqrt(max(int(np.count_nonzero(truth)), 1)))
    if rng.random() < _EMPTY:
        return np.full(truth.shape, 0.1, np.float32)
    far = float(max(truth.shape))
    inside = ndimage.distance_transform_edt(truth) if truth.any() else np.zeros(truth.shape)
    outside = ndimage.distance_transform_edt(~truth) if truth.any() else np.full(truth.shape, far)
    signed = inside - outside
    signed += rng.normal(0, 0.08) * size + rng.uniform(0.05, 0.35) * size * _smooth(truth.shape, rng)
    for _ in range(int(rng.integers(0, 3))):
        signed = _blob(signed, size, truth, rng)
    softness = max(1.0, rng.uniform(0.02, 0.12) * size)
    return np.asarray(1 / (1 + np.exp(-np.clip(signed / softness, -8, 8))), np.float32)


def next_click(probability: NDArray[np.float32], truth: Mask, rng: np.random.Generator) -> Click | None:
    """A click near the middle of the largest connected error; ``None`` where there is none.

    Args:
        probability: so far, float32[H, W].
        truth: bool[H, W].
        rng: how far from the middle a hand is.
    """
    errors = (probability >= 0.5) != truth
    labels, number = ndimage.label(errors)
    if not number:
        return None
    sizes = np.bincount(labels.ravel())[1:]
    error = labels == int(sizes.argmax()) + 1
    depth = ndimage.distance_transform_edt(np.pad(error, 1))[1:-1, 1:-1]
    deep = np.argwhere(depth >= max(1.0, 0.6 * depth.max()))
    row, column = deep[int(rng.integers(len(deep)))]
    return float(row), float(column), bool(truth[row, column])


def _smooth(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    """A field without steps, of mean 0 and spread 1."""
    cells = int(rng.integers(3, 8))
    coarse = rng.normal(size=(cells, cells))
    zoomed = ndimage.zoom(coarse, (shape[0] / cells, shape[1] / cells), order=3)[: shape[0], : shape[1]]
    return np.asarray((zoomed - zoomed.mean()) / (zoomed.std() + 1e-6))


def _blob(signed: NDArray[np.float64], size: float, truth: Mask, rng: np.random.Generator) -> NDArray[np.float64]:
    """A part more, anywhere, or a part less, on the mask."""
    height, width = truth.shape
    less = rng.random() < 0.5 and truth.any()
    spots = np.argwhere(truth) if less else None
    row, column = spots[int(rng.integers(len(spots)))] if spots is not None else rng.uniform(0, [height, width])
    rows, columns = np.ogrid[:height, :width]
    stretch = rng.uniform(0.5, 2.0)
    radius = rng.uniform(0.15, 0.5) * size
    disc = radius - np.sqrt((rows - row) ** 2 * stretch + (columns - column) ** 2 / stretch)
    return np.asarray(np.minimum(signed, -disc) if less else np.maximum(signed, disc))

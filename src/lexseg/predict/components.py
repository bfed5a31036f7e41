"""A mask in numbers: area, bounding boxes and connected components."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Box = tuple[slice, slice]
_EIGHT = np.ones((3, 3), dtype=bool)


def describe_mask(
    mask: NDArray[np.bool_],
    probability: NDArray[np.float32] | None = None,
    spacing: tuple[float, float] | None = None,
    most: int = 50,
) -> dict[str, Any]:
    """Measure a mask.

    Args:
        mask: bool[H, W].
        probability: float[H, W] in 0..1, for the mean probability of each component.
        spacing: millimetres between pixel centres, (row, column), for areas in mm2.
        most: how many components are described; the rest are only counted.

    Returns:
        plain JSON values: ``area`` (``px``, ``mm2`` or null, ``fraction`` of the image), ``box`` around everything or
        null, ``n_components`` (touching corners connect) and ``components``, the largest first, each with ``area``,
        ``box``, ``centroid`` and mean ``probability``. Boxes are ``[row, column, height, width]``, centroids
        ``[row, column]``; both count pixels from 0 at the top left.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return {"area": _area(0, mask.size, spacing), "box": None, "n_components": 0, "components": []}
    # all that follows looks at the box around the mask alone: most of an image is outside
    box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    labels, n = ndimage.label(mask[box], structure=_EIGHT)
    sizes = np.bincount(labels.ravel(), minlength=n + 1)[1:]
    slices = ndimage.find_objects(labels)
    largest = np.argsort(-sizes, kind="stable")[:most]
    components = [
        _component(labels[slices[i]] == i + 1, _within(box, slices[i]), probability, spacing, mask.size)
        for i in largest
    ]
    return {
        "area": _area(int(sizes.sum()), mask.size, spacing),
        "box": _box(box),
        "n_components": int(n),
        "components": components,
    }


def _within(box: Box, part: Box) -> Box:
    """Where in the image a part of a box lies."""
    (top, left), (rows, columns) = (each.start for each in box), part
    return slice(top + rows.start, top + rows.stop), slice(left + columns.start, left + columns.stop)


def _component(
    inside: NDArray[np.bool_],
    where: Box,
    probability: NDArray[np.float32] | None,
    spacing: tuple[float, float] | None,
    pixels: int,
) -> dict[str, Any]:
    rows, columns = np.nonzero(inside)
    centroid = [round(float(rows.mean()) + where[0].start, 2), round(float(columns.mean()) + where[1].start, 2)]
    return {
        "area": _area(len(rows), pixels, spacing),
        "box": _box(where),
        "centroid": centroid,
        "probability": None if probability is None else round(float(probability[where][inside].mean()), 4),
    }


def _area(pixels: int, total: int, spacing: tuple[float, float] | None) -> dict[str, Any]:
    mm2 = None if spacing is None else round(pixels * spacing[0] * spacing[1], 4)
    return {"px": pixels, "mm2": mm2, "fraction": round(pixels / total, 6)}


def _box(where: Box) -> list[int]:
    rows, columns = where
    return [rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start]

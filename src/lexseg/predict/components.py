"""A mask in numbers: area, bounding boxes and connected components."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

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
    labels, n = ndimage.label(mask, structure=_EIGHT)
    sizes = np.bincount(labels.ravel(), minlength=n + 1)[1:]
    slices = ndimage.find_objects(labels)
    largest = np.argsort(-sizes, kind="stable")[:most]
    components = [_component(labels[slices[i]] == i + 1, slices[i], probability, spacing, mask.size) for i in largest]
    return {
        "area": _area(int(sizes.sum()), mask.size, spacing),
        "box": _union([slices[i] for i in range(n)]),
        "n_components": int(n),
        "components": components,
    }


def _component(
    inside: NDArray[np.bool_],
    where: tuple[slice, slice],
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


def _box(where: tuple[slice, slice]) -> list[int]:
    rows, columns = where
    return [rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start]


def _union(boxes: list[tuple[slice, slice]]) -> list[int] | None:
    if not boxes:
        return None
    top, left = min(b[0].start for b in boxes), min(b[1].start for b in boxes)
    bottom, right = max(b[0].stop for b in boxes), max(b[1].stop for b in boxes)
    return [top, left, bottom - top, right - left]

"""Sparse labels: which pixels are of the target, which are not, and of which nobody said anything."""

import numpy as np
from numpy.typing import NDArray

TARGET, BESIDE, UNKNOWN = 255, 0, 127
Labels = NDArray[np.uint8]
"""uint8[H, W] of 255 on the target, 0 beside it, 127 unknown: as PNG files hold them, and the page's brush draws."""


def unknown(shape: tuple[int, int]) -> Labels:
    """Labels of which nothing is known yet."""
    return np.full(shape, UNKNOWN, np.uint8)


def dense(mask: NDArray[np.bool_]) -> Labels:
    """Labels of a whole mask."""
    return np.where(mask, np.uint8(TARGET), np.uint8(BESIDE))


def shrunk(labels: Labels, size: tuple[int, int]) -> Labels:
    """Labels stretched to another size; where it is smaller, no stroke is lost, and a place with both is unknown.

    Args:
        labels: uint8[H, W].
        size: (height, width).
    """
    height, width = labels.shape
    if (height, width) == size:
        return labels
    result = unknown(size)
    for value in (TARGET, BESIDE):
        touched = np.zeros(size, np.bool_)
        rows, columns = np.nonzero(labels == value)
        touched[rows * size[0] // height, columns * size[1] // width] = True
        if size[0] > height or size[1] > width:  # larger: each pixel takes what lies there
            down = np.arange(size[0]) * height // size[0]
            along = np.arange(size[1]) * width // size[1]
            touched |= (labels == value)[down[:, None], along[None]]
        result[touched & (result != UNKNOWN)] = UNKNOWN + 1  # both classes
        result[touched & (result == UNKNOWN)] = value
    result[result == UNKNOWN + 1] = UNKNOWN
    return result

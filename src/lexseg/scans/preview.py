"""An image at the size that pictures of it have."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LARGEST = 2048
"""Pixels: the longest side of pictures of an image."""


def shown(image: NDArray[np.float32], largest: int = LARGEST) -> NDArray[np.uint8]:
    """An image at the size that pictures of it have: uint8[h, w] or [h, w, 3], neither side longer than ``largest``.

    Args:
        image: float[H, W] or [H, W, 3] in 0..1.
        largest: a longer side than this is scaled down to it.
    """
    step = step_of(image.shape[:2], largest)
    pixels: NDArray[np.uint8] = (np.asarray(image)[::step, ::step] * 255).round().astype(np.uint8)
    return pixels


def step_of(shape: Sequence[int], largest: int = LARGEST) -> int:
    """Which pixels a picture of an image of (H, W) shows: one of so many, in each direction."""
    return -(-max(shape) // largest)

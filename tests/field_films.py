"""Made-up films: a bright body on a black ground, with two dark regions."""

import numpy as np
from numpy.typing import NDArray

from lexseg.training.field.pair import SIDE

ROWS, COLUMNS = np.ogrid[:SIDE, :SIDE]
Place = tuple[int, int, int, int]
LEFT: Place = (60, 40, 34, 16)
RIGHT: Place = (60, 88, 34, 16)
"""Ellipses: the row and the column of the middle, half of height and width."""


def ellipse(row: int, column: int, high: int, wide: int) -> NDArray[np.bool_]:
    """bool[128, 128]."""
    return np.asarray(((ROWS - row) / high) ** 2 + ((COLUMNS - column) / wide) ** 2 <= 1)


def film(*dark: Place, seed: int = 0) -> NDArray[np.float32]:
    """float32[128, 128], with these regions and a little noise."""
    image = np.where(ellipse(70, 64, 70, 60), 0.8, 0.02)
    for place in dark:
        image[ellipse(*place)] = 0.3
    return np.asarray(image + np.random.default_rng(seed).normal(0, 0.02, image.shape), np.float32)

"""Images as users give them, and their spacing."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lexseg.errors import DataError
from lexseg.scans.open import image_from_array, image_from_pil

ImageLike = str | Path | NDArray[Any] | Image.Image


def load_image(image: ImageLike) -> NDArray[np.float32]:
    """A path, array or Pillow image as float32[H, W] or [H, W, 3] in 0..1 (see :mod:`lexseg.scans.open`).

    Raises:
        DataError: it is none of these, or cannot be used.
    """
    if isinstance(image, str | Path):
        from lexseg.scans.images import read_image

        return read_image(image)
    if isinstance(image, Image.Image):
        return image_from_pil(image)
    try:
        values = np.asarray(image)  # also of what only behaves like an array: lists, tensors
    except (TypeError, ValueError):
        values = None
    if values is None or values.ndim == 0:
        raise DataError(
            f"the image: a path, an array or a Pillow image was expected, and this is {type(image).__name__}"
        )
    return image_from_array(values)


def check_spacing(spacing: object) -> None:
    """Refuse what is no spacing.

    Raises:
        DataError: it is not two positive numbers of millimetres.
    """
    try:
        values = np.asarray(spacing, dtype=np.float64)
        fine = values.shape == (2,) and bool(np.all((values > 0) & (values < np.inf)))
    except (TypeError, ValueError):
        fine = False
    if not fine:
        raise DataError(f"spacing {spacing!r}: two positive numbers of millimetres were expected, (row, column)")

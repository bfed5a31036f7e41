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
        DataError: it is none of these, or cannot be used; also a numpy array of which pixels are masked.
    """
    if isinstance(image, str | Path):
        if not str(image):
            raise DataError("the image: the path is empty")
        from lexseg.scans.images import read_image

        return read_image(image)
    if isinstance(image, Image.Image):
        return image_from_pil(image)
    if isinstance(image, np.ma.MaskedArray) and (masked := int(np.count_nonzero(image.mask))):
        raise DataError(
            f"the image: {masked} of {image.size} values of the array are masked, and what stands there instead is not "
            "known; give image.filled(VALUE), or image.data for what lies below the mask"
        )
    try:
        values = np.asarray(image)  # also of what only behaves like an array: lists, tensors
    except (TypeError, ValueError, RuntimeError):  # the last of tensors
        values = None
    if values is None or values.ndim == 0:
        give = ""
        if hasattr(image, "detach") and hasattr(image, "cpu"):  # a tensor; files have the former, too
            give = "; give image.detach().float().cpu().numpy()"
        elif hasattr(image, "read"):
            give = "; give its path, or PIL.Image.open(image)"
        elif isinstance(image, bytes | bytearray | memoryview):
            give = "; give PIL.Image.open(io.BytesIO(image))"
        what = type(image).__name__ if values is None or not isinstance(image, np.ndarray) else "an array of one value"
        raise DataError(f"the image: a path, an array or a Pillow image was expected, and this is {what}{give}")
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

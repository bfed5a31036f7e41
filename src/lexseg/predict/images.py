"""Images on their way into a model and probabilities on their way out.

An image is stretched to the model's input size, whatever its shape, exactly as in training; the answer is stretched
back to the image's own size.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from lexseg.errors import DataError
from lexseg.models.inputs import image_tensor, resize_image
from lexseg.scans.images import read_image
from lexseg.scans.pictures import image_from_array, image_from_pil

ImageLike = str | Path | NDArray[Any] | Image.Image


def load_image(image: ImageLike) -> NDArray[np.float32]:
    """A path, array or Pillow image as float32[H, W] or [H, W, 3] in 0..1 (see :mod:`lexseg.scans.pictures`)."""
    if isinstance(image, str | Path):
        return read_image(image)
    if isinstance(image, Image.Image):
        return image_from_pil(image)
    return image_from_array(image)


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


def is_blank(image: NDArray[np.float32]) -> bool:
    """Whether all pixels of an image, [H, W] or [H, W, 3], are equal: it shows nothing."""
    return bool((image == image[:1, :1]).all())


def to_input(image: NDArray[np.float32], size: tuple[int, int]) -> Tensor:
    """Stretch an image to a model's input size and give it three channels.

    One channel at a time, so that a colour image of 10,000 x 10,000 pixels needs no second copy of itself.

    Args:
        image: float32[H, W] or [H, W, 3] in 0..1.
        size: (height, width) of the input.

    Returns:
        float32[3, height, width] in 0..1.
    """
    planes = [image] if image.ndim == 2 else [image[..., c] for c in range(3)]
    return torch.cat([resize_image(image_tensor(plane), size) for plane in planes]).expand(3, -1, -1)


def to_native(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Stretch logits to an image's own size, bilinear, and turn them into probabilities.

    Args:
        logits: float[1, h, w].
        size: (H, W) of the image.

    Returns:
        float32[H, W] in 0..1.
    """
    native = interpolate(logits[None].float(), size=size, mode="bilinear", align_corners=False)
    return native[0, 0].sigmoid_()

"""Arrays as what a network takes, and its maps as an image's own, as :mod:`lexseg.models.place` says.

That module does the same without torch, for prediction.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.models.place import Fit, ImagePlace


def image_tensor(image: np.ndarray) -> Tensor:
    """float[H, W] or float[H, W, 3] as float[1 or 3, H, W]."""
    return torch.from_numpy(image[None] if image.ndim == 2 else np.ascontiguousarray(image.transpose(2, 0, 1)))


def resize_image(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Stretch float[C, H, W] to ``size``, bilinear, with antialiasing where it shrinks. Inference does the same."""
    if tuple(image.shape[-2:]) == tuple(size):
        return image
    return F.interpolate(image[None], size=size, mode="bilinear", antialias=True, align_corners=False)[0].clamp(0, 1)


def fit_image(image: Tensor, size: tuple[int, int], fit: Fit) -> Tensor:
    """An image float[C, H, W] as float[C, *size]: stretched, or with black margins."""
    place = ImagePlace.of((image.shape[-2], image.shape[-1]), size, fit)
    inside = resize_image(image, (place.height, place.width))
    if (place.height, place.width) == tuple(size):
        return inside
    (above, below), (left, right) = place.margins(size)
    return F.pad(inside, (left, right, above, below))


def to_image(maps: Tensor, image: tuple[int, int], fit: Fit) -> Tensor:
    """What a network says of its input, at the image's own size: margins are cut off, the rest is resized linearly.

    Args:
        maps: float[B, C, h, w], such as logits, at the input's size.
        image: (H, W).
        fit: how the image came to the input.

    Returns:
        float[B, C, H, W].
    """
    rows, columns = ImagePlace.of(image, (maps.shape[-2], maps.shape[-1]), fit).inside
    return F.interpolate(maps[..., rows, columns], size=image, mode="bilinear", align_corners=False)

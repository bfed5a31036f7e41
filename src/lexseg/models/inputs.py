"""Arrays as what a network takes: training and prediction stretch images in the same way."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


def image_tensor(image: np.ndarray) -> Tensor:
    """float[H, W] or float[H, W, 3] as float[1 or 3, H, W]."""
    return torch.from_numpy(image[None] if image.ndim == 2 else np.ascontiguousarray(image.transpose(2, 0, 1)))


def resize_image(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Stretch float[C, H, W] to ``size``, bilinear, with antialiasing where it shrinks. Inference does the same."""
    if tuple(image.shape[-2:]) == tuple(size):
        return image
    return F.interpolate(image[None], size=size, mode="bilinear", antialias=True, align_corners=False)[0].clamp(0, 1)

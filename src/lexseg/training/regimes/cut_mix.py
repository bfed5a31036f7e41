"""Rectangles of one image laid over another."""

import torch
from torch import Tensor


def cut_mix(layers: Tensor, share: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Lay a rectangle of the batch's next image over an image (Yun et al., CutMix, 2019).

    Where a student learns of a teacher, what is mixed is the teacher's masks with the images (French et al.,
    Semi-supervised semantic segmentation needs strong, varied perturbations, 2020). A rectangle has a tenth to a half
    of the image's area, and sides of half to twice the image's proportion. The sentence is no longer true of what was
    mixed.

    Args:
        layers: float[B, C, H, W], the images with all that belongs to their pixels.
        share: probability that an image is mixed.
        generator: on the CPU; what is drawn does not depend on the device.

    Returns:
        The mixed layers, and bool[B], which of them are mixed.
    """
    b, _, h, w = layers.shape
    chosen = (torch.rand(b, generator=generator) < share) & (b > 1)
    area = 0.1 + 0.4 * torch.rand(b, generator=generator)
    ratio = 2 ** (torch.rand(b, generator=generator) - 0.5)
    height, width = ((area * ratio).sqrt() * h).round(), ((area / ratio).sqrt() * w).round()
    top = (torch.rand(b, generator=generator) * (h - height)).round()
    left = (torch.rand(b, generator=generator) * (w - width)).round()
    rows, columns = torch.arange(h), torch.arange(w)
    down = (rows >= top[:, None]) & (rows < (top + height)[:, None])
    across = (columns >= left[:, None]) & (columns < (left + width)[:, None])
    inside = (down[:, None, :, None] & across[:, None, None, :] & chosen.view(b, 1, 1, 1)).to(layers.device)
    return torch.where(inside, layers.roll(1, 0), layers), chosen.to(layers.device)

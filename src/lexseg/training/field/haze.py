"""Haze painted over fields, so that a network learns them where illness has made them bright."""

import torch
from torch import Tensor
from torch.nn import functional as F

_CLOUDS = ((3, 0.8), (5, 0.6), (9, 0.4), (16, 0.25))  # cells of a side, and how much they count
_CLOUDED, _FILLED = 0.75, 0.35  # how often there are clouds, and how often what is below a level is filled
_EDGE = 9  # pixels that haze fades out over


def hazed(images: Tensor, fields: Tensor, draw: torch.Generator) -> Tensor:
    """Images with clouds of several sizes in their fields, and some of them filled up to a level on either side.

    Args:
        images: float[B, 1, H, W] in 0..1; bright is dense.
        fields: float[B, 1, H, W], 0 or 1.
        draw: all chance.

    Returns:
        float[B, 1, H, W] in 0..1, nowhere darker than it was.
    """
    count, size = len(images), (images.shape[-2], images.shape[-1])

    def chance(*shape: int) -> Tensor:
        return torch.rand(count, 1, *shape, generator=draw)

    def clouds(cells: int) -> Tensor:
        coarse = torch.randn(count, 1, cells, cells, generator=draw)
        return F.interpolate(coarse, size=size, mode="bicubic", align_corners=False)

    mixed = torch.stack([share * clouds(cells) for cells, share in _CLOUDS]).sum(0)
    haze = torch.sigmoid(6 * (mixed - chance(1, 1))) * (chance(1, 1) < _CLOUDED)
    level = F.interpolate(0.45 + 0.45 * chance(1, 2), size=(1, size[1]), mode="nearest")
    height = torch.linspace(0, 1, size[0])[None, None, :, None]
    haze = torch.maximum(haze, torch.sigmoid(25 * (height - level)) * (chance(1, 1) < _FILLED))
    haze = haze * F.avg_pool2d(fields, _EDGE, 1, _EDGE // 2)
    dense = torch.maximum(images, 0.55 + 0.4 * chance(1, 1) + 0.08 * clouds(24))
    return (images + haze * (0.3 + 0.7 * chance(1, 1)) * (dense - images)).clamp(0, 1)

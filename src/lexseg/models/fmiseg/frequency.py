"""FMISeg's frequency split: one level of the Haar wavelet transform, inside the model (arXiv 2509.19719).

The published code makes both images beforehand, as 8-bit files; here they are made of the image tensor, so that
augmentation, serving and export need nothing of their own.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

DETAIL_SCALE = 0.05
"""What the magnitude of detail is divided by (OURS). Its root mean square over 30 images at 128 and 224 px was 0.04 on
chest radiographs, 0.06 on endoscopy, 0.06 to 0.07 on ultrasound, 0.09 to 0.11 on CT."""


def haar(image: Tensor, *, stationary: bool = False) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One level of the orthonormal 2D Haar transform.

    Args:
        image: float[B, C, H, W], H and W even.
        stationary: keep every shift: windows of 2x2 at each pixel (the last row and column repeated), in place of every
            second one. Nothing is lost then, and the size stays.

    Returns:
        LL, LH (rows differ), HL (columns differ) and HH, float[B, C, H / 2, W / 2], or the image's size if stationary.

    Reference: Mallat, 1989; the stationary form: Nason and Silverman, 1995.
    """
    step = 1 if stationary else 2
    h, w = image.shape[-2:]
    x = F.pad(image, (0, 1, 0, 1), mode="replicate") if stationary else image
    a, b, c, d = (x[..., i : h + i : step, j : w + j : step] for i in (0, 1) for j in (0, 1))
    return (a + b + c + d) / 2, (a + b - c - d) / 2, (a - b + c - d) / 2, (a - b - c + d) / 2


class FrequencySplit(nn.Module):
    """The two images that FMISeg's branches see, normalised for their encoders.

        low = normalise(LL / 2),  high = sqrt(LH^2 + HL^2 + HH^2) / scale,   of the stationary transform    (OURS)
        as published: low = z(Q(LL)),  high = z(Q(Q'(LH) + Q'(HL) + Q'(HH))),  of the grey, decimated transform

    with Q the stretch from the image's own least to its largest value, in 8 bits (Q' without the rounding), then
    bicubic back to the image's size, and z the z-score of the image. So published, no detail at all becomes a grey that
    depends on the image, a flat image has its noise stretched to full range, and halving drops the finest scale.

    Args:
        mean, std: of the encoder's input; the low image is normalised by them.
        detail_scale: one scale for all images of all data sets.
        as_published: the second line.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        mean: Sequence[float],
        std: Sequence[float],
        *,
        detail_scale: float = DETAIL_SCALE,
        as_published: bool = False,
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)
        self.detail_scale, self.as_published = detail_scale, as_published

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Args: image: float[B, 3, H, W] in 0..1. Returns low and high, float[B, 3, H, W]."""
        if self.as_published:
            return self._published(image)
        low, *details = haar(image, stationary=True)
        power = torch.stack([d.square() for d in details]).sum(0)  # [B, 3, H, W]
        return (low / 2 - self.mean) / self.std, (power + 1e-12).sqrt() / self.detail_scale

    def _published(self, image: Tensor) -> tuple[Tensor, Tensor]:
        low, *details = haar(image.mean(1, keepdim=True))
        high = torch.stack([_stretched(d) for d in details]).sum(0)
        both = [(_stretched(x) * 255).round() / 255 for x in (low, high)]
        size = (image.shape[-2], image.shape[-1])
        large = [F.interpolate(x, size=size, mode="bicubic", align_corners=False) for x in both]
        one, other = (_z_score(x).expand(-1, 3, -1, -1) for x in large)
        return one, other


def _stretched(x: Tensor) -> Tensor:
    """To 0..1 by each image's own extremes."""
    least, most = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
    return (x - least) / (most - least).clamp(min=1e-6)


def _z_score(x: Tensor) -> Tensor:
    return (x - x.mean((1, 2, 3), keepdim=True)) / x.std((1, 2, 3), keepdim=True).clamp(min=1e-6)

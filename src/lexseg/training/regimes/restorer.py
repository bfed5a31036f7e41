"""The network of restoration: an image encoder, and above it what is thrown away."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.image.base import ImageEncoder


class Restorer(nn.Module):
    """A decoder without skips over an encoder's deepest map, with a vector and an image at each of its scales.

    What it knows must pass the deepest map: with skips, an image could be restored from the shallow ones (FOUND). At
    scale k, z = BN(mean of the map) and q = Linear-BN-ReLU-Linear of z; the image is conv-BN-ReLU-1x1 of the map,
    enlarged.

    Args:
        encoder: what is trained, and alone is kept.
        widths: of the decoder at strides 32, 16, 8, 4 and 2; 256 to 16 as published.
    """

    def __init__(self, encoder: ImageEncoder, widths: Sequence[int] = (256, 128, 64, 32, 16)) -> None:
        super().__init__()
        self.encoder = encoder
        self.register_buffer("mean", torch.tensor(encoder.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(encoder.std).view(1, 3, 1, 1), persistent=False)
        self.levels = nn.ModuleList(_twice(i, o) for i, o in zip((encoder.channels[-1], *widths), widths, strict=False))
        self.norms = nn.ModuleList(nn.BatchNorm1d(w) for w in widths)
        self.predict = nn.ModuleList(
            nn.Sequential(nn.Linear(w, 2 * w), nn.BatchNorm1d(2 * w), nn.ReLU(), nn.Linear(2 * w, w)) for w in widths
        )
        self.restore = nn.ModuleList(
            nn.Sequential(nn.Conv2d(w, w, 3, padding=1, bias=False), nn.BatchNorm2d(w), nn.ReLU(), nn.Conv2d(w, 3, 1))
            for w in widths
        )

    def maps(self, image: Tensor) -> list[Tensor]:
        """The decoder's maps, deep to shallow. Args: image: float[B, 3, H, W] in 0..1; sides divisible by 32."""
        mean, std = cast(Tensor, self.mean), cast(Tensor, self.std)
        x, out = self.encoder((image - mean) / std)[-1], []
        for i, level in enumerate(self.levels):
            x = level(F.interpolate(x, scale_factor=2.0, mode="nearest") if i else x)
            out.append(x)
        return out

    def vectors(self, maps: Sequence[Tensor], scale: int) -> tuple[Tensor, Tensor]:
        """Vectors z and q of a scale, float[B, C] each. Args: maps: as :meth:`maps` gives them; scale: 0 is deepest."""
        z = self.norms[scale](maps[scale].mean((2, 3)))
        return z, self.predict[scale](z)

    def restored(self, maps: Sequence[Tensor], scale: int, size: tuple[int, int]) -> Tensor:
        """The image as that scale tells it, float[B, 3, H, W]."""
        return F.interpolate(self.restore[scale](maps[scale]), size, mode="bilinear", align_corners=False)


def likeness_loss(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> Tensor:
    """-0.5 [cos(q_a, sg z_b) + cos(q_b, sg z_a)], SimSiam's (FOUND). Args: (z, q) of two views of as many images."""
    (za, qa), (zb, qb) = one, other
    return -0.5 * (F.cosine_similarity(qa, zb.detach()).mean() + F.cosine_similarity(qb, za.detach()).mean())


def _twice(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i in (inputs, outputs):
        layers += [nn.Conv2d(i, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)

"""CRIS's neck: three maps of an image, gated by the sentence, fused on one grid."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.models.parts.unet_decoder import conv_norm_relu, resize


class CrisNeck(nn.Module):
    """The maps at strides 8, 16 and 32 (c3, c4, c5) and a sentence s to one map at stride 16.

        f5 = ReLU(BN(C1(c5) * ReLU(N(W s))))           the sentence multiplies channels
        f4 = C1[C3(c4), up2(f5)];  f3 = C1[pool2(C3(c3)), f4]
        F  = C3(C3[C1[C3(f3), C3(f4), up2(C3(f5))], x, y])     x, y in -1..1 over the image

    C is convolution, batch norm, ReLU. Reference: Wang et al., CRIS, CVPR 2022; the shapes are the released code's.

    Args:
        channels: widths of c3, c4, c5.
        sentence: width of s.
        dim: width of f4, f3 and F.
        deep: width of f5.
        side: widths of the maps that C3 makes of c3 and c4.
        norm: N: ``layer``, or ``batch`` as released. A batch norm fails on a single sentence in training, and where a
            batch asks the same of every image, it leaves nothing of the sentence.
    """

    def __init__(
        self,
        channels: Sequence[int],
        sentence: int,
        *,
        dim: int = 512,
        deep: int = 1024,
        side: Sequence[int] = (256, 512),
        norm: Literal["layer", "batch"] = "layer",
    ) -> None:
        super().__init__()
        self.deep = conv_norm_relu(channels[2], deep, 1)
        self.gate = nn.Sequential(
            nn.Linear(sentence, deep), nn.LayerNorm(deep) if norm == "layer" else nn.BatchNorm1d(deep), nn.ReLU()
        )
        self.gated = nn.BatchNorm2d(deep)
        self.side4, self.merge4 = conv_norm_relu(channels[1], side[1]), conv_norm_relu(side[1] + deep, dim, 1)
        self.side3, self.merge3 = conv_norm_relu(channels[0], side[0]), conv_norm_relu(side[0] + dim, dim, 1)
        self.query5, self.query4, self.query3 = (conv_norm_relu(c, dim) for c in (deep, dim, dim))
        self.fuse = conv_norm_relu(3 * dim, dim, 1)
        self.place = nn.Sequential(conv_norm_relu(dim + 2, dim), conv_norm_relu(dim, dim))

    def forward(self, maps: Sequence[Tensor], sentence: Tensor) -> Tensor:
        """Args: maps: c3, c4, c5; sentence: float[B, sentence]. Returns float[B, dim, H / 16, W / 16]."""
        fine, middle, deep = maps
        size = middle.shape[-2:]
        f5 = F.relu(self.gated(self.deep(deep) * self.gate(sentence)[:, :, None, None]))  # [B, deep, H/32, W/32]
        f4 = self.merge4(torch.cat([self.side4(middle), resize(f5, size)], 1))  # [B, dim, H/16, W/16]
        f3 = self.merge3(torch.cat([F.avg_pool2d(self.side3(fine), 2), f4], 1))  # [B, dim, H/16, W/16]
        x = self.fuse(torch.cat([self.query3(f3), self.query4(f4), resize(self.query5(f5), size)], 1))
        out: Tensor = self.place(torch.cat([x, coordinates(x)], 1))
        return out


def coordinates(x: Tensor) -> Tensor:
    """Where each cell lies: float[B, 2, h, w], column and row from -1 to 1; 0 where there is but one."""
    rows, columns = (
        torch.linspace(-1, 1, n, device=x.device) if n > 1 else torch.zeros(1, device=x.device) for n in x.shape[-2:]
    )
    grid = torch.stack(torch.meshgrid(rows, columns, indexing="ij")[::-1])
    return grid.to(x.dtype).expand(x.shape[0], -1, -1, -1)

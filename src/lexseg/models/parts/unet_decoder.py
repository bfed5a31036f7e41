"""The decoder of a plain U-Net."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def conv_norm_relu(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    """A convolution that keeps the size, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def resize(x: Tensor, size: Sequence[int]) -> Tensor:
    """Bilinear, float[B, C, h, w] to ``size``; nothing to do where it has that size."""
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)


class UNetDecoder(nn.Module):
    """x2, the skip beside it, two 3x3 convolutions with batch norm and ReLU, from the deepest map to the shallowest.

    Reference: Ronneberger et al., U-Net, 2015; bilinear in place of the transposed convolution, which leaves checkers.

    Args:
        channels: widths of the encoder's maps, shallow to deep.
        widths: of the results, deep to shallow: at strides 16, 8 and 4 over maps from stride 4 to 32.
        upsample: how the deeper map grows.

    Attributes:
        widths: as given.
    """

    def __init__(
        self, channels: Sequence[int], widths: Sequence[int], upsample: Literal["bilinear", "nearest"] = "bilinear"
    ) -> None:
        super().__init__()
        self.upsample, self.widths = upsample, list(widths)
        if len(widths) != len(channels) - 1:
            raise ValueError(f"a decoder over {len(channels)} maps needs {len(channels) - 1} widths, not {len(widths)}")
        inputs = [channels[-1], *widths]
        self.steps = nn.ModuleList(
            nn.Sequential(conv_norm_relu(below + skip, width), conv_norm_relu(width, width))
            for below, skip, width in zip(inputs, reversed(channels[:-1]), widths, strict=False)
        )

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Args: maps: shallow to deep. Returns float[B, widths[-1], h, w], of the shallowest map's size."""
        return self.levels(maps)[-1]

    def levels(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The same with the maps on the way, deep to shallow."""
        x, seen = maps[-1], []
        for step, skip in zip(self.steps, reversed(maps[:-1]), strict=True):
            size = skip.shape[-2:]
            up = resize(x, size) if self.upsample == "bilinear" else F.interpolate(x, size=size, mode="nearest")
            x = step(torch.cat([up, skip], 1))  # [B, width, h, w], of the skip's size
            seen.append(x)
        return seen

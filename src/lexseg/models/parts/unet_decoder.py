"""The decoder of a plain U-Net, up to stride 4."""

from collections.abc import Sequence

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
    """Bilinear x2, the skip beside it, two 3x3 convolutions with batch norm and ReLU, from stride 32 to 4.

    Reference: Ronneberger et al., U-Net, 2015; bilinear in place of the transposed convolution, which leaves checkers.

    Args:
        channels: widths of the encoder's maps, shallow to deep.
        widths: of the results at strides 16, 8 and 4.
    """

    def __init__(self, channels: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        if len(widths) != len(channels) - 1:
            raise ValueError(f"a decoder over {len(channels)} maps needs {len(channels) - 1} widths, not {len(widths)}")
        inputs = [channels[-1], *widths]
        self.steps = nn.ModuleList(
            nn.Sequential(conv_norm_relu(below + skip, width), conv_norm_relu(width, width))
            for below, skip, width in zip(inputs, reversed(channels[:-1]), widths, strict=False)
        )

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Args: maps: shallow to deep. Returns float[B, widths[-1], H / 4, W / 4]."""
        x = maps[-1]
        for step, skip in zip(self.steps, reversed(maps[:-1]), strict=True):
            x = step(torch.cat([resize(x, skip.shape[-2:]), skip], 1))
        return x

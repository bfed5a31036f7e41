"""What fills a hole in an image, from gated maps: thrown away after training."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Inpainter(nn.Module):
    """From gated maps to an image at strides 16, 8, 4 and 1; a plain decoder that reads no words.

    Args:
        channels: of the maps, shallow to deep.
        widths: of the decoder at strides 16, 8 and 4.
    """

    def __init__(self, channels: Sequence[int], widths: Sequence[int] = (64, 32, 16)) -> None:
        super().__init__()
        deep, skips = channels[-1], list(reversed(channels[:-1]))
        self.ups = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(i + skip, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(),
                nn.Conv2d(o, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(),
            )
            for i, skip, o in zip((deep, *widths), skips, widths, strict=False)
        )  # fmt: skip
        self.heads = nn.ModuleList(nn.Conv2d(w, 3, 3, padding=1) for w in widths)
        self.full = nn.Conv2d(widths[-1], 3 * 16, 3, padding=1)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Args: maps: at strides 4 to 32. Returns float[B, 3, h, w] at strides 16, 8 and 4, and at full size."""
        x, made = maps[-1], []
        for up, head, skip in zip(self.ups, self.heads, reversed(maps[:-1]), strict=True):
            x = F.interpolate(x, skip.shape[-2:], mode="bilinear", align_corners=False)
            x = up(torch.cat([x, skip], 1))
            made.append(head(x))
        return [*made, F.pixel_shuffle(self.full(x), 4)]

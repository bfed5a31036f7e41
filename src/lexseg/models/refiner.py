"""A small U-Net that answers hints: image, box, what was pointed at, and the mask so far."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MAPS = 5
"""Image in gray, box, wanted, not wanted, probability so far."""
RADIUS = 0.03
"""Of the disc that a click is drawn as, as a share of the shorter side."""


class Refiner(nn.Module):
    """Five maps to one mask.

    What the maps said stays reachable at every stride: they are read at full size, and the probability so far is added
    to what is learnt, as a logit.

    Args:
        widths: channels at strides 1, 2, 4, 8 and so on; each must be divisible by 4.
    """

    def __init__(self, widths: Sequence[int] = (16, 32, 64, 96)) -> None:
        super().__init__()
        self.widths = tuple(int(width) for width in widths)
        ins = (MAPS, *self.widths[:-1])
        self.down = nn.ModuleList(_Block(before, after) for before, after in zip(ins, self.widths, strict=True))
        pairs = zip(self.widths[:0:-1], self.widths[-2::-1], strict=True)
        self.up = nn.ModuleList(_Block(deep + skip, skip) for deep, skip in pairs)
        self.head = nn.Conv2d(self.widths[0], 1, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Logits float[B, 1, H, W] of float[B, 5, H, W] in 0..1; H and W divisible by 2 ** (strides - 1)."""
        x, skips = maps, []
        for number, block in enumerate(self.down):
            x = block(x if number == 0 else F.max_pool2d(x, 2))
            skips.append(x)
        for block, skip in zip(self.up, skips[-2::-1], strict=True):
            x = block(torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), skip], dim=1))
        before = maps[:, 4:5].clamp(0.02, 0.98)
        out: Tensor = self.head(x) + torch.logit(before)
        return out


class _Block(nn.Module):
    def __init__(self, ins: int, outs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(ins, outs, 3, padding=1),
            nn.GroupNorm(4, outs),
            nn.SiLU(),
            nn.Conv2d(outs, outs, 3, padding=1),
            nn.GroupNorm(4, outs),
            nn.SiLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


def hint_maps(
    gray: Tensor,
    probability: Tensor,
    clicks: Sequence[tuple[float, float, bool]],
    box: tuple[int, int, int, int] | None,
) -> Tensor:
    """The five maps of one image, float[5, H, W].

    Args:
        gray: the image, float[H, W] in 0..1.
        probability: so far, float[H, W] in 0..1.
        clicks: row, column and whether what lies there is wanted.
        box: first row, first column, last row and last column (beyond) that holds the target; ``None`` where none is
            known, which is a map of zeros.
    """
    height, width = gray.shape
    rows, columns = torch.arange(height)[:, None], torch.arange(width)[None, :]
    drawn = [torch.zeros_like(gray), torch.zeros_like(gray)]
    for row, column, wanted in clicks:
        near = (rows - row) ** 2 + (columns - column) ** 2 <= max(1.0, RADIUS * min(height, width)) ** 2
        drawn[0 if wanted else 1][near.to(gray.device)] = 1.0
    inside = torch.zeros_like(gray)
    if box is not None:
        inside[box[0] : box[2], box[1] : box[3]] = 1.0
    return torch.stack([gray, inside, *drawn, probability])

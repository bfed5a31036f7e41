"""Subtraction units, their triangular pyramid and the additive decoder of M2SNet.

Reference: Zhao et al., M2SNet, arXiv 2303.10894, and MSNet, MICCAI 2021. The graph is that of the released code
(FOUND); what is INFERRED is marked.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.models.parts.unet_decoder import conv_norm_relu, resize

KERNELS = (3, 5)
"""Sides of the fixed filters, beside the difference itself, which is the filter of side 1."""


class BoxNorm(nn.Module):
    """A fixed k x k filter of ones across all channels, batch norm, ReLU.

    All of such a convolution's outputs are equal, so it is computed once: summed over the channels, then over the box.
    Batch norm has one mean and variance, and a factor and offset for each channel.

    Args:
        channels: C.
        kernel: k, odd.
    """

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.norm = nn.BatchNorm2d(1, affine=False)
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: float[B, C, h, w]. Returns the same shape, 0 or more."""
        k = self.kernel
        box = self.norm(F.avg_pool2d(x.sum(1, keepdim=True), k, 1, k // 2, divisor_override=1))  # a sum
        return F.relu(box * self.weight[:, None, None] + self.bias[:, None, None])


class SubtractionUnit(nn.Module):
    """What two neighbouring levels do not share: conv(|a - b| + |F3 a - F3 b| + |F5 a - F5 b|), batch norm, ReLU.

    Args:
        channels: C of both maps and of the result.
        filters: F3 and F5 for a, then for b; empty is the plain unit of MSNet, conv(|a - b|).
    """

    def __init__(self, channels: int, filters: Sequence[Sequence[nn.Module]]) -> None:
        super().__init__()
        self.filters = nn.ModuleList(nn.ModuleList(pair) for pair in filters)
        self.conv = conv_norm_relu(channels, channels)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Args: a: float[B, C, h', w'], the deeper map; b: float[B, C, h, w]. Returns float[B, C, h, w]."""
        a = resize(a, b.shape[-2:])
        difference = (a - b).abs()
        for pair in self.filters:
            of_a, of_b = cast(nn.ModuleList, pair)
            difference = difference + (of_a(a) - of_b(b)).abs()
        out: Tensor = self.conv(difference)
        return out


class SubtractionDecoder(nn.Module):
    """From the maps of n levels to one map of the shallowest's size, and ``head`` from that to one logit a cell.

    The levels are brought to one width. Neighbours are subtracted, the results again, until one is left; at each level
    all its differences are summed, and the way up from the deepest map adds them.

    Args:
        channels: widths of the maps, shallow to deep; three or more.
        width: C, 64 in the published network.
        multi_scale: whether units see boxes of 3 and 5 beside the cell (M2SNet), or the cell alone (MSNet).
        shared_norms: one F3 and one F5 for all units and both their inputs, as in the released code. Their running
            statistics are then those of no map at all, so that the network answers differently once it is evaluated.
        keep_first: take the shallowest map as it is, where it has the width already (FOUND: the stem of Res2Net).

    Attributes:
        widths: of the maps on the way up, deep to shallow.
    """

    def __init__(
        self,
        channels: Sequence[int],
        width: int = 64,
        *,
        multi_scale: bool = True,
        shared_norms: bool = False,
        keep_first: bool = False,
    ) -> None:
        super().__init__()
        n = len(channels)
        self.widths = [width] * (n - 1)
        if n < 3:
            raise ValueError(f"a subtraction decoder needs three levels or more, not {n}")
        if keep_first and channels[0] != width:
            raise ValueError(f"the first map has {channels[0]} channels: it can be taken as it is only with {width}")
        kernels = KERNELS if multi_scale else ()
        common = [BoxNorm(width, k) for k in kernels] if shared_norms else []

        def unit() -> SubtractionUnit:
            own = [(f, f) for f in common] or [(BoxNorm(width, k), BoxNorm(width, k)) for k in kernels]
            return SubtractionUnit(width, own)

        self.project = nn.ModuleList(conv_norm_relu(c, width) for c in channels)
        if keep_first:
            self.project[0] = nn.Identity()
        # of the deepest map, for the way up (INFERRED: with it the parameters are the 27.7 M that the paper names)
        self.deepest = conv_norm_relu(channels[-1], width)
        self.orders = nn.ModuleList(nn.ModuleList(unit() for _ in range(n - order)) for order in range(1, n))
        self.before_last = conv_norm_relu(width, width)
        self.sums = nn.ModuleList(conv_norm_relu(width, width) for _ in range(n - 2))
        self.ups = nn.ModuleList(conv_norm_relu(width, width) for _ in range(n - 2))  # INFERRED, as above
        self.head = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Args: maps: shallow to deep. Returns float[B, width, h, w] at the size of the shallowest, for ``head``."""
        return self.levels(maps)[-1]

    def levels(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The same with the maps on the way, deep to shallow."""
        order = [project(x) for project, x in zip(self.project, maps, strict=True)]
        levels: list[list[Tensor]] = [[] for _ in maps[1:]]
        for i, units in enumerate(self.orders):
            if i == len(self.orders) - 1:
                order[1] = self.before_last(order[1])
            order = [unit(a, b) for unit, (b, a) in zip(cast(nn.ModuleList, units), pairwise(order), strict=True)]
            for level, difference in zip(levels, order, strict=False):
                level.append(difference)
        summed = [conv(torch.stack(level).sum(0)) for conv, level in zip(self.sums, levels, strict=False)] + levels[-1]
        x, seen = self.deepest(maps[-1]), []
        for i in range(len(summed) - 1, -1, -1):
            x = resize(x, summed[i].shape[-2:]) + summed[i]
            x = self.ups[i - 1](x) if i else x
            seen.append(x)
        return seen

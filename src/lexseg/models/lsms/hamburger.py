"""Hamburger: global context by a matrix decomposition inside a network (Geng et al., ICLR 2021)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class NMF(nn.Module):
    """Non-negative matrix factorisation of a map by multiplicative updates: X (C x N) ~ D S^T, D of few columns.

    As in SLViT's and SegNeXt's heads (SISTER), the gradient flows through the last update of the
    coefficients only. Unlike there, the bases start from fixed values rather than fresh random ones, so that the same
    image gets the same mask twice, and they live where the map lives (3.2).

    Args:
        channels: C.
        rank: columns of D.
        steps: updates in training; one more is made in evaluation.
    """

    start: Tensor

    def __init__(self, channels: int, rank: int = 64, steps: int = 6) -> None:
        super().__init__()
        self.steps = steps
        bases = torch.rand(channels, rank, generator=torch.Generator().manual_seed(0))
        self.register_buffer("start", F.normalize(bases, dim=0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: float[B, C, h, w], not negative. Returns its low-rank likeness, float32."""
        with torch.autocast(x.device.type, enabled=False):
            flat = x.float().flatten(2)  # [B, C, h w]
            bases = self.start.expand(len(flat), -1, -1)  # [B, C, rank]
            with torch.no_grad():
                coefficients = (flat.transpose(1, 2) @ bases).softmax(-1)  # [B, h w, rank]
                for _ in range(self.steps if self.training else self.steps + 1):
                    coefficients = _update(coefficients, flat.transpose(1, 2), bases)
                    bases = _update(bases, flat, coefficients)
            coefficients = _update(coefficients, flat.transpose(1, 2), bases)
            return (bases @ coefficients.transpose(1, 2)).view(x.shape)


def _update(left: Tensor, whole: Tensor, right: Tensor) -> Tensor:
    """One multiplicative update of ``left`` in whole ~ left right^T (Lee and Seung, 2000)."""
    return left * (whole @ right) / (left @ (right.transpose(1, 2) @ right) + 1e-6)


class Hamburger(nn.Module):
    """A 1x1 convolution and ReLU, NMF, a 1x1 convolution with GroupNorm, added to the input.

    Args:
        channels: width of the map.
        rank: of the decomposition.
        steps: of the decomposition, in training.
    """

    def __init__(self, channels: int, rank: int = 64, steps: int = 6) -> None:
        super().__init__()
        self.enter = nn.Conv2d(channels, channels, 1)
        self.decompose = NMF(channels, rank, steps)
        self.leave = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm = nn.GroupNorm(norm_groups(channels), channels)

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: float[B, C, h, w]."""
        context = self.decompose(F.relu(self.enter(x))).to(x.dtype)
        return F.relu(x + self.norm(self.leave(context)))


def norm_groups(channels: int) -> int:
    """GroupNorm's 32 groups, or the largest power of two below that divides ``channels``."""
    groups = 32
    while channels % groups:
        groups //= 2
    return groups

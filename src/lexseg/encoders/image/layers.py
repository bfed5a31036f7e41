"""Small layers that several encoders share."""

import torch
from torch import Tensor, nn


class DropPath(nn.Module):
    """Stochastic depth (Huang et al. 2016): leave a residual branch out for a whole sample, and rescale the others."""

    def __init__(self, rate: float = 0.0) -> None:
        """Drop with probability ``rate`` (0 to below 1) in training; does nothing in evaluation."""
        super().__init__()
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"drop-path rate {rate}: must be at least 0 and below 1")
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: float[B, ...], a residual branch."""
        if self.rate == 0.0 or not self.training:
            return x
        keep = 1.0 - self.rate
        kept = torch.empty((x.shape[0],) + (1,) * (x.dim() - 1), dtype=x.dtype, device=x.device).bernoulli_(keep)
        return x * (kept / keep)

    def extra_repr(self) -> str:
        """The rate, for printing."""
        return f"rate={self.rate:.3f}"


def linear_rates(rate: float, count: int) -> list[float]:
    """``count`` drop-path rates that grow linearly from 0 to ``rate``."""
    return [rate * i / max(count - 1, 1) for i in range(count)]


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of float[B, C, H, W]; in channels-last memory it moves no data."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

"""Tokens hidden where the interest lies, and how well they were made up for (RecLMIS)."""

import torch
from torch import Tensor
from torch.nn import functional as F


def hide_tokens(weight: Tensor, mask: Tensor, rate: float) -> Tensor:
    """Draw tokens without replacement, the likelier the more they weigh.

    Args:
        weight: float[B, N], not negative.
        mask: bool[B, N], tokens that may be drawn.
        rate: share of a row's tokens, rounded down but one at least; 0 draws none.

    Returns:
        bool[B, N].
    """
    if rate == 0:
        return torch.zeros_like(mask)
    count = (rate * mask.sum(1)).floor().clamp(min=1)
    # the largest of log weight + Gumbel noise are a draw without replacement (Kool et al., ICML 2019)
    noise = -torch.empty_like(weight, dtype=torch.float32).exponential_().clamp(min=1e-20).log()
    key = (weight.detach().float().clamp(min=1e-10).log() + noise).masked_fill(~mask, float("-inf"))
    rank = key.argsort(1, descending=True).argsort(1)
    return mask & (rank < count[:, None])


def reconstruction_loss(made: Tensor, wanted: Tensor, counted: Tensor, weight: Tensor) -> Tensor:
    """Mean squared error over the tokens that count, of each case, then over the cases.

    Args:
        made: float[B, N, d].
        wanted: float[B, N, d].
        counted: bool[B, N]; without any it is a zero.
        weight: float[B], how much each case counts.
    """
    error = F.mse_loss(made.float(), wanted.float(), reduction="none").mean(2)
    share = counted.float() * weight.float()[:, None] / counted.sum(1, keepdim=True).clamp(min=1)
    return (error * share).sum() / (weight.float() * counted.any(1)).sum().clamp(min=1e-6)

"""Attention to few keys by plain matrix products."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MANY = 512
"""Keys from which on the scores are no longer held in memory."""


def attend(
    attention: nn.MultiheadAttention, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> Tensor:
    """What ``attention`` answers, several times as fast on a CPU where the keys are a sentence's words.

    torch's own kernels go backward slowly there. Here each head's keys and values stand in rows of their own, zero in
    the other heads' channels, so that all heads take one product; and the softmax is not over the last dimension, where
    few keys would leave most of a vector empty.

    Args:
        attention: with biases, batch first, keys and values as wide as queries.
        query: float[B, N, D].
        key: float[B, L, D].
        value: float[B, L, D].
        mask: bool[B, L], which of the keys are there, at least one a row; ``None``: all.

    Returns:
        float[B, N, D].
    """
    if key.shape[1] >= MANY:
        unread = None if mask is None else ~mask
        answer: Tensor = attention(query, key, value, key_padding_mask=unread, need_weights=False)[0]
        return answer
    heads, width = attention.num_heads, attention.head_dim
    q, k, v = (
        F.linear(x, weight, bias)
        for x, weight, bias in zip(
            (query, key, value), attention.in_proj_weight.chunk(3), attention.in_proj_bias.chunk(3), strict=True
        )
    )
    scores = (_apart(k * width**-0.5, heads) @ q.transpose(1, 2)).unflatten(1, (heads, -1))
    if mask is not None:
        scores = scores.masked_fill(~mask[:, None, :, None], float("-inf"))
    shares = F.dropout(scores.softmax(2), attention.dropout, attention.training)
    out: Tensor = attention.out_proj(shares.flatten(1, 2).transpose(1, 2) @ _apart(v, heads))
    return out


def each(x: Tensor, count: int) -> Tensor:
    """float[I, ...] -> float[count, ...], each row as often as there are sentences about it."""
    # `shape[0]`, not `len`: a traced graph keeps it open, and makes a fixed number of the other
    return x if x.shape[0] == count else x.repeat_interleave(count // x.shape[0], 0)


def _apart(x: Tensor, heads: int) -> Tensor:
    """float[B, L, D] -> float[B, heads * L, D], row (h, n) is x's n in head h's channels and zero elsewhere."""
    if heads == 1:
        return x
    own = torch.eye(heads, dtype=x.dtype, device=x.device)[:, None, :, None]
    spread: Tensor = x.unflatten(-1, (heads, -1))[:, None] * own
    return spread.flatten(3).flatten(1, 2)

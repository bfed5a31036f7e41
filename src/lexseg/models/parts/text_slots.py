"""A sentence of any length as a fixed number of slots: by learned queries, or as LanGuideMedSeg's family does it."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PUBLISHED_TOKENS = 24
"""What LanGuideMedSeg and FMISeg cut and pad every sentence to."""


def fit_tokens(tokens: Tensor, mask: Tensor, length: int = PUBLISHED_TOKENS) -> tuple[Tensor, Tensor]:
    """Cut or pad a batch to ``length`` tokens, as the published code does; what is cut is lost.

    Args:
        tokens: float[B, L, D], zero where the mask is false.
        mask: bool[B, L].
        length: tokens that are kept.

    Returns:
        float[B, length, D] and bool[B, length].
    """
    more = max(0, length - mask.shape[1])
    return F.pad(tokens[:, :length], (0, 0, 0, more)), F.pad(mask[:, :length], (0, more))


class PositionSlots(nn.Module):
    """T = LeakyReLU(Linear(GELU(Conv1d(W)))), the convolution of kernel 1 running over token *positions* (SISTER).

    What LanGuideMedSeg and FMISeg publish, kept for ``as_published``: slot m is the same weighted sum of the 24
    positions whatever word stands there, padding is summed in, and the length is part of the weights.

    Args:
        text_dim: width of the words.
        dim: width of the slots.
        slots: M.
        length: tokens that come in.
    """

    def __init__(self, text_dim: int, dim: int, slots: int, length: int = PUBLISHED_TOKENS) -> None:
        super().__init__()
        self.mix = nn.Conv1d(length, slots, 1)
        self.project = nn.Linear(text_dim, dim)

    def forward(self, words: Tensor, mask: Tensor) -> Tensor:
        """Args: words: float[B, length, text_dim]; mask: bool[B, length], not looked at. Returns float[B, M, dim]."""
        return F.leaky_relu(self.project(F.gelu(self.mix(words))))


class QuerySlots(nn.Module):
    """M learned queries read the words that are there (OURS, in place of :class:`PositionSlots`).

        K = GELU(Linear(W));  T = LeakyReLU(LN(Q + MHA(q = Q, kv = K)))

    Args:
        text_dim: width of the words.
        dim: width of the slots.
        slots: M.
        heads: of the attention.
    """

    def __init__(self, text_dim: int, dim: int, slots: int, heads: int = 4) -> None:
        super().__init__()
        self.project = nn.Linear(text_dim, dim)
        self.queries = nn.Parameter(torch.randn(slots, dim) * dim**-0.5)
        self.attention = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.norm = nn.LayerNorm(dim)

    def forward(self, words: Tensor, mask: Tensor) -> Tensor:
        """Args: words: float[B, L, text_dim]; mask: bool[B, L], at least one true a row. Returns float[B, M, dim]."""
        keys = F.gelu(self.project(words))  # [B, L, dim]
        queries = self.queries.expand(words.shape[0], -1, -1).to(keys.dtype)  # [B, M, dim]
        read = self.attention(queries, keys, keys, key_padding_mask=~mask, need_weights=False)[0]
        return F.leaky_relu(self.norm(queries + read))

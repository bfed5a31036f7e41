"""RecLMIS: words and cells look at one another once, and say what of them matters."""

import torch
from torch import Tensor, nn


class ConditionedInteraction(nn.Module):
    """Words read the cells, then the cells read those words.

        t' = LN(t + MHA(t, v));  v' = LN(v + MHA(v, t'));  v' = LN(v' + FFN(v'))

    Args:
        dim: width of both.
        heads, dropout: of both attentions.
        as_published: t' = MHA(t, v), v' = MHA(v, t'), padding attended to. With nothing but a mixture of few words in
            each cell, the map that comes out is all but the same everywhere.
    """

    def __init__(self, dim: int, heads: int = 4, dropout: float = 0.1, *, as_published: bool = False) -> None:
        super().__init__()
        self.as_published = as_published
        self.to_words = nn.MultiheadAttention(dim, heads, dropout=dropout, batch_first=True)
        self.to_cells = nn.MultiheadAttention(dim, heads, dropout=dropout, batch_first=True)
        if not as_published:
            self.norm_words, self.norm_cells, self.norm_mlp = (nn.LayerNorm(dim) for _ in range(3))
            self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim))

    def forward(self, words: Tensor, mask: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
        """Args: words: float[B, L, dim]; mask: bool[B, L]; cells: float[B, N, dim]. Returns words and cells."""
        seen = self.to_words(words, cells, cells, need_weights=False)[0]  # [B, L, dim]
        if self.as_published:
            return seen, self.to_cells(cells, seen, seen, need_weights=False)[0]
        words = self.norm_words(words + seen)
        read = self.to_cells(cells, words, words, key_padding_mask=~mask, need_weights=False)[0]
        cells = self.norm_cells(cells + read)
        return words, self.norm_mlp(cells + self.mlp(cells))


class InterestWeights(nn.Module):
    """How much each token matters: softmax over the tokens of an MLP of each.

    Args:
        dim: width of the tokens.
        dropout: on what comes in.
    """

    def __init__(self, dim: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Dropout(dropout), nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, 1))

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Args: tokens: float[B, N, dim]; mask: bool[B, N]. Returns float[B, N], rows sum to 1, zero where masked."""
        score = self.score(tokens).squeeze(-1)
        return torch.softmax(score if mask is None else score.masked_fill(~mask, float("-inf")), -1)

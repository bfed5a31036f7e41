"""RecLMIS: make hidden tokens of one side up from the other side. Has no part in inference."""

import torch
from torch import Tensor, nn

EPS = 1e-10


class _Layer(nn.Module):
    """A post-norm transformer layer with key weights: self-attention, where asked for cross-attention, MLP."""

    def __init__(self, dim: int, heads: int, hidden: int, dropout: float, *, cross: bool) -> None:
        super().__init__()
        self.heads = heads
        self.attend = nn.MultiheadAttention(dim, heads, dropout=dropout, batch_first=True)
        self.cross = nn.MultiheadAttention(dim, heads, dropout=dropout, batch_first=True) if cross else None
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(3 if cross else 2))
        self.mlp = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, dim))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, bias: Tensor, source: Tensor | None = None, source_bias: Tensor | None = None
    ) -> Tensor:
        """Args: x: float[B, N, dim]; bias: float[B, N, N]; source: float[B, M, dim]; source_bias: float[B, N, M]."""
        x = self.norms[0](x + self.dropout(self._read(self.attend, x, x, bias)))
        if self.cross is not None:
            assert source is not None and source_bias is not None
            x = self.norms[1](x + self.dropout(self._read(self.cross, x, source, source_bias)))
        out: Tensor = self.norms[-1](x + self.dropout(self.mlp(x)))
        return out

    def _read(self, attention: nn.MultiheadAttention, query: Tensor, keys: Tensor, bias: Tensor) -> Tensor:
        out: Tensor = attention(query, keys, keys, attn_mask=bias.repeat_interleave(self.heads, 0), need_weights=False)[
            0
        ]
        return out


class Reconstructor(nn.Module):
    """Stack A works on the source, stack B on the target with holes, which reads A's output.

    Attention to the source is multiplied by the source's interest weights and brought to sum 1 again, that is,
    softmax(q k + log(b + 1e-10)).

    Args:
        dim, heads: width and heads of both stacks.
        hidden: width of their MLPs.
        depth: layers of each stack.
        dropout: inside the layers.
        causal: as published: a token sees only those before it, cells in raster order. False: all that are there.
    """

    def __init__(
        self,
        dim: int,
        *,
        heads: int = 4,
        hidden: int = 1024,
        depth: int = 4,
        dropout: float = 0.1,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.causal = causal
        self.source = nn.ModuleList(_Layer(dim, heads, hidden, dropout, cross=False) for _ in range(depth))
        self.target = nn.ModuleList(_Layer(dim, heads, hidden, dropout, cross=True) for _ in range(depth))

    def forward(self, source: Tensor, weight: Tensor, source_mask: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """Make the target up.

        Args:
            source: float[B, M, dim].
            weight: float[B, M], the source's interest weights.
            source_mask: bool[B, M], which of it may be read.
            target: float[B, N, dim], with zeros for what is hidden.
            mask: bool[B, N], which of it may be read.

        Returns:
            float[B, N, dim].
        """
        interest = (weight + EPS).log()[:, None]  # [B, 1, M]
        n, m = target.shape[1], source.shape[1]
        among_source = self._bias(source_mask, m) + interest
        among_target = self._bias(mask, n)
        across = interest.masked_fill(~source_mask[:, None], float("-inf")).expand(-1, n, -1)  # [B, N, M]
        for layer in self.source:
            source = layer(source, among_source)
        for layer in self.target:
            target = layer(target, among_target, source, across)
        return target

    def _bias(self, mask: Tensor, n: int) -> Tensor:
        """Zero where a token may be read, minus infinity elsewhere, float[B, n, n]."""
        allowed = mask[:, None].expand(-1, n, -1)
        if self.causal:
            allowed = allowed & torch.ones(n, n, dtype=torch.bool, device=mask.device).tril()
        return torch.zeros(allowed.shape, device=mask.device).masked_fill(~allowed, float("-inf"))

"""LViT's transformer branch: levels that all live on one coarse grid, down and up again beside the image path."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class ViTBlock(nn.Module):
    """One pre-norm transformer layer; dropout after both linear layers of the MLP, none in the attention (released).

    Args:
        dim: width of the tokens.
        heads: of the attention.
        dropout: of the MLP.
    """

    def __init__(self, dim: int, heads: int = 8, dropout: float = 0.1) -> None:
        super().__init__()
        self.norm_attention, self.norm_mlp = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.mlp = nn.Sequential(
            nn.Linear(dim, 4 * dim), nn.GELU(), nn.Dropout(dropout), nn.Linear(4 * dim, dim), nn.Dropout(dropout)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: float[B, N, dim]."""
        h = self.norm_attention(x)
        x = x + self.attention(h, h, h, need_weights=False)[0]
        out: Tensor = x + self.mlp(self.norm_mlp(x))
        return out


class TokenConv(nn.Module):
    """ReLU(BN(Conv1d(tokens))): another width; a kernel of 3 also looks at the neighbours in row-major order.

    Args:
        inputs, outputs: widths.
        kernel: 3 as released, where the ends of two rows are neighbours; 1 is a linear layer.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2)
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: float[B, N, inputs]. Returns float[B, N, outputs]."""
        out: Tensor = self.norm(self.conv(x.transpose(1, 2))).relu().transpose(1, 2)
        return out


class ViTLevels(nn.Module):
    """Down and up through the levels, all on the same tokens.

        z_i = Block_i(E_i);  y_1 = z_1;  y_i = [TokenConv(z_i), y_{i-1}]
        u_n = Block'_n(y_n);  u_i = Block'_i(y_i) + TokenConv(u_{i+1})

    Args:
        dims: widths of the levels, shallow to deep, growing.
        heads, dropout: of the blocks.
        kernel: of the token convolutions.
    """

    def __init__(self, dims: Sequence[int], *, heads: int = 8, kernel: int = 3, dropout: float = 0.1) -> None:
        super().__init__()
        if any(wide <= narrow for narrow, wide in pairwise(dims)):
            raise ValueError(
                f"widths of the transformer's levels are {list(dims)}; each has to be above the one before"
            )
        pairs = list(pairwise(dims))
        self.down = nn.ModuleList(ViTBlock(d, heads, dropout) for d in dims)
        self.up = nn.ModuleList(ViTBlock(d, heads, dropout) for d in dims)
        self.narrow = nn.ModuleList(TokenConv(wide, wide - below, kernel) for below, wide in pairs)
        self.reduce = nn.ModuleList(TokenConv(wide, below, kernel) for below, wide in pairs)

    def forward(self, embedded: Sequence[Tensor]) -> list[Tensor]:
        """Args: embedded: E, float[B, N, dims[i]] each. Returns u, of the same shapes."""
        path: list[Tensor] = []
        for i, (block, e) in enumerate(zip(self.down, embedded, strict=True)):
            z = block(e)  # [B, N, dims[i]]
            path.append(torch.cat([self.narrow[i - 1](z), path[-1]], -1) if i else z)
        ups: list[Tensor] = []
        for i in reversed(range(len(path))):
            u = self.up[i](path[i])
            ups.insert(0, u + self.reduce[i](ups[0]) if ups else u)
        return ups

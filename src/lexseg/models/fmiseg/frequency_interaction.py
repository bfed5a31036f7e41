"""FMISeg's two interactions: of the two frequencies with one another (FFBI), and of each with the words (LFFI).

Written from a description of the released modules (version A). ``as_published`` keeps what they do; without it the
faults of docs/explanation/fmiseg.md are mended, each marked OURS.
"""

import torch
from torch import Tensor, nn

from lexseg.models.parts.positions import sine_positions_1d, sine_positions_2d
from lexseg.models.parts.text_slots import PositionSlots, QuerySlots


class FrequencyExchange(nn.Module):
    """FFBI: at stride 32 each frequency reads the other, both at once.

        as published: h' = h + MHA(q = h, kv = l),  l' = l + MHA(q = l, kv = h)
        OURS:         h' = h + MHA(q = LN(h) + pos, k = LN(l) + pos, v = LN(l)), and the same for l

    Args:
        dim: width of the maps.
        heads: of the attentions.
        dropout: in them.
        as_published: neither positions nor norms.
    """

    def __init__(self, dim: int, heads: int = 4, *, dropout: float = 0.0, as_published: bool = False) -> None:
        super().__init__()
        self.as_published = as_published
        self.low = nn.MultiheadAttention(dim, heads, dropout=dropout, batch_first=True)
        self.high = nn.MultiheadAttention(dim, heads, dropout=dropout, batch_first=True)
        self.norm_low: nn.Module = nn.Identity() if as_published else nn.LayerNorm(dim)
        self.norm_high: nn.Module = nn.Identity() if as_published else nn.LayerNorm(dim)

    def forward(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Args: low, high: float[B, C, h, w]. Returns the same, each with what it read of the other."""
        _, c, h, w = low.shape
        l, g = (x.flatten(2).transpose(1, 2) for x in (low, high))  # noqa: E741
        a, b = self.norm_low(l), self.norm_high(g)
        at = 0 if self.as_published else sine_positions_2d(h, w, c, device=low.device).to(low.dtype)
        new_low = l + self.low(a + at, b + at, b, need_weights=False)[0]
        new_high = g + self.high(b + at, a + at, a, need_weights=False)[0]
        return new_low.transpose(1, 2).reshape_as(low), new_high.transpose(1, 2).reshape_as(high)


class FrequencyGuide(nn.Module):
    """LFFI: the words weigh every channel of every cell.

        X1 = X + LN(MHA_1(q = k = LN(X) + pos, v = LN(X)));   V = LN(X1)
        a = LN(V + MHA_4(q = V + pos, kv = T));  b = LN(T + MHA_4(q = T, k = V + pos, v = V))
        a = LN(a + FF(a)),  b = LN(b + FF'(b))
        m = LN(a + Linear_{M->C}(a b^T / sqrt(C)))
        Y = X1 (1 + g m),  g learnable for each channel

    As published: T by token positions with padding in it, raster positions in one dimension on cells and slots, no
    sqrt(C), and Y = X1 s m with a learnable scalar s = 1. There half the signs of X1 flip at the start, since m is the
    output of a norm and has mean zero, and no path leads around.

    Args:
        dim: width of the map, C.
        text_dim: width of the words.
        slots: M.
        heads: of the cross-attentions; the self-attention has one.
        gate: what g starts at; 0 leaves the image path alone until training opens it.
        self_attention: whether cells look at one another.
        dropout: in the attentions.
        as_published: see above.
    """

    def __init__(
        self,
        dim: int,
        text_dim: int,
        slots: int,
        *,
        heads: int = 4,
        gate: float = 0.0,
        self_attention: bool = True,
        dropout: float = 0.0,
        as_published: bool = False,
    ) -> None:
        super().__init__()
        self.as_published, self.has_self_attention = as_published, self_attention
        self.text = (PositionSlots if as_published else QuerySlots)(text_dim, dim, slots)
        if self_attention:
            self.norm_self = nn.LayerNorm(dim)
            self.self_attention = nn.MultiheadAttention(dim, 1, dropout=dropout, batch_first=True)
            self.norm_self_out = nn.LayerNorm(dim)
        self.norm = nn.LayerNorm(dim)
        self.cells = _ReadAndThink(dim, heads, dropout)
        self.slots = _ReadAndThink(dim, heads, dropout)
        self.likeness = nn.Linear(slots, dim)
        self.norm_gate = nn.LayerNorm(dim)
        self.gate = nn.Parameter(torch.ones(()) if as_published else torch.full((dim,), gate))

    def forward(self, x: Tensor, words: Tensor, mask: Tensor) -> Tensor:
        """Args: x: float[B, C, h, w]; words: float[B, L, D]; mask: bool[B, L]. Returns float[B, C, h, w]."""
        slots: Tensor = self.text(words, mask)  # [B, M, C]
        at_cells, at_slots = self._positions(x, slots.shape[1])
        tokens = x.flatten(2).transpose(1, 2)  # [B, h w, C]
        if self.has_self_attention:
            normed = self.norm_self(tokens)
            at = normed + at_cells
            tokens = tokens + self.norm_self_out(self.self_attention(at, at, normed, need_weights=False)[0])
        v = self.norm(tokens)
        a = self.cells(v, slots, at_cells, at_slots)  # [B, h w, C]
        b = self.slots(slots, v, at_slots, at_cells)  # [B, M, C]
        likeness = a @ b.transpose(1, 2)  # [B, h w, M]
        if not self.as_published:
            likeness = likeness * x.shape[1] ** -0.5
        weight: Tensor = self.norm_gate(a + self.likeness(likeness)) * self.gate
        tokens = tokens * (weight if self.as_published else 1 + weight)
        return tokens.transpose(1, 2).reshape_as(x)

    def _positions(self, x: Tensor, slots: int) -> tuple[Tensor | float, Tensor | float]:
        """Of the cells and of the slots. Learned queries have no order, so ours need none."""
        _, c, h, w = x.shape
        if not self.as_published:
            return sine_positions_2d(h, w, c, device=x.device).to(x.dtype), 0.0
        raster, order = (sine_positions_1d(n, c, device=x.device).to(x.dtype) for n in (h * w, slots))
        return raster, order


class _ReadAndThink(nn.Module):
    """LN(x + MHA(q = x, kv = y)), then LN(x + FF(x)) with FF: C -> 2C -> C and ReLU."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(dim, heads, dropout=dropout, batch_first=True)
        self.norm_read = nn.LayerNorm(dim)
        self.feed = nn.Sequential(nn.Linear(dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim))
        self.norm_feed = nn.LayerNorm(dim)

    def forward(self, x: Tensor, y: Tensor, at_x: Tensor | float, at_y: Tensor | float) -> Tensor:
        x = self.norm_read(x + self.attention(x + at_x, y + at_y, y, need_weights=False)[0])
        out: Tensor = self.norm_feed(x + self.feed(x))
        return out

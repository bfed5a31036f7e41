"""DD-CMD's spatial half: cells that know their neighbours read the words, as far as a gate lets them."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.models.parts.alignment import masked_mean
from lexseg.models.parts.attention import attend
from lexseg.models.parts.positions import sine_positions_1d, sine_positions_2d


class WordAttention(nn.Module):
    """Cells read the words (CODE: the formulas are read in the released modules).

    With X the tokens of the map, V = GELU(BN(Conv1x1(DWConv3x3(X)))) and T the projected words:
        a = MHA(q = LN(V) + pos, kv = LN(T) + pos)
        g = sigmoid(MLP([mean V, mean T])), one number an image;  s learnable, 1 at the start
        X1 = LN(X + s g a);  answer = LN(X1 + FFN(X1))

    Args:
        dim: width of the map.
        text_dim: width of the words.
        heads: of the attention.
        dropout: of the attention and the feed-forward layers.
        slots: as published: the tokens are resampled along the sentence to so many, and cells are numbered along the
            raster. 0 is ours: each word is read as it is.
    """

    def __init__(self, dim: int, text_dim: int, *, heads: int = 4, dropout: float = 0.0, slots: int = 0) -> None:
        super().__init__()
        self.slots = slots
        self.local = nn.Sequential(
            nn.Conv2d(dim, dim, 3, padding=1, groups=dim, bias=False),
            nn.Conv2d(dim, dim, 1, bias=False),
            nn.BatchNorm2d(dim),
            nn.GELU(),
        )
        self.text = nn.Linear(text_dim, dim)
        self.norm_query, self.norm_words = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = nn.MultiheadAttention(dim, heads, dropout=dropout, batch_first=True)
        hidden = max(32, dim // 2)
        self.gate = nn.Sequential(nn.Linear(2 * dim, hidden), nn.GELU(), nn.Linear(hidden, 1))
        self.scale = nn.Parameter(torch.ones(()))
        self.norm_read, self.norm_out = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.feed_forward = nn.Sequential(
            nn.Linear(dim, 2 * dim), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * dim, dim), nn.Dropout(dropout)
        )

    def forward(self, x: Tensor, words: Tensor, mask: Tensor) -> Tensor:
        """Let the cells read.

        Args:
            x: float[B, C, h, w].
            words: float[B, L, D].
            mask: bool[B, L], the words that are there, at least one a row.

        Returns:
            float[B, C, h, w].
        """
        _, c, h, w = x.shape
        near = self.local(x).flatten(2).transpose(1, 2)
        told = self.text(words)
        if self.slots and self.slots != told.shape[1]:
            told = resampled(told, self.slots)
            mask = torch.ones_like(told[..., 0], dtype=torch.bool)
        places = (
            sine_positions_1d(h * w, c, device=x.device) if self.slots else sine_positions_2d(h, w, c, device=x.device)
        )
        order = sine_positions_1d(told.shape[1], c, device=x.device)
        keys = self.norm_words(told) + order.to(x.dtype)
        read = attend(self.attention, self.norm_query(near) + places.to(x.dtype), keys, keys, mask)
        gate = self.gate(torch.cat([near.mean(1), masked_mean(told, mask)], 1)).sigmoid()[:, None]
        tokens = self.norm_read(x.flatten(2).transpose(1, 2) + self.scale * gate * read)
        tokens = self.norm_out(tokens + self.feed_forward(tokens))
        answer: Tensor = tokens.transpose(1, 2).reshape(-1, c, h, w)
        return answer


def resampled(tokens: Tensor, length: int) -> Tensor:
    """float[B, L, D] -> float[B, length, D], linearly along the sentence, as published.

    From 24 to 9 there are 6 tokens that no slot reads: each slot is between two neighbours, 2.67 apart.
    """
    answer: Tensor = F.interpolate(tokens.transpose(1, 2), size=length, mode="linear", align_corners=False)
    return answer.transpose(1, 2)

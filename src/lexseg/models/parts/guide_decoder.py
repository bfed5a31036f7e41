"""The guide decoder of LanGuideMedSeg, the base recipe that TMCA extends (SISTER).

Two things differ from the published code, both on purpose: attention masks padding, and
the sentence keeps its length, where the code mixes token positions by a convolution that bakes 24 tokens into the
weights. ``slots`` of :class:`GuideLayer` and ``blur`` of :class:`SubPixelHead` bring the published form back.
"""

from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.models.parts.attention import attend, each
from lexseg.models.parts.positions import sine_positions_1d, sine_positions_2d
from lexseg.models.parts.text_slots import PositionSlots

CrossAttention = Literal["guide", "enhance", "none"]


class GuideLayer(nn.Module):
    """Lets the cells of a feature map look at one another and at the words.

    With X the tokens of the map and T the projected words:
        X1 = X + LN(MHSA(q = k = LN(X) + pos, v = LN(X)))
        guide:    X2 = X1 + s * LN(MHCA(q = LN(X1) + pos, k = T + pos, v = T)), s learnable, 1.421 at the start (SISTER)
        enhance:  X2 = X1 + g * (1 + A) * LN(MHCA(...)), g learnable for each channel, A the relevance map
                  (INFERRED)
        none:     X2 = X1

    Args:
        dim: width of the map.
        text_dim: width of the words.
        heads: of the cross-attention; the self-attention has one.
        cross: which of the three.
        gate: what g starts at; 0 leaves the image path alone until training opens it.
        self_attention: whether cells look at one another.
        dropout: of both attentions.
        slots: as published: the words are mixed by position to so many slots, padding is attended to, and cells are
            numbered along the raster. 0 is ours.
    """

    def __init__(
        self,
        dim: int,
        text_dim: int,
        *,
        heads: int = 4,
        cross: CrossAttention = "guide",
        gate: float = 0.0,
        self_attention: bool = True,
        dropout: float = 0.0,
        slots: int = 0,
    ) -> None:
        super().__init__()
        self.cross, self.heads, self.dropout, self.slots = cross, heads, dropout, slots
        if self_attention:
            self.norm_self = nn.LayerNorm(dim)
            self.self_attention = nn.MultiheadAttention(dim, 1, dropout=dropout, batch_first=True)
            self.norm_self_out = nn.LayerNorm(dim)
        self.has_self_attention = self_attention
        if cross != "none":
            self.text: nn.Module = (
                PositionSlots(text_dim, dim, slots)
                if slots
                else nn.Sequential(nn.Linear(text_dim, dim), nn.GELU(), nn.Linear(dim, dim), nn.LeakyReLU())
            )
            self.norm_cross = nn.LayerNorm(dim)
            self.cross_attention = nn.MultiheadAttention(dim, heads, dropout=dropout, batch_first=True)
            self.norm_cross_out = nn.LayerNorm(dim)
        if cross == "guide":
            self.scale = nn.Parameter(torch.tensor(1.421))
        elif cross == "enhance":
            self.scale = nn.Parameter(torch.full((dim,), gate))

    def forward(self, x: Tensor, words: Tensor, mask: Tensor, relevance: Tensor | None = None) -> Tensor:
        """Let the cells look.

        Args:
            x: float[I, C, h, w]; B is a multiple of I, and the sentences about each map stand side by side.
            words: float[B, L, D].
            mask: bool[B, L].
            relevance: float[B, 1, h, w] in 0..1.

        Returns:
            float[B, C, h, w].
        """
        tokens, query = self.look(x)
        out: Tensor = self.read(tokens, query, words, mask, relevance).unflatten(2, x.shape[2:])
        return out

    def look(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """What of it the words do not touch.

        Args:
            x: float[I, C, h, w].

        Returns:
            tokens that have looked at one another, and what they ask the words, float[I, h w, C] each.
        """
        _, c, h, w = x.shape
        tokens = x.flatten(2).transpose(1, 2)  # [I, h w, C]
        positions = (
            sine_positions_1d(h * w, c, device=x.device) if self.slots else sine_positions_2d(h, w, c, device=x.device)
        ).to(x.dtype)  # [h w, C]
        if self.has_self_attention:
            normed = self.norm_self(tokens)
            at = normed + positions
            tokens = tokens + self.norm_self_out(attend(self.self_attention, at, at, normed))
        return tokens, self.norm_cross(tokens) + positions if self.cross != "none" else None

    def read(
        self, tokens: Tensor, query: Tensor | None, words: Tensor, mask: Tensor, relevance: Tensor | None = None
    ) -> Tensor:
        """Let what has looked read the words: of :meth:`look`, and as :meth:`forward` -> float[B, C, h w]."""
        tokens, c = each(tokens, words.shape[0]), tokens.shape[2]  # [B, h w, C]
        if query is not None:
            t = self.text(words, mask) if self.slots else self.text(words)  # [B, L, C], or slots for L
            keys = t + sine_positions_1d(t.shape[1], c, device=t.device).to(tokens.dtype)
            read = attend(self.cross_attention, each(query, words.shape[0]), keys, t, None if self.slots else mask)
            update = self.scale * self.norm_cross_out(read)  # [B, h w, C]
            if relevance is not None and self.cross == "enhance":
                update = update * (1 + relevance.flatten(2).transpose(1, 2))
            tokens = tokens + update
        return tokens.transpose(1, 2)


class UpBlock(nn.Module):
    """UNETR's up-block: a 2x2 transposed convolution, the skip beside it, two 3x3 convolutions, batch norm (SISTER).

    Args:
        channels: width of the deeper map.
        skip: width of the skip.
        out: width of the result, at twice the deeper map's size.
    """

    def __init__(self, channels: int, skip: int, out: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(channels, out, 2, stride=2, bias=False)
        self.convs = nn.Sequential(
            nn.Conv2d(out + skip, out, 3, padding=1, bias=False),
            nn.BatchNorm2d(out),
            nn.LeakyReLU(0.01, inplace=True),
            nn.Conv2d(out, out, 3, padding=1, bias=False),
            nn.BatchNorm2d(out),
            nn.LeakyReLU(0.01, inplace=True),
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        out: Tensor = self.convs(torch.cat([self.up(x), skip], 1))
        return out


class SubPixelHead(nn.Module):
    """From stride 4 to one logit a pixel: a 3x3 convolution, pixel shuffle x4, a 1x1 convolution (SISTER).

    Args:
        channels: width of the map at stride 4.
        hidden: channels at full size; 24 in the published code. 1 leaves the last convolution out.
        blur: as published: after the shuffle each pixel is the mean of the 4x4 that end at it, zeros outside. That
            hides checkers, and moves the map by one and a half pixels towards the lower right.
    """

    def __init__(self, channels: int, hidden: int = 24, *, blur: bool = False) -> None:
        super().__init__()
        self.blur = blur
        self.expand = nn.Conv2d(channels, hidden * 16, 3, padding=1)
        self.project = nn.Conv2d(hidden, 1, 1) if hidden > 1 else nn.Identity()
        with torch.no_grad():  # ICNR (Aitken et al., 2017): the 16 sub-pixels start equal, so no checkerboard
            first = self.expand.weight[::16].clone()
            self.expand.weight.copy_(first.repeat_interleave(16, 0))
            bias = cast(Tensor, self.expand.bias)
            bias.copy_(bias[::16].repeat_interleave(16))

    def forward(self, x: Tensor) -> Tensor:
        full = F.pixel_shuffle(self.expand(x), 4)  # [B, hidden, 4h, 4w]
        if self.blur:
            full = F.avg_pool2d(F.pad(full, (3, 0, 3, 0)), 4, stride=1)
        logits: Tensor = self.project(full)
        return logits

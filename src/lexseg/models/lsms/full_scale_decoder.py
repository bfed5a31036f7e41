"""LSMS's full-scale decoder (FSD), and the lighter head of SLViT in its place.

FOUND (abstract of arXiv 2408.17347): the decoder models multi-modal features globally, across scales, so that scales
complement one another and boundaries get sharper. All formulas are INFERRED (docs/explanation/lsms.md); the head that
concatenates and calls Hamburger is SISTER (3.1).
"""

from collections.abc import Sequence
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.models.lsms.hamburger import Hamburger, norm_groups
from lexseg.models.lsms.svla import BatchWords
from lexseg.models.parts.positions import sine_positions_2d
from lexseg.models.parts.unet_decoder import conv_norm_relu, resize

Context = Literal["conv", "hamburger", "none"]


class ScaleMixer(nn.Module):
    """Lets all scales look at one another and at the words (4.2, step 2).

    Every map is pooled to the coarsest grid; its cells, with a code of their place and their scale, go through pre-norm
    transformer layers, each self-attention over all scales and cross-attention to the words; what comes out is added
    to the maps through gates that start closed: E_i + gamma_i * Up(tokens_i). It takes the place of SLViT's cell
    selection, which is arbitrary and never trained in the public code (3.2).

    Args:
        width: of the maps.
        text_dim: width of the words.
        scales: how many maps.
        layers, heads: of the transformer; MLP ratio 2.
        gate: what the gates start at.
        dropout: in the layers.
    """

    def __init__(
        self,
        width: int,
        text_dim: int,
        *,
        scales: int = 4,
        layers: int = 2,
        heads: int = 8,
        gate: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.scale_code = nn.Parameter(torch.randn(scales, width) * 0.02)
        self.words = nn.Linear(text_dim, width)
        self.layers = nn.ModuleList(
            nn.TransformerDecoderLayer(width, heads, 2 * width, dropout, "gelu", batch_first=True, norm_first=True)
            for _ in range(layers)
        )
        self.gates = nn.Parameter(torch.full((scales, width, 1, 1), gate))

    def forward(self, maps: Sequence[Tensor], words: BatchWords) -> list[Tensor]:
        """Args: maps: float[B, width, h_i, w_i], shallow to deep; words: of each image."""
        b, c, h, w = maps[-1].shape
        places = sine_positions_2d(h, w, c, device=maps[-1].device).to(maps[-1].dtype)
        pooled = [F.adaptive_avg_pool2d(m, (h, w)).flatten(2).transpose(1, 2) for m in maps]
        tokens = torch.cat([p + places + code for p, code in zip(pooled, self.scale_code, strict=True)], 1)
        memory = self.words(words.states)  # [B, L, C]
        for layer in self.layers:
            tokens = layer(tokens, memory, memory_key_padding_mask=~words.mask)
        mixed = [t.transpose(1, 2).reshape(b, c, h, w) for t in tokens.chunk(len(maps), dim=1)]
        return [m + g * resize(t, m.shape[-2:]) for m, g, t in zip(maps, self.gates, mixed, strict=True)]


class FullScaleAggregation(nn.Module):
    """Every scale is decoded from all scales (4.2, step 3; the pattern of UNet 3+, Huang et al. 2020).

        D_i = Conv3x3-BN-ReLU(concat_j Conv3x3(E_j at scale i)), i from deep to shallow, D_j in place of E_j for j > i

    The inner convolution runs at the coarser of the two scales, before the map is enlarged or after it is shrunk: on
    the finer grid it would cost 4 to 64 times as much.

    Args:
        width: of the maps.
        part: channels that each scale contributes.
        scales: how many maps.
    """

    def __init__(self, width: int, part: int = 64, scales: int = 4) -> None:
        super().__init__()
        self.channels = part * scales
        self.parts = nn.ModuleList(
            nn.ModuleList(
                nn.Conv2d(width if j <= i else self.channels, part, 3, padding=1, bias=False) for j in range(scales)
            )
            for i in range(scales)
        )
        self.fuse = nn.ModuleList(conv_norm_relu(self.channels, self.channels) for _ in range(scales))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Args: maps: shallow to deep. Returns D_1, float[B, part * scales, H / 4, W / 4]."""
        current = list(maps)
        for i in reversed(range(len(maps))):
            size = (maps[i].shape[-2], maps[i].shape[-1])
            parts = []
            for j, conv in enumerate(cast(nn.ModuleList, self.parts[i])):
                x = current[j]
                parts.append(conv(F.adaptive_avg_pool2d(x, size)) if j < i else resize(conv(x), size))
            current[i] = self.fuse[i](torch.cat(parts, 1))
        return current[0]


class FullScaleDecoder(nn.Module):
    """Unify the maps' widths, mix all scales globally, aggregate full-scale, context (4.2, steps 1 to 4).

    Args:
        channels: widths of the encoder's maps, shallow to deep.
        text_dim: width of the words.
        width: that all maps are brought to; 256 at full size, 64 for the small ones.
        part: channels that each scale contributes to the aggregation.
        mixer_layers: of the :class:`ScaleMixer`; 0 leaves it out.
        mixer_heads: of the mixer.
        gate: what the mixer's gates start at; above 0 a short training reads the words from its first step.
        aggregate: false replaces the full-scale aggregation by a concatenation at stride 4 and a 1x1 convolution.
        context: on the result: a pair of 3x3 convolutions, ``hamburger``, or ``none``.
        rank: of the Hamburger.
        dropout: in the mixer.
    """

    def __init__(
        self,
        channels: Sequence[int],
        text_dim: int,
        *,
        width: int = 256,
        part: int = 64,
        mixer_layers: int = 2,
        mixer_heads: int = 8,
        gate: float = 0.0,
        aggregate: bool = True,
        context: Context = "conv",
        rank: int = 64,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.unify = nn.ModuleList(
            nn.Sequential(nn.Conv2d(c, width, 1, bias=False), nn.BatchNorm2d(width), nn.GELU()) for c in channels
        )
        scales = len(channels)
        self.mixer = (
            ScaleMixer(
                width, text_dim, scales=scales, layers=mixer_layers, heads=mixer_heads, gate=gate, dropout=dropout
            )
            if mixer_layers
            else None
        )
        self.channels = part * scales
        self.aggregate = FullScaleAggregation(width, part, scales) if aggregate else None
        self.concatenate = None if aggregate else conv_norm_relu(width * scales, self.channels, 1)
        self.context: nn.Module = nn.Identity()
        if context == "conv":
            self.context = nn.Sequential(*(conv_norm_relu(self.channels, self.channels) for _ in range(2)))
        elif context == "hamburger":
            self.context = Hamburger(self.channels, rank)

    def forward(self, maps: Sequence[Tensor], words: BatchWords) -> Tensor:
        """Args: maps: shallow to deep; words: of each image. Returns float[B, channels, H / 4, W / 4]."""
        unified = [unify(m) for unify, m in zip(self.unify, maps, strict=True)]  # [B, width, h, w] each
        if self.mixer is not None:
            unified = self.mixer(unified, words)
        if self.aggregate is not None:
            x = self.aggregate(unified)
        else:
            assert self.concatenate is not None
            x = self.concatenate(_stacked(unified))
        out: Tensor = self.context(x)
        return out


class ConcatHamburger(nn.Module):
    """The lighter head of SLViT (SISTER): all maps at stride 4 beside one another, 1x1, Hamburger, 1x1, dropout.

    Args:
        channels: widths of the encoder's maps, shallow to deep.
        width: of the Hamburger, 512 as published; what comes out has half of it.
        rank: of the Hamburger.
        dropout: on the result; 0.1 as published.
    """

    def __init__(self, channels: Sequence[int], *, width: int = 512, rank: int = 64, dropout: float = 0.1) -> None:
        super().__init__()
        self.channels = width // 2
        self.squeeze = _conv_group_norm(sum(channels), width)
        self.hamburger = Hamburger(width, rank)
        self.align = _conv_group_norm(width, self.channels)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, maps: Sequence[Tensor], words: BatchWords) -> Tensor:
        """Args: maps: shallow to deep; words: not read here. Returns float[B, width / 2, H / 4, W / 4]."""
        out: Tensor = self.dropout(self.align(self.hamburger(self.squeeze(_stacked(maps)))))
        return out


def _stacked(maps: Sequence[Tensor]) -> Tensor:
    return torch.cat([resize(m, maps[0].shape[-2:]) for m in maps], 1)


def _conv_group_norm(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, bias=False), nn.GroupNorm(norm_groups(outputs), outputs), nn.ReLU(inplace=True)
    )

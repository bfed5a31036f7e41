"""CLIPSeg's decoder: a few narrow transformer layers over the taps of an image encoder, modulated by the sentence."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lexseg.models.parts.positions import sine_positions_2d


class FiLM(nn.Module):
    """Scale and shift every channel by a condition (Perez et al., AAAI 2018).

        y = gamma(c) * x + beta(c);  residual: y = (1 + gamma(c)) * x + beta(c), both 0 until training moves them

    Args:
        condition: width of c.
        dim: width of x.
        residual: whether the scale starts at one.
    """

    def __init__(self, condition: int, dim: int, residual: bool = False) -> None:
        super().__init__()
        self.scale, self.shift = nn.Linear(condition, dim), nn.Linear(condition, dim)
        self.offset = 1.0 if residual else 0.0
        if residual:
            for p in self.parameters():
                nn.init.zeros_(p)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Args: x: float[B, N, dim]; condition: float[B, condition]. Returns float[B, N, dim]."""
        out: Tensor = (self.offset + self.scale(condition))[:, None] * x + self.shift(condition)[:, None]
        return out


class FiLMDecoder(nn.Module):
    """Taps to a mask, the deepest first.

        h = FiLM(R_1 tap_1; c);  h = Layer_1(h);  h = Layer_i(h + R_i tap_i) for i = 2 ...

    ``Layer`` is a post-norm transformer block with ReLU and no dropout. Reference: Lüddecke & Ecker, CVPR 2022.

    Args:
        channels: widths of the taps, deepest first.
        condition: width of the sentence.
        dim: width of the decoder.
        heads: of its attention.
        feedforward: hidden width of its MLPs.
        every_level: modulate before every layer, not only the first. The added ones are residual, so that published
            weights give the published answer until they are trained on (OURS).
        residual: whether the first scale, too, starts at one (OURS).
        positions: add sine positions, for taps that bring none (OURS; a ViT's taps have its learned ones).
        refined: the head of the refined weights, a 3x3 convolution and two transposed ones; else a single 16x16 one.
    """

    def __init__(
        self,
        channels: Sequence[int],
        condition: int,
        *,
        dim: int = 64,
        heads: int = 4,
        feedforward: int = 2048,
        every_level: bool = False,
        residual: bool = False,
        positions: bool = False,
        refined: bool = True,
    ) -> None:
        super().__init__()
        self.dim, self.positions = dim, positions
        self.reduce = nn.ModuleList(nn.Linear(c, dim) for c in channels)
        self.film = nn.ModuleList(
            FiLM(condition, dim, residual or i > 0) for i in range(len(channels) if every_level else 1)
        )
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(dim, heads, feedforward, dropout=0.0, activation="relu", batch_first=True)
            for _ in channels
        )
        self.head: nn.Module
        if refined:
            self.head = nn.Sequential(
                nn.Conv2d(dim, dim, 3, padding=1),
                nn.ReLU(),
                nn.ConvTranspose2d(dim, dim // 2, 4, stride=4),
                nn.ReLU(),
                nn.ConvTranspose2d(dim // 2, 1, 4, stride=4),
            )
        else:
            self.head = nn.ConvTranspose2d(dim, 1, 16, stride=16)
        for module in self.head.modules():
            if isinstance(module, nn.ConvTranspose2d):
                _start_equal(module)

    def forward(self, taps: Sequence[Tensor], condition: Tensor, grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Draw logits from the transformer's taps, modulated by the sentence's condition (FiLM).

        Args:
            taps: float[B, N, C] each; the cells of the grid in row-major order, other tokens before them.
            condition: float[B, condition].
            grid: (h, w), at stride 16.

        Returns:
            logits float[B, 1, 16 h, 16 w], and the map that they are made of, float[B, dim, h, w].
        """
        x = torch.zeros((), device=condition.device)
        for i, (tap, reduce, layer) in enumerate(zip(taps, self.reduce, self.layers, strict=True)):
            x = x + reduce(tap)  # [B, N, dim]
            if i == 0 and self.positions:
                x = x + sine_positions_2d(*grid, self.dim, device=x.device).to(x.dtype)
            if i < len(self.film):
                x = self.film[i](x, condition)
            x = layer(x)
        cells = x[:, -grid[0] * grid[1] :].transpose(1, 2).unflatten(2, grid)  # [B, dim, h, w]
        logits: Tensor = self.head(cells)
        return logits, cells


def _start_equal(convolution: nn.ConvTranspose2d) -> None:
    """Every pixel that comes out of a cell starts with the same weights, of a variance that keeps signals' size.

    Without published weights, much of the learning else goes into sixteen times sixteen pixels that each find out by
    themselves what is a lesion (OURS; after ICNR, Aitken et al., 2017).
    """
    with torch.no_grad():
        first = torch.randn_like(convolution.weight[:, :, :1, :1]) * (2 / convolution.in_channels) ** 0.5
        convolution.weight.copy_(first.expand_as(convolution.weight))
        if convolution.bias is not None:
            convolution.bias.zero_()

"""DD-CMD's way from stride 4 to the image's size: skips from the image itself, and the sentence once more."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def shallow(channels: int, stride: int) -> nn.Sequential:
    """What a refinement takes as its skip: one 3x3 convolution of the normalised image (CODE)."""
    return nn.Sequential(
        nn.Conv2d(3, channels, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(channels), nn.GELU()
    )


class Refinement(nn.Module):
    """Twice the size: bilinear, the skip beside it, two 3x3 convolutions, scaled and shifted by the sentence (CODE).

        answer = X (1 + a) + b,  (a, b) = tanh(Linear(GELU(Linear(t)))), a pair a channel

    Args:
        channels: width of the smaller map.
        skip: width of the skip.
        out: width of the answer.
        text_dim: width of the sentence.
    """

    def __init__(self, channels: int, skip: int, out: int, text_dim: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv2d(channels + skip, out, 3, padding=1, bias=False),
            nn.BatchNorm2d(out),
            nn.GELU(),
            nn.Conv2d(out, out, 3, padding=1, bias=False),
            nn.BatchNorm2d(out),
            nn.GELU(),
        )
        self.film = nn.Sequential(nn.Linear(text_dim, 2 * out), nn.GELU(), nn.Linear(2 * out, 2 * out))

    def forward(self, x: Tensor, skip: Tensor, sentence: Tensor) -> Tensor:
        """Args: x: float[B, C, h, w]; skip: float[B, S, 2h, 2w]; sentence: float[B, D]. Returns float[B, O, 2h, 2w]."""
        large = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        scale, shift = self.film(sentence).tanh()[..., None, None].chunk(2, 1)
        answer: Tensor = self.convs(torch.cat([large, skip], 1)) * (1 + scale) + shift
        return answer

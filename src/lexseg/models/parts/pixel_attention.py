"""LViT's pixel-level attention on a skip (PLAM), which RecLMIS has too."""

import torch
from torch import Tensor, nn


class PixelAttention(nn.Module):
    """Weighs each pixel of a map by what its channels hold on average and at most.

        a = mean_c ReLU(W_a x);  m = max_c ReLU(W_m x);  w = Linear(ReLU(Linear([a, m, a + m])));  y = f(w) x

    The paper's figure names the pools GAP and GMP, which suggests pooling over the image; the released code pools over
    channels, and so do we.

    Args:
        channels: width of the map.
        squash: f is 2 sigmoid, which starts near 1 (OURS); false leaves w as it is, as released: a negative w turns
            features over.
    """

    def __init__(self, channels: int, *, squash: bool = True) -> None:
        super().__init__()
        self.average = nn.Conv2d(channels, channels, 1, bias=False)
        self.largest = nn.Conv2d(channels, channels, 1, bias=False)
        # 1x1 convolutions: linear layers for each pixel
        self.weigh = nn.Sequential(nn.Conv2d(3, 6, 1), nn.ReLU(), nn.Conv2d(6, 1, 1))
        self.squash = squash

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: float[B, C, h, w]. Returns the same shape."""
        average = self.average(x).relu().mean(1, keepdim=True)
        largest = self.largest(x).relu().amax(1, keepdim=True)
        weight: Tensor = self.weigh(torch.cat([average, largest, average + largest], 1))
        return x * (2 * weight.sigmoid() if self.squash else weight)

"""How DEC-Seg fuses neighbouring levels of one scale, and equal levels of two (FOUND; what is ours is marked)."""

import torch
from torch import Tensor, nn

from lexseg.models.parts.unet_decoder import conv_norm_relu, resize

_WIDTH = 32  # of each of two neighbours, before they are joined


class CrossLevelFusion(nn.Module):
    """Two neighbouring maps of an encoder as one, of the shallower's size (the paper's CFA).

    Both to 32 channels, joined, a 3 x 3 convolution, channels that weigh themselves (x + x gate(x)), and another.

    Args:
        shallow, deep: channels of the two.
        outputs: of the result. Published: 64. OURS: the shallower's, so that the model's own decoder reads it.
    """

    def __init__(self, shallow: int, deep: int, outputs: int) -> None:
        super().__init__()
        both = 2 * _WIDTH
        self.shallow, self.deep = nn.Conv2d(shallow, _WIDTH, 1), nn.Conv2d(deep, _WIDTH, 1)
        self.join = conv_norm_relu(both, both)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(both, both // 4, 1),
            nn.ReLU(),
            nn.Conv2d(both // 4, both, 1),
            nn.Sigmoid(),
        )
        self.out = conv_norm_relu(both, outputs)

    def forward(self, shallow: Tensor, deep: Tensor) -> Tensor:
        """Args: shallow: float[B, C, h, w]; deep: float[B, C', h', w']. Returns float[B, outputs, h, w]."""
        x = self.join(torch.cat([self.shallow(shallow), resize(self.deep(deep), shallow.shape[-2:])], 1))
        out: Tensor = self.out(x + x * self.gate(x))
        return out


class ScaleFusion(nn.Module):
    """Equal levels of the two decoders as one (the paper's DCF).

        a' = C(a + sig(b) b);  b' = C(b + sig(a) a);  g1 a' + g2 b' with g = softmax of a 1 x 1 convolution of both

    As published that convolution has batch norm and a ReLU before the softmax, which leaves the gates at one half
    wherever both scores are negative; here it is plain (OURS).

    Args:
        channels: of both, and of the result. Published: up to 2048; slim where the decoders are.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.of_full, self.of_half = conv_norm_relu(channels, channels), conv_norm_relu(channels, channels)
        self.full_again, self.half_again = conv_norm_relu(channels, channels), conv_norm_relu(channels, channels)
        self.gates = nn.Conv2d(2 * channels, 2, 1)

    def forward(self, full: Tensor, half: Tensor) -> Tensor:
        """Args: full: float[B, C, h, w]; half: float[B, C, h', w']. Returns float[B, C, h, w]."""
        a, b = self.of_full(full), self.of_half(resize(half, full.shape[-2:]))
        a, b = self.full_again(a + b.sigmoid() * b), self.half_again(b + a.sigmoid() * a)
        gates = self.gates(torch.cat([a, b], 1)).softmax(1)
        fused: Tensor = gates[:, :1] * a + gates[:, 1:] * b
        return fused

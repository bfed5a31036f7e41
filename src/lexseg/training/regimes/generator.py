"""An image made of a mask's logits: thrown away after training."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F


class ImageGenerator(nn.Module):
    """A U without skips, from logits to RGB, as DEC-Seg's (FOUND: LeakyReLU .01, more dropout the deeper, linear end).

    Args:
        widths: of its levels, shallow to deep. OURS: four of 16 to 128 where the published has five of 16 to 256.
        dropout: of each level on the way down; none on the way up.
        inputs: channels of what it reads.
    """

    def __init__(
        self,
        widths: Sequence[int] = (16, 32, 64, 128),
        dropout: Sequence[float] = (0.05, 0.1, 0.2, 0.3),
        inputs: int = 1,
    ) -> None:
        super().__init__()
        self.downs = nn.ModuleList(_block(i, o, p) for i, o, p in zip((inputs, *widths), widths, dropout, strict=False))
        deep = list(reversed(widths))
        self.ups = nn.ModuleList(_block(i, o, 0.0) for i, o in zip(deep, [*deep[1:], deep[-1]], strict=True))
        self.head = nn.Conv2d(deep[-1], 3, 3, padding=1)

    def forward(self, logits: Tensor) -> Tensor:
        """Args: logits: float[B, C, H, W]. Returns float[B, 3, H, W], to be held against an image in 0..1."""
        x, sizes = logits, []
        for down in self.downs:
            sizes.append((x.shape[-2], x.shape[-1]))
            x = F.max_pool2d(down(x), 2)
        for up, size in zip(self.ups, reversed(sizes), strict=True):
            x = up(F.interpolate(x, size, mode="bilinear", align_corners=False))
        image: Tensor = self.head(x)
        return image


def _block(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i in (inputs, outputs):
        layers += [nn.Conv2d(i, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.01)]
    return nn.Sequential(*layers, nn.Dropout(dropout))

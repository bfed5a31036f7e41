"""What CLIPSeg's decoder reads of an image: three sets of tokens on one grid, the deepest first."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.image.base import ImageEncoder
from lexseg.models.parts.unet_decoder import resize


class PyramidTaps(nn.Module):
    """The maps at strides 32, 16 and 8 of a convolutional encoder, brought to stride 16 (OURS).

    Attributes:
        channels: widths of the taps, deepest first.
        has_positions: whether tokens know where they are.
    """

    has_positions = False

    def __init__(self, encoder: ImageEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.mean, self.std = encoder.mean, encoder.std
        self.channels: Sequence[int] = tuple(encoder.channels)[:0:-1]

    def forward(self, image: Tensor) -> list[Tensor]:
        """Args: image: float[B, 3, H, W], normalised. Returns float[B, H W / 256, C] each."""
        _, fine, middle, deep = self.encoder(image)
        maps = (resize(deep, middle.shape[-2:]), middle, F.avg_pool2d(fine, 2))
        return [m.flatten(2).transpose(1, 2) for m in maps]

    def layer_groups(self) -> list[list[nn.Parameter]]:
        """The layers of the encoder that is tapped, from input to output."""
        return self.encoder.layer_groups()

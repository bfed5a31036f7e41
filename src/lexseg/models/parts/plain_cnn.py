"""The contracting path of a plain U-Net from full size on, and the choice between it and the encoders with weights."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

from torch import nn

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.image.base import ImageEncoder
from lexseg.errors import ModelError
from lexseg.models.parts.unet_decoder import conv_norm_relu

PLAIN = "plain-cnn"


class PlainCNN(ImageEncoder):
    """LViT's image path, which RecLMIS has too: five maps at strides 1 to 16, trained from nothing.

    A convolution at full size, then four times a 2x2 max pool and two convolutions, each with batch norm and ReLU; the
    last level keeps its width. The released convolutions have biases, which the batch norms take away again; ours have
    none. Pixels stay in 0..1 (released code of both).

    Args:
        widths: of the five maps.
        pretrained: there are no weights; here for the sake of the contract.
    """

    strides: ClassVar[tuple[int, ...]] = (1, 2, 4, 8, 16)
    mean = (0.0, 0.0, 0.0)
    std = (1.0, 1.0, 1.0)

    def __init__(self, widths: Sequence[int] = (64, 128, 256, 512, 512), pretrained: bool | str = False) -> None:
        super().__init__()
        if pretrained:
            raise ModelError(f"the image encoder {PLAIN!r} has no pretrained weights; leave `pretrained` out")
        if len(widths) != 5:
            raise ValueError(f"the image encoder {PLAIN!r} needs 5 widths, not {len(widths)}")
        self.channels = tuple(widths)
        stages: list[nn.Module] = [conv_norm_relu(3, widths[0])]
        for below, width in pairwise(widths):
            stages.append(nn.Sequential(nn.MaxPool2d(2), conv_norm_relu(below, width), conv_norm_relu(width, width)))
        self.stages = nn.ModuleList(stages)

    def layer_groups(self) -> list[list[nn.Parameter]]:
        """The parameters of the five levels, from full size downwards."""
        return [list(stage.parameters()) for stage in self.stages]


def create_pyramid(encoder: str, arguments: Mapping[str, Any] | None) -> ImageEncoder:
    """An image encoder by name: ``plain-cnn``, or one of :data:`lexseg.encoders.image.ENCODERS`."""
    return PlainCNN(**(arguments or {})) if encoder == PLAIN else create_image_encoder(encoder, **(arguments or {}))


def even_scale(encoder: str, channels: Sequence[int]) -> nn.ModuleList:
    """What brings the maps of :func:`create_pyramid` to the scale of plain-cnn's, which end in batch norm and ReLU.

    Lite0's spread is 6 to 9 above stride 32. Positions and words, which methods add to the maps, would drown in that,
    and what the decoder is told at one level in the skips of the others (OURS).
    """
    return nn.ModuleList(nn.Identity() if encoder == PLAIN else nn.BatchNorm2d(c) for c in channels)

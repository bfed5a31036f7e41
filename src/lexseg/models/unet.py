"""U-Net without words: the yardstick of what the words add."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from torch import Tensor, nn

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.segmentation import segmentation_losses
from lexseg.losses.target import Target
from lexseg.models.base import Features, Normalize, Prediction, SegmentationModel
from lexseg.models.parts.guide_decoder import SubPixelHead
from lexseg.models.parts.unet_decoder import UNetDecoder, resize


class UNet(SegmentationModel):
    """An image encoder, skips, a plain decoder. It takes sentences, as every model does, and ignores them.

    Args:
        encoder: name of the image encoder.
        encoder_args: its keywords.
        widths: of the decoder at strides 16, 8 and 4.
        upsample: from stride 4 to pixels; ``subpixel`` predicts each of the sixteen, ``bilinear`` only smooths.
    """

    name = "unet"
    uses_text = False

    def __init__(
        self,
        *,
        encoder: str = "efficientnet-lite0",
        encoder_args: Mapping[str, Any] | None = None,
        widths: Sequence[int] = (128, 64, 32),
        upsample: Literal["subpixel", "bilinear"] = "subpixel",
    ) -> None:
        super().__init__()
        self.encoder = create_image_encoder(encoder, **(encoder_args or {}))
        self.normalize = Normalize(self.encoder.mean, self.encoder.std)
        self.decoder = UNetDecoder(self.encoder.channels, widths)
        self.head = SubPixelHead(widths[-1], 1) if upsample == "subpixel" else nn.Conv2d(widths[-1], 1, 1)
        self.loss_names = ("dice", "bce")

    def encode_image(self, image: Tensor) -> Features:
        """The decoder's map: without words, all the work is the image's."""
        maps = self.encoder(self.normalize(image))
        return Features.of([self.decoder(maps)], image)

    def decode(self, features: Features, text: TextBatch) -> Prediction:
        """The same mask for every sentence."""
        x = features.maps[0]
        return Prediction(resize(self.head(x), features.size), features=x)

    def training_losses(self, image: Tensor, text: TextBatch, target: Target) -> dict[str, Tensor]:
        """Dice and cross-entropy."""
        return segmentation_losses(self.decode(self.encode_for(image, text), text).logits, target)

    def image_layers(self) -> list[list[nn.Parameter]]:
        """The image encoder in layers."""
        return self.encoder.layer_groups()

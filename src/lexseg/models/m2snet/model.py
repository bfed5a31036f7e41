"""M2SNet: multi-scale subtraction of neighbouring levels, no words.

Zhao et al., arXiv 2303.10894; it extends MSNet, MICCAI 2021. Written from descriptions of the paper and the released
code (FOUND), which has no licence; what is ours is marked here and in docs/explanation/image-only.md.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.image.res2net import Res2Net50
from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.perceptual import perceptual_mask_loss
from lexseg.losses.structure import structure_losses
from lexseg.losses.target import Target
from lexseg.models.base import Features, Normalize, Prediction, SegmentationModel
from lexseg.models.m2snet.frozen import FrozenFeatures
from lexseg.models.m2snet.subtraction import SubtractionDecoder
from lexseg.models.parts.unet_decoder import resize


class M2SNet(SegmentationModel):
    """An image encoder and a decoder that adds up what neighbouring levels do not share. It ignores the sentence.

    Args:
        encoder: name of the image encoder. ``res2net-50`` as published gives five levels, the stem being
            the first (FOUND); others give their four (OURS).
        encoder_args: its keywords.
        width: of all decoder maps; 64 as published.
        multi_scale: subtract boxes of 3 and 5 too; false is MSNet, which is what the released script trains.
        boundary_kernel: of the structure loss, in pixels; 31 at 352 pixels as published.
        perceptual_weight: of the perceptual mask loss; 0.1 as published, 0 leaves it out.
        perceptual_encoder: the frozen network that it looks through. OURS: VGG-16's ImageNet weights are not packaged.
        perceptual_size: side that masks are resized to for it; 224 as published, ``None`` keeps theirs.
        as_published: with three faults of the released code. The boundary's weights cancel out of the cross-entropy
            (the IoU keeps them); one pair of batch norms serves all filters, so that their running statistics fit none
            of them; the encoder learns at the decoder's rate, since its group is sought by a name that it has not.
    """

    name = "m2snet"
    uses_text = False

    def __init__(
        self,
        *,
        encoder: str = "efficientnet-lite0",
        encoder_args: Mapping[str, Any] | None = None,
        width: int = 64,
        multi_scale: bool = True,
        boundary_kernel: int = 31,
        perceptual_weight: float = 0.1,
        perceptual_encoder: str = "efficientnet-lite0",
        perceptual_size: int | None = 224,
        as_published: bool = False,
    ) -> None:
        super().__init__()
        if boundary_kernel < 1 or boundary_kernel % 2 == 0:
            raise ValueError(f"boundary_kernel must be odd and positive, not {boundary_kernel}")
        self.encoder = create_image_encoder(encoder, **(encoder_args or {}))
        self.normalize = Normalize(self.encoder.mean, self.encoder.std)
        channels, stem = list(self.encoder.channels), isinstance(self.encoder, Res2Net50)
        if isinstance(self.encoder, Res2Net50):
            channels.insert(0, self.encoder.stem_channels)
        self.decoder = SubtractionDecoder(
            channels,
            width,
            multi_scale=multi_scale,
            shared_norms=as_published,
            keep_first=stem and width == channels[0],
        )
        self.boundary_kernel = boundary_kernel
        self.perceptual_weight, self.perceptual_size = perceptual_weight, perceptual_size
        self.perceptual = FrozenFeatures(perceptual_encoder)
        self.as_published = as_published
        self.loss_names = ("bce", "iou") + ("perceptual",) * bool(perceptual_weight)

    def encode_image(self, image: Tensor) -> Features:
        """The decoder's map: without words, all the work is the image's."""
        x = self.normalize(image)
        maps = self.encoder.with_stem(x) if isinstance(self.encoder, Res2Net50) else self.encoder(x)
        return Features.of([self.decoder(maps)], image)

    def decode(self, features: Features, text: TextBatch) -> Prediction:
        """The same mask for every sentence; bilinear from stride 4 to pixels, as published."""
        x = features.maps[0]
        return Prediction(resize(self.decoder.head(x), features.size), features=x)

    def training_losses(self, image: Tensor, text: TextBatch, target: Target) -> dict[str, Tensor]:
        """Boundary-weighted cross-entropy and IoU, and the perceptual mask loss."""
        logits = self.decode(self.encode_for(image, text), text).logits
        losses = structure_losses(logits, target, kernel=self.boundary_kernel, as_published=self.as_published)
        if self.perceptual_weight:
            seen = perceptual_mask_loss(logits, target, self.perceptual, size=self.perceptual_size)
            losses["perceptual"] = self.perceptual_weight * seen
        return losses

    def image_layers(self) -> list[list[nn.Parameter]]:
        """The image encoder in layers; as published it learns at the decoder's rate, as a part of it."""
        return [] if self.as_published else self.encoder.layer_groups()

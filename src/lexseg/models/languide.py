"""LanGuideMedSeg: the guide-decoder base that TMCA extends, by itself.

Zhong et al., "Ariadne's Thread: Using Text Prompts to Improve Segmentation of Infected Areas from Chest X-ray Images",
MICCAI 2023. Every part is TMCA's (``models/parts/guide_decoder.py``), under the same names: TMCA with
``alignment_levels=[]`` and ``enhancement=False`` is this network, and either loads the other's weights.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.presence import presence_loss
from lexseg.losses.segmentation import segmentation_losses
from lexseg.losses.target import Target
from lexseg.models.base import Features, Normalize, Prediction, SegmentationModel
from lexseg.models.parts.alignment import masked_mean
from lexseg.models.parts.guide_decoder import GuideLayer, SubPixelHead, UpBlock
from lexseg.models.parts.presence import PresenceHead
from lexseg.models.parts.text_adapter import TextAdapter
from lexseg.models.parts.text_input import TextInput, trained_text_encoder
from lexseg.models.parts.text_slots import fit_tokens

SLOTS = (24, 12, 9)
"""Text slots at strides 32, 16 and 8 of the released code."""


class LanGuide(SegmentationModel):
    """An image encoder, and a decoder whose cells look at one another and at the words before each up-block (SISTER).

    Args:
        encoder: name of the image encoder.
        encoder_args: its keywords.
        text_width: width of the token states.
        text_encoder: configuration of a text encoder that is trained with the model; ``None`` where it is frozen and
            stands outside.
        text_adapter: keywords of a :class:`TextAdapter` over the states (OURS); ``None`` leaves it out.
        widths: decoder widths at strides 32, 16, 8, 4; ``None`` is the encoder's own, as published.
        head_channels: channels at full size; 24 as published, 1 for the small models.
        guide: whether the decoder reads the words at all; false is the image-only ablation.
        self_attention: at which of the strides 32, 16, 8 cells look at one another; all three as published.
        presence_weight: of the question whether what the words name is there at all (OURS); 0 leaves the answer out.
        dropout: of the attentions.
        as_published: bring back what the released code does and LexSeg mends: sentences are cut and padded to 24
            tokens; their positions, not their words, are mixed into 24, 12 and 9 slots; padding is attended to; cells
            are numbered along a raster (INFERRED from FMISeg's copy of the decoder, as is the shift of one and a half
            pixels in the head); the cross-entropy is identically zero, so Dice alone is trained.
    """

    name = "languide"

    def __init__(
        self,
        *,
        encoder: str = "convnext-tiny",
        encoder_args: Mapping[str, Any] | None = None,
        text_width: int = 768,
        text_encoder: Mapping[str, Any] | None = None,
        text_adapter: Mapping[str, Any] | None = None,
        widths: Sequence[int] | None = None,
        head_channels: int = 24,
        guide: bool = True,
        self_attention: Sequence[int] = (32, 16, 8),
        presence_weight: float = 0.2,
        dropout: float = 0.0,
        as_published: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = create_image_encoder(encoder, **(encoder_args or {}))
        self.normalize = Normalize(self.encoder.mean, self.encoder.std)
        self.text_input = TextInput(text_width, trained_text_encoder(text_encoder))
        self.adapter = TextAdapter(text_width, **text_adapter) if text_adapter else None
        dim = text_adapter["dim"] if text_adapter else text_width

        channels = list(self.encoder.channels)
        wide = list(widths or reversed(channels))  # deep to shallow
        self.deepest = nn.Conv2d(channels[3], wide[0], 1) if wide[0] != channels[3] else nn.Identity()
        self.guides = nn.ModuleList(
            GuideLayer(
                w,
                dim,
                cross="guide" if guide else "none",
                self_attention=stride in self_attention,
                dropout=dropout,
                slots=slots if as_published else 0,
            )
            for w, stride, slots in zip(wide, (32, 16, 8), SLOTS, strict=False)
        )
        self.ups = nn.ModuleList(UpBlock(wide[i], channels[2 - i], wide[i + 1]) for i in range(3))
        self.head = SubPixelHead(wide[3], head_channels, blur=as_published)

        self.presence = PresenceHead(wide[1:4], dim) if presence_weight else None
        self.presence_weight, self.as_published = presence_weight, as_published
        self.loss_names = ("dice",) + ("bce",) * (not as_published) + ("presence",) * bool(presence_weight)

    def encode_image(self, image: Tensor) -> Features:
        """The image encoder's maps; the words touch only the decoder."""
        return Features(self.encoder(self.normalize(image)), (image.shape[-2], image.shape[-1]))

    def decode(self, features: Features, text: TextBatch) -> Prediction:
        """Segment by one sentence an image."""
        words, mask = self._words(text)
        x, seen = self.deepest(features.maps[3]), []
        for guide, up, skip in zip(self.guides, self.ups, reversed(features.maps[:3]), strict=True):
            x = up(guide(x, words, mask), skip)
            seen.append(x)
        logits = self.head(x)
        presence = None if self.presence is None else self.presence(seen, logits, masked_mean(words, mask))
        return Prediction(logits, presence, features=x)

    def training_losses(self, image: Tensor, text: TextBatch, target: Target) -> dict[str, Tensor]:
        """Dice and cross-entropy (Dice alone as published), and where configured the presence term."""
        prediction = self.decode(self.encode_for(image, text), text)
        losses = segmentation_losses(prediction.logits, target, as_published=self.as_published)
        if self.as_published:
            del losses["bce"]
        if prediction.presence is not None:
            losses["presence"] = self.presence_weight * presence_loss(prediction.presence, target)
        return losses

    def image_layers(self) -> list[list[nn.Parameter]]:
        """The image encoder in layers."""
        return self.encoder.layer_groups()

    def _words(self, text: TextBatch) -> tuple[Tensor, Tensor]:
        assert self.text_input is not None
        words, mask = self.text_input(text)
        if self.as_published:
            words, mask = fit_tokens(words, mask)
        return (self.adapter(words, mask) if self.adapter is not None else words), mask

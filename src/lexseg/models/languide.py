"""LanGuideMedSeg: the guide-decoder base that TMCA extends, by itself.

Zhong et al., "Ariadne's Thread: Using Text Prompts to Improve Segmentation of Infected Areas from Chest X-ray Images",
MICCAI 2023. Every part is TMCA's (``models/parts/guide_decoder.py``), under the same names: TMCA with
``alignment_levels=[]`` and ``enhancement=False`` is this network, and either loads the other's weights.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lexseg.encoders.text.batch import TextBatch
from lexseg.models.base import Features, Prediction
from lexseg.models.guided_model import GuidedModel
from lexseg.models.parts.alignment import masked_mean
from lexseg.models.parts.guide_decoder import GuideLayer

SLOTS = {32: 24, 16: 12, 8: 9}
"""Text slots of the released code, by stride."""


class LanGuide(GuidedModel):
    """An image encoder, and a decoder whose cells look at one another and at the words before each up-block (SISTER).

    Args:
        encoder, encoder_args, text_width, text_encoder, text_adapter, widths: of :class:`GuidedModel`.
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
        self.build_encoder(encoder, encoder_args)
        dim = self.build_text(text_width, text_encoder, text_adapter)

        def layer(width: int, stride: int) -> GuideLayer:
            return GuideLayer(
                width,
                dim,
                cross="guide" if guide else "none",
                self_attention=stride in self_attention,
                dropout=dropout,
                slots=SLOTS[stride] if as_published else 0,
            )

        wide = self.build_decoder(widths, layer, head_channels, blur=as_published)
        self.build_presence(wide[1:4], dim, presence_weight)
        self.name_losses(as_published)

    def decode(self, features: Features, text: TextBatch) -> Prediction:
        """Segment by one sentence an image."""
        words, mask = self.read_words(text)  # [B, L, D], [B, L]
        seen = self.run_decoder(features.maps, words, mask)  # [B, C, h, w] each
        logits = self.head(seen[-1])  # [B, 1, H, W]
        presence = self.answer_presence(seen, logits, masked_mean(words, mask))  # [B]
        return Prediction(logits, presence, features=seen[-1])

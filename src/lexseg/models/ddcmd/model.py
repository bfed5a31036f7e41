"""DD-CMD: the words are read cell by cell, and weigh channels by their frequencies, at every level of the decoder.

Rahman and Hammond, "Dual-Domain Cross-Modal Decoding for Clinical Text-Guided Medical Image Segmentation", MICCAI 2026,
arXiv 2608.11335. A ConvNeXt-Tiny and a frozen BiomedBERT with a decoder of LanGuideMedSeg's outline. Written from what
the released modules do, as the text of the paper was not at hand (docs/explanation/ddcmd.md).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lexseg.encoders.text.batch import TextBatch
from lexseg.models.base import Features, Prediction
from lexseg.models.ddcmd.refine import Refinement, shallow
from lexseg.models.ddcmd.spectrum import SpectralModulation
from lexseg.models.ddcmd.words import WordAttention
from lexseg.models.guided_model import GuidedModel
from lexseg.models.parts.alignment import masked_mean

SLOTS = (24, 12, 9)
"""What the released code resamples a sentence to at strides 32, 16 and 8."""


class DDCMD(GuidedModel):
    """An image encoder, and a decoder that reads the words in two domains before each up-block (CODE).

    Args:
        encoder, encoder_args, text_width, text_encoder, text_adapter, widths: of :class:`GuidedModel`.
        fine: widths at strides 2 and 1, of the maps and their skips from the image.
        spatial, spectral: whether the cells read the words, and whether their frequencies and the sentence weigh the
            channels; both as published.
        frequencies: side of the weights of frequencies at strides 32, 16, 8; those of 224 px as published.
        presence_weight: of the question whether what the words name is there at all (OURS); 0 leaves the answer out.
        dropout: of the attentions and their feed-forward layers.
        as_published: bring back what the released code does and LexSeg mends: sentences are cut and padded to 24
            tokens and resampled to 24, 12 and 9, by which a quarter of the tokens is unread at stride 8; padding is
            read, and counts in the mean that stands for the sentence; cells are numbered along a raster; the
            cross-entropy is identically zero in the version of MONAI that it pins (INFERRED), so Dice alone is trained.
    """

    name = "ddcmd"

    def __init__(
        self,
        *,
        encoder: str = "convnext-tiny",
        encoder_args: Mapping[str, Any] | None = None,
        text_width: int = 768,
        text_encoder: Mapping[str, Any] | None = None,
        text_adapter: Mapping[str, Any] | None = None,
        widths: Sequence[int] | None = None,
        fine: Sequence[int] = (48, 24),
        spatial: bool = True,
        spectral: bool = True,
        frequencies: Sequence[int] = (7, 14, 28),
        presence_weight: float = 0.2,
        dropout: float = 0.0,
        as_published: bool = False,
    ) -> None:
        super().__init__()
        self.build_encoder(encoder, encoder_args)
        dim = self.build_text(text_width, text_encoder, text_adapter)
        wide = self.build_deepest(widths)
        if not len(wide) == len(frequencies) + 1 == len(fine) + 2 == 4:
            got = f"{len(wide)}, {len(frequencies)} and {len(fine)}"
            raise ValueError(f"4 widths, 3 frequencies and 2 fine widths were expected, not {got}")
        self.spatial = nn.ModuleList(
            WordAttention(w, dim, dropout=dropout, slots=slots if as_published else 0)
            for w, slots in zip(wide[: 3 * spatial], SLOTS, strict=False)
        )
        self.spectral = nn.ModuleList(
            SpectralModulation(w, dim, side) for w, side in zip(wide[: 3 * spectral], frequencies, strict=False)
        )
        self.build_ups(wide)
        self.skips = nn.ModuleList(shallow(width, stride) for width, stride in zip(fine, (2, 1), strict=True))
        self.refinements = nn.ModuleList(
            Refinement(before, width, width, dim) for before, width in zip((wide[3], fine[0]), fine, strict=True)
        )
        self.head = nn.Conv2d(fine[1], 1, 1)

        self.build_presence(wide[1:4], dim, presence_weight)
        self.name_losses(as_published)

    def encode_image(self, image: Tensor) -> Features:
        """The image encoder's four maps, then the skips at strides 2 and 1; the words touch only the decoder."""
        normal = self.normalize(image)
        maps = [*self.encoder(normal), *(skip(normal) for skip in self.skips)]
        return Features.of(maps, image)

    def decode(self, features: Features, text: TextBatch) -> Prediction:
        """Segment by one sentence an image."""
        words, mask = self.read_words(text)  # [B, L, D], [B, L]
        read = torch.ones_like(mask) if self.as_published else mask
        sentence = masked_mean(words, read)  # [B, D]
        x, seen = self.deepest(features.maps[3]), []
        for i, (up, skip) in enumerate(zip(self.ups, reversed(features.maps[:3]), strict=True)):
            if len(self.spatial):
                x = self.spatial[i](x, words, read)
            if len(self.spectral):
                x = self.spectral[i](x, sentence)
            x = up(x, skip)
            seen.append(x)
        for refine, skip in zip(self.refinements, features.maps[4:], strict=True):
            x = refine(x, skip, sentence)
        logits = self.head(x)  # [B, 1, H, W]
        presence = self.answer_presence(seen, logits, masked_mean(words, mask))  # [B]
        return Prediction(logits, presence, features=x)

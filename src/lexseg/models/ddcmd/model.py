"""DD-CMD: the words are read cell by cell, and weigh channels by their frequencies, at every level of the decoder.

Rahman and Hammond, "Dual-Domain Cross-Modal Decoding for Clinical Text-Guided Medical Image Segmentation", MICCAI 2026,
arXiv 2608.11335. A ConvNeXt-Tiny and a frozen BiomedBERT with a decoder of LanGuideMedSeg's outline. Written from what
the released modules do, as the text of the paper was not at hand (docs/explanation/ddcmd.md).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.segmentation import segmentation_losses
from lexseg.losses.target import Target
from lexseg.models.base import Features, Normalize, Prediction
from lexseg.models.ddcmd.refine import Refinement, shallow
from lexseg.models.ddcmd.spectrum import SpectralModulation
from lexseg.models.ddcmd.words import WordAttention
from lexseg.models.parts.alignment import masked_mean
from lexseg.models.parts.guide_decoder import UpBlock
from lexseg.models.parts.text_slots import fit_tokens
from lexseg.models.text_model import TextModel

SLOTS = (24, 12, 9)
"""What the released code resamples a sentence to at strides 32, 16 and 8."""


class DDCMD(TextModel):
    """An image encoder, and a decoder that reads the words in two domains before each up-block (CODE).

    Args:
        encoder: name of the image encoder.
        encoder_args: its keywords.
        text_width: width of the token states.
        text_encoder: configuration of a text encoder that is trained with the model; ``None`` where it is frozen and
            stands outside.
        text_adapter: keywords of a :class:`TextAdapter` over the states (OURS); ``None`` leaves it out.
        widths: decoder widths at strides 32, 16, 8, 4; ``None`` is the encoder's own, as published.
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
        self.encoder = create_image_encoder(encoder, **(encoder_args or {}))
        self.normalize = Normalize(self.encoder.mean, self.encoder.std)
        dim = self.build_text(text_width, text_encoder, text_adapter)

        channels = list(self.encoder.channels)
        wide = list(widths or reversed(channels))  # deep to shallow
        if not len(wide) == len(frequencies) + 1 == len(fine) + 2 == 4:
            got = f"{len(wide)}, {len(frequencies)} and {len(fine)}"
            raise ValueError(f"4 widths, 3 frequencies and 2 fine widths were expected, not {got}")
        self.deepest = nn.Conv2d(channels[3], wide[0], 1) if wide[0] != channels[3] else nn.Identity()
        self.spatial = nn.ModuleList(
            WordAttention(w, dim, dropout=dropout, slots=slots if as_published else 0)
            for w, slots in zip(wide[: 3 * spatial], SLOTS, strict=False)
        )
        self.spectral = nn.ModuleList(
            SpectralModulation(w, dim, side) for w, side in zip(wide[: 3 * spectral], frequencies, strict=False)
        )
        self.ups = nn.ModuleList(UpBlock(wide[i], channels[2 - i], wide[i + 1]) for i in range(3))
        self.skips = nn.ModuleList(shallow(width, stride) for width, stride in zip(fine, (2, 1), strict=True))
        self.refinements = nn.ModuleList(
            Refinement(before, width, width, dim) for before, width in zip((wide[3], fine[0]), fine, strict=True)
        )
        self.head = nn.Conv2d(fine[1], 1, 1)

        self.build_presence(wide[1:4], dim, presence_weight)
        self.as_published = as_published
        self.loss_names = ("dice",) + ("bce",) * (not as_published) + self.presence_names

    def encode_image(self, image: Tensor) -> Features:
        """The image encoder's four maps, then the skips at strides 2 and 1; the words touch only the decoder."""
        normal = self.normalize(image)
        maps = [*self.encoder(normal), *(skip(normal) for skip in self.skips)]
        return Features.of(maps, image)

    def decode(self, features: Features, text: TextBatch) -> Prediction:
        """Segment by one sentence an image."""
        states, mask = self.read_states(text)  # [B, L, text_width], [B, L]
        if self.as_published:
            states, mask = fit_tokens(states, mask)
        words = self.adapted(states, mask)  # [B, L, D]
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

    def training_losses(self, image: Tensor, text: TextBatch, target: Target) -> dict[str, Tensor]:
        """Dice and cross-entropy (Dice alone as published), and where configured the presence term."""
        prediction = self.decode(self.encode_for(image, text), text)
        losses = segmentation_losses(prediction.logits, target, as_published=self.as_published)
        if self.as_published:
            del losses["bce"]
        return losses | self.presence_losses(prediction, target)

    def image_layers(self) -> list[list[nn.Parameter]]:
        """The image encoder in layers; the skips from the image are not of it and learn as the head does."""
        return self.encoder.layer_groups()

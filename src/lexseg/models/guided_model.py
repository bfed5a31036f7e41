"""The network of LanGuideMedSeg (SISTER), which TMCA extends: the words are read before each step of the decoder."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor, nn

from lexseg.encoders.image import create_image_encoder
from lexseg.models.base import Features, Normalize
from lexseg.models.parts.guide_decoder import GuideLayer, SubPixelHead, UpBlock
from lexseg.models.text_model import TextModel


class MakeGuide(Protocol):
    """Makes the guide layer of a map ``width`` wide at ``stride``."""

    def __call__(self, width: int, stride: int) -> GuideLayer: ...


class GuidedModel(TextModel):
    """An image encoder, and a decoder whose cells look at one another and at the words before each up-block.

    A subclass builds the encoder, the words and the decoder in this order, in which their weights are drawn and saved.
    """

    def build_encoder(self, encoder: str, arguments: Mapping[str, Any] | None) -> None:
        """Build an image encoder with maps at strides 4, 8, 16 and 32 by its name and keywords."""
        self.encoder = create_image_encoder(encoder, **(arguments or {}))
        self.normalize = Normalize(self.encoder.mean, self.encoder.std)

    def build_decoder(
        self, widths: Sequence[int] | None, guide: MakeGuide, head_channels: int, *, blur: bool = False
    ) -> list[int]:
        """Build the decoder, and return its widths.

        Args:
            widths: at strides 32, 16, 8 and 4; ``None`` is the encoder's own.
            guide: makes the layers at strides 32, 16 and 8.
            head_channels: channels at full size (:class:`SubPixelHead`).
            blur: of the same.
        """
        channels = list(self.encoder.channels)
        wide = list(widths or reversed(channels))  # deep to shallow
        self.deepest = nn.Conv2d(channels[3], wide[0], 1) if wide[0] != channels[3] else nn.Identity()
        self.guides = nn.ModuleList(guide(w, stride) for w, stride in zip(wide, (32, 16, 8), strict=False))
        self.ups = nn.ModuleList(UpBlock(wide[i], channels[2 - i], wide[i + 1]) for i in range(3))
        self.head = SubPixelHead(wide[3], head_channels, blur=blur)
        return wide

    def encode_image(self, image: Tensor) -> Features:
        """The image encoder's maps; the words touch only the decoder."""
        return Features.of(self.encoder(self.normalize(image)), image)

    def image_layers(self) -> list[list[nn.Parameter]]:
        """The image encoder in layers."""
        return self.encoder.layer_groups()

    def run_decoder(
        self, maps: Sequence[Tensor], words: Tensor, mask: Tensor, relevance: Sequence[Tensor] = ()
    ) -> list[Tensor]:
        """The maps at strides 16, 8 and 4 that have read the words, float[B, C, h, w]; the last makes the logits.

        Args:
            maps: float[I, C, h, w] of the encoder, shallow to deep; those above stride 32 once for each sentence.
            words: float[B, L, D], B a multiple of I, the sentences about an image side by side.
            mask: bool[B, L].
            relevance: where each level's words point, float[B, 1, h, w] in 0..1, shallow to deep; none leaves it out.
        """
        x, seen = self.deepest(maps[3]), []
        for i, (guide, up) in enumerate(zip(self.guides, self.ups, strict=True)):
            read = guide(x, words, mask, relevance[3 - i] if relevance else None)  # [B, C, h, w]
            x = up(read, maps[2 - i])  # [B, C', 2h, 2w]
            seen.append(x)
        return seen

"""The network of LanGuideMedSeg (SISTER), which TMCA and DD-CMD extend: words are read before each up-block."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from torch import Tensor, nn

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.segmentation import segmentation_losses
from lexseg.losses.target import Target
from lexseg.models.base import Features, Normalize
from lexseg.models.parts.guide_decoder import GuideLayer, SubPixelHead, UpBlock
from lexseg.models.parts.text_slots import fit_tokens
from lexseg.models.text_model import TextModel


class MakeGuide(Protocol):
    """Makes the guide layer of a map ``width`` wide at ``stride``."""

    def __call__(self, width: int, stride: int) -> GuideLayer: ...


class GuidedModel(TextModel):
    """An image encoder, and a decoder whose cells look at one another and at the words before each up-block.

    A subclass builds the encoder, the words and the decoder in this order, in which their weights are drawn and saved.
    The keywords that its constructor begins with are those of all:

    Args:
        encoder: name of the image encoder.
        encoder_args: its keywords.
        text_width: width of the token states.
        text_encoder: configuration of a text encoder that is trained with the model; ``None`` where it is frozen and
            stands outside.
        text_adapter: keywords of a :class:`TextAdapter` over the states (OURS); ``None`` leaves it out.
        widths: decoder widths at strides 32, 16, 8, 4; ``None`` is the encoder's own, as published.

    Attributes:
        as_published: whether sentences are cut and padded to 24 tokens, and Dice alone is trained, as the released
            code of this family does.
    """

    as_published: bool = False
    head: nn.Module

    def build_encoder(self, encoder: str, arguments: Mapping[str, Any] | None) -> None:
        """Build an image encoder with maps at strides 4, 8, 16 and 32 by its name and keywords."""
        self.encoder = create_image_encoder(encoder, **(arguments or {}))
        self.normalize = Normalize(self.encoder.mean, self.encoder.std)

    def build_deepest(self, widths: Sequence[int] | None) -> list[int]:
        """Build what brings the deepest map to the decoder's first width, and return all widths, deep to shallow.

        Args:
            widths: at strides 32, 16, 8 and 4; ``None`` is the encoder's own.
        """
        wide, deepest = list(widths or reversed(self.encoder.channels)), self.encoder.channels[3]
        self.deepest = nn.Conv2d(deepest, wide[0], 1) if wide[0] != deepest else nn.Identity()
        return wide

    def build_ups(self, wide: Sequence[int]) -> None:
        """Build the blocks that take a map, ``wide`` deep to shallow, up to the next stride with the encoder's map."""
        channels = self.encoder.channels
        self.ups = nn.ModuleList(UpBlock(wide[i], channels[2 - i], wide[i + 1]) for i in range(3))

    def build_decoder(
        self, widths: Sequence[int] | None, guide: MakeGuide, head_channels: int, *, blur: bool = False
    ) -> list[int]:
        """Build the decoder, and return its widths.

        Args:
            widths: as :meth:`build_deepest` takes them.
            guide: makes the layers at strides 32, 16 and 8.
            head_channels: channels at full size (:class:`SubPixelHead`).
            blur: of the same.
        """
        wide = self.build_deepest(widths)
        self.guides = nn.ModuleList(guide(w, stride) for w, stride in zip(wide, (32, 16, 8), strict=False))
        self.build_ups(wide)
        self.head = SubPixelHead(wide[3], head_channels, blur=blur)
        return wide

    def encode_image(self, image: Tensor) -> Features:
        """The image encoder's maps; the words touch only the decoder."""
        return Features.of(self.encoder(self.normalize(image)), image)

    def read_words(self, text: TextBatch) -> tuple[Tensor, Tensor]:
        """The sentences as the method reads them: words float[B, L, D], and the mask bool[B, L]."""
        states, mask = self.read_states(text)  # [B, L, text_width], [B, L]
        if self.as_published:
            states, mask = fit_tokens(states, mask)
        return self.adapted(states, mask), mask

    def name_losses(self, as_published: bool) -> None:
        """Say which terms are trained, once the presence is built: Dice, and cross-entropy unless as published."""
        self.as_published = as_published
        self.loss_names = ("dice",) + ("bce",) * (not as_published) + self.presence_names

    def training_losses(self, image: Tensor, text: TextBatch, target: Target) -> dict[str, Tensor]:
        """Dice and cross-entropy (Dice alone as published), and where configured the presence term."""
        prediction = self.decode(self.encode_for(image, text), text)
        losses = segmentation_losses(prediction.logits, target, as_published=self.as_published)
        if self.as_published:
            del losses["bce"]
        return losses | self.presence_losses(prediction, target)

    def image_layers(self) -> list[list[nn.Parameter]]:
        """The image encoder in layers."""
        return self.encoder.layer_groups()

    def run_decoder(
        self,
        maps: Sequence[Tensor],
        words: Tensor,
        mask: Tensor,
        relevance: Sequence[Tensor] = (),
        looked: tuple[Tensor, Tensor | None] | None = None,
    ) -> list[Tensor]:
        """The maps at strides 16, 8 and 4 that have read the words, float[B, C, h, w]; the last makes the logits.

        Args:
            maps: float[I, C, h, w] of the encoder, shallow to deep; those above stride 32 once for each sentence.
            words: float[B, L, D], B a multiple of I, the sentences about an image side by side.
            mask: bool[B, L].
            relevance: where each level's words point, float[B, 1, h, w] in 0..1, shallow to deep; none leaves it out.
            looked: of :meth:`look_deepest`, where that was done.
        """
        seen: list[Tensor] = []
        looked = looked or self.look_deepest(maps[3])
        for i, (guide, up) in enumerate(zip(self.guides, self.ups, strict=True)):
            layer = cast(GuideLayer, guide)
            tokens, query = layer.look(seen[-1]) if seen else looked
            read = layer.read(tokens, query, words, mask, relevance[3 - i] if relevance else None)  # [B, C, h w]
            seen.append(up(read.unflatten(2, maps[3 - i].shape[2:]), maps[2 - i]))  # [B, C', 2h, 2w]
        return seen

    def look_deepest(self, deepest: Tensor) -> tuple[Tensor, Tensor | None]:
        """What the decoder makes of the encoder's deepest map alone (:meth:`GuideLayer.look`)."""
        return cast(GuideLayer, self.guides[0]).look(self.deepest(deepest))

"""CLIPSeg, as the vision-language transfer study fine-tunes it: a frozen CLIP, a small decoder led by the sentence.

Lüddecke & Ecker, CVPR 2022 (arXiv 2112.10003); fine-tuned on medical images by Poudel et al., MIDL 2024 (arXiv
2308.07706). docs/explanation/clipseg.md says what is published and what is ours.
"""

from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor, nn

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.text.batch import TextBatch
from lexseg.models.base import Features, Normalize, Prediction
from lexseg.models.clipseg.clip_vision import ClipTaps, load_clipseg
from lexseg.models.clipseg.film_decoder import FiLMDecoder
from lexseg.models.clipseg.taps import PyramidTaps
from lexseg.models.parts.sentence import Sentence, SentenceVector
from lexseg.models.transfer_model import TransferModel

CLIP = "clip-vit-base-16"


class CLIPSeg(TransferModel):
    """Three taps of an image encoder, a transformer decoder of width 64, modulated by the sentence's vector.

    Args:
        encoder: ``clip-vit-base-16``, as published, or the name of an image encoder with a pyramid.
        encoder_args: its keywords; with CLIP, those of :class:`ClipTaps`, whose ``pretrained`` also gives the
            decoder and the sentence's projection their weights.
        freeze_encoder: train neither the image encoder nor the projection.
        text_width: width of the token states.
        text_encoder: configuration of a text encoder that is trained with the model; ``None`` where it is frozen and
            stands outside, as published.
        text_adapter: keywords of a :class:`TextAdapter` over the states; ``None`` leaves it out, as published.
        sentence: the vector that modulates: the ``last`` token's state, as CLIP's, or the ``mean``.
        sentence_dim: its width after a projection; ``None`` leaves that out.
        dim, feedforward: widths of the decoder.
        head: of the ``refined`` weights, or ``plain``.
        film: modulate at the ``deepest`` tap alone, as published, or at ``every`` one (OURS).
        residual_film: the scale starts at one (OURS).
        cross_entropy_weight: beside a Dice of weight 1; 0.2 in the study.
        presence_weight: of the question whether what the words name is there at all (OURS); 0 leaves the answer out.
        as_published: with the faults of the released code: the cross-entropy is that of a softmax over one channel,
            always zero (MONAI 1.1); ``freeze_encoder=False`` has no effect on a CLIP (both encoders run without
            gradient whatever the switch says).
    """

    name = "clipseg"

    def __init__(
        self,
        *,
        encoder: str = CLIP,
        encoder_args: Mapping[str, Any] | None = None,
        freeze_encoder: bool = True,
        text_width: int = 512,
        text_encoder: Mapping[str, Any] | None = None,
        text_adapter: Mapping[str, Any] | None = None,
        sentence: Sentence = "last",
        sentence_dim: int | None = 512,
        dim: int = 64,
        feedforward: int = 2048,
        head: Literal["refined", "plain"] = "refined",
        film: Literal["deepest", "every"] = "deepest",
        residual_film: bool = False,
        cross_entropy_weight: float = 0.2,
        presence_weight: float = 0.2,
        as_published: bool = False,
    ) -> None:
        super().__init__()
        if film not in ("deepest", "every") or head not in ("refined", "plain"):
            raise ValueError(f"film is {film!r} and head {head!r}: 'deepest' or 'every', 'refined' or 'plain' expected")
        options = dict(encoder_args or {})
        self.encoder: ClipTaps | PyramidTaps
        if encoder == CLIP:
            self.encoder = ClipTaps(**options)
        else:
            self.encoder = PyramidTaps(create_image_encoder(encoder, frozen=freeze_encoder, **options))
        self.normalize = Normalize(self.encoder.mean, self.encoder.std)
        width = self.build_text(text_width, text_encoder, text_adapter)
        self.sentence = SentenceVector(width, sentence, sentence_dim)
        self.decoder = FiLMDecoder(
            self.encoder.channels,
            self.sentence.width,
            dim=dim,
            feedforward=feedforward,
            every_level=film == "every",
            residual=residual_film,
            positions=not self.encoder.has_positions,
            refined=head == "refined",
        )
        if isinstance(self.encoder, ClipTaps) and self.encoder.weights is not None:
            load_clipseg(self.encoder.weights, self.sentence, self.decoder)
            self.encoder.weights = None
        self.frozen = freeze_encoder or (as_published and encoder == CLIP)
        if self.frozen:
            self.encoder.requires_grad_(False).eval()
            self.sentence.requires_grad_(False)
        self.build_presence([dim], self.sentence.width, presence_weight)
        self.build_losses(cross_entropy_weight, as_published=as_published)

    def train(self, mode: bool = True) -> "CLIPSeg":
        """A frozen encoder stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self

    def encode_image(self, image: Tensor) -> Features:
        """The taps; the words touch only the decoder."""
        return Features.of(self.encoder(self.normalize(image)), image)

    def decode(self, features: Features, text: TextBatch) -> Prediction:
        """Segment by one sentence an image."""
        sentence = self.sentence(*self.read_words(text))  # [B, D]
        grid = features.size[0] // 16, features.size[1] // 16
        logits, cells = self.decoder(features.maps, sentence, grid)  # [B, 1, H, W], [B, dim, H/16, W/16]
        return Prediction(logits, self.answer_presence([cells], logits, sentence), features=cells)

    def image_layers(self) -> list[list[nn.Parameter]]:
        """The taps' encoder in layers; none of it is trained where it is frozen."""
        return [] if self.frozen else self.encoder.layer_groups()

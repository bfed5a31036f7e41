"""CRIS, as the vision-language transfer study fine-tunes it: words in the decoder, a kernel made from the sentence.

Wang et al., CVPR 2022 (arXiv 2111.15174); fine-tuned on medical images by Poudel et al., MIDL 2024 (arXiv 2308.07706).
docs/explanation/cris.md says what is published and what is ours.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.image.clip_resnet import ClipResNet50
from lexseg.encoders.text.batch import TextBatch
from lexseg.models.base import Features, Normalize, Prediction
from lexseg.models.cris.decoder import CrisDecoder, DynamicProjector
from lexseg.models.cris.neck import CrisNeck
from lexseg.models.parts.sentence import Sentence, SentenceVector
from lexseg.models.parts.unet_decoder import resize
from lexseg.models.transfer_model import TransferModel


class CRIS(TransferModel):
    """A sentence-gated neck, a transformer decoder over cells and words, a kernel that the sentence predicts.

    Args:
        encoder: name of the image encoder.
        encoder_args: its keywords.
        freeze_encoder: train neither the image encoder nor the sentence's projection (of ``clip-resnet50`` only the
            convolution that CLIP does not have).
        text_width: width of the token states.
        text_encoder: configuration of a text encoder that is trained with the model; ``None`` where it is frozen and
            stands outside.
        text_adapter: keywords of a :class:`TextAdapter` over the states; ``None`` leaves it out, as published.
        sentence: the ``last`` token's state, as CLIP's, or the ``mean``.
        sentence_dim: its width after a projection; ``None`` leaves that out.
        dim: width of the map at stride 16; the projector's is half of it.
        deep, side: of :class:`CrisNeck`.
        layers, heads, feedforward, dropout: of :class:`CrisDecoder`.
        upsample: from stride 4 to pixels: ``bicubic`` with aligned corners, as the study does, or ``bilinear``.
        cross_entropy_weight: beside a Dice of weight 1; 0.2 in the study.
        presence_weight: of the question whether what the words name is there at all (OURS); 0 leaves the answer out.
        as_published: with the faults of the released code: the cross-entropy is that of a softmax over one channel,
            always zero (MONAI 1.1); the sentence's gate is batch-normalised; the predicted kernel is not scaled.
    """

    name = "cris"

    def __init__(
        self,
        *,
        encoder: str = "clip-resnet50",
        encoder_args: Mapping[str, Any] | None = None,
        freeze_encoder: bool = True,
        text_width: int = 512,
        text_encoder: Mapping[str, Any] | None = None,
        text_adapter: Mapping[str, Any] | None = None,
        sentence: Sentence = "last",
        sentence_dim: int | None = 1024,
        dim: int = 512,
        deep: int = 1024,
        side: Sequence[int] = (256, 512),
        layers: int = 3,
        heads: int = 8,
        feedforward: int = 2048,
        dropout: float = 0.2,
        upsample: Literal["bicubic", "bilinear"] = "bicubic",
        cross_entropy_weight: float = 0.2,
        presence_weight: float = 0.2,
        as_published: bool = False,
    ) -> None:
        super().__init__()
        if upsample not in ("bicubic", "bilinear"):
            raise ValueError(f"upsample is {upsample!r}; 'bicubic' or 'bilinear' was expected")
        self.encoder = create_image_encoder(encoder, frozen=freeze_encoder, **(encoder_args or {}))
        self.normalize = Normalize(self.encoder.mean, self.encoder.std)
        width = self.build_text(text_width, text_encoder, text_adapter)
        self.sentence = SentenceVector(width, sentence, sentence_dim)
        projection = getattr(self.encoder, "text_projection", None)
        if projection is not None and sentence_dim is not None:
            self.sentence.load(projection)
        self.neck = CrisNeck(
            list(self.encoder.channels)[1:],
            self.sentence.width,
            dim=dim,
            deep=deep,
            side=side,
            norm="batch" if as_published else "layer",
        )
        self.decoder = CrisDecoder(dim, width, layers=layers, heads=heads, feedforward=feedforward, dropout=dropout)
        self.projector = DynamicProjector(dim, self.sentence.width, dim // 2, scaled=not as_published)
        self.frozen = freeze_encoder
        if self.frozen:
            self.encoder.requires_grad_(False)
            self.sentence.requires_grad_(False)
            if isinstance(self.encoder, ClipResNet50):
                self.encoder.fresh.requires_grad_(True)
            self.train()
        self.build_presence([dim, dim // 2], self.sentence.width, presence_weight)
        self.build_losses(cross_entropy_weight, as_published=as_published)
        self.upsample = upsample

    def train(self, mode: bool = True) -> "CRIS":
        """A frozen encoder stays in evaluation mode: its batch norms must not follow the batches."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
            if isinstance(self.encoder, ClipResNet50):
                self.encoder.fresh.train(mode)
        return self

    def encode_image(self, image: Tensor) -> Features:
        """The maps at strides 8, 16 and 32; the words touch all that follows."""
        return Features.of(self.encoder(self.normalize(image))[1:], image)

    def decode(self, features: Features, text: TextBatch) -> Prediction:
        """Segment by one sentence an image."""
        words, mask = self.read_words(text)  # [B, L, D], [B, L]
        sentence = self.sentence(words, mask)  # [B, D]
        x = self.decoder(self.neck(features.maps, sentence), words, mask)  # [B, dim, H/16, W/16]
        coarse, fine = self.projector(x, sentence)  # [B, 1, H/4, W/4], [B, dim/2, H/4, W/4]
        if self.upsample == "bicubic":
            logits = F.interpolate(coarse, size=features.size, mode="bicubic", align_corners=True)
        else:
            logits = resize(coarse, features.size)
        return Prediction(logits, self.answer_presence([x, fine], logits, sentence), features=fine)

    def image_layers(self) -> list[list[nn.Parameter]]:
        """The image encoder in layers; where it is frozen, what it has of its own is trained with all else."""
        return [] if self.frozen else self.encoder.layer_groups()

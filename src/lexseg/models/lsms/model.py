"""LSMS: language-guided scale-aware medical segmentor.

Ouyang et al., arXiv 2408.17347 (v3, 2025). The abstract names scale-aware vision-language attention, a full-scale
decoder and, from v3 on, a vision-language contrastive loss (FOUND). The attention is SLViT's, by the same first author
(SISTER); decoder and contrastive terms are INFERRED (docs/explanation/lsms.md). Each can be switched off.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.text.batch import TextBatch, no_sentences
from lexseg.losses.region_words import prototype
from lexseg.losses.rows import weighted
from lexseg.losses.segmentation import segmentation_losses
from lexseg.losses.swapped import Swapped, swapped_losses
from lexseg.losses.target import Target
from lexseg.losses.vision_language import pixel_loss, region_loss
from lexseg.models.arguments import check_arguments
from lexseg.models.base import Features, Normalize, Prediction
from lexseg.models.lsms.full_scale_decoder import ConcatHamburger, FullScaleDecoder
from lexseg.models.lsms.svla import Attended, BatchWords, LanguageBlocks, SVLAEncoder
from lexseg.models.parts.batch_statistics import statistics_not_kept
from lexseg.models.parts.guide_decoder import SubPixelHead
from lexseg.models.parts.unet_decoder import resize
from lexseg.models.text_model import TextModel

UNTOLD = 4
"""So many sentences of a batch to one image that is read without words, too, for the swapped term alone."""


class LSMS(TextModel):
    """SVLA in the image encoder, a full-scale decoder, a vision-language contrastive loss.

    Because the words enter the image encoder, an image cannot be encoded once for several sentences: the cost is per
    sentence, a true limitation of the method. Only with ``language_blocks="none"`` is the image encoded once.

    Args:
        encoder: name of the image encoder: an MSCAN, as published, or ``efficientnet-lite0`` (the ``lite`` size).
        encoder_args: its keywords.
        text_width: width of the token states.
        text_encoder: configuration of a text encoder that is trained with the model, as published; ``None`` where it is
            frozen and stands outside.
        text_adapter: keywords of a :class:`TextAdapter` over the states; ``None`` leaves it out.
        language_blocks, scale_weights: of :class:`SVLAEncoder`.
        svla_args: further keywords of :class:`SVLAEncoder`, for encoders other than MSCAN.
        decoder: ``full-scale``, or ``hamburger``: the head of SLViT.
        decoder_args: keywords of :class:`FullScaleDecoder` or :class:`ConcatHamburger`.
        upsample: from stride 4 to pixels: ``bilinear`` on one logit a cell, or ``subpixel``.
        joint_dim: width of the space in which pixels and sentences are compared.
        presence_weight: of the question whether what the words name is there at all; 0 leaves the answer out.
        contrastive_weight: of the pixel and the region term each; 0 leaves both out, as the paper's v1 and v2 do.
        swapped_weight: of telling each sentence from itself with its places swapped (OURS); 0 leaves it out.
        untold: how images are read without words for the contrastive and the swapped terms: ``beside`` the told ones,
            in one batch that all batch norms see as a whole, or ``apart`` (OURS), in a pass of their own whose
            statistics are not kept, so that a model is asked with those of images that were read with words.
    """

    name = "lsms"

    def __init__(
        self,
        *,
        encoder: str = "mscan-base",
        encoder_args: Mapping[str, Any] | None = None,
        text_width: int = 768,
        text_encoder: Mapping[str, Any] | None = None,
        text_adapter: Mapping[str, Any] | None = None,
        language_blocks: LanguageBlocks = "all",
        scale_weights: bool = True,
        svla_args: Mapping[str, Any] | None = None,
        decoder: Literal["full-scale", "hamburger"] = "full-scale",
        decoder_args: Mapping[str, Any] | None = None,
        upsample: Literal["bilinear", "subpixel"] = "bilinear",
        joint_dim: int = 64,
        presence_weight: float = 0.2,
        contrastive_weight: float = 0.1,
        swapped_weight: float = 0.0,
        untold: Literal["beside", "apart"] = "beside",
    ) -> None:
        super().__init__()
        image_encoder = create_image_encoder(encoder, **(encoder_args or {}))
        self.normalize = Normalize(image_encoder.mean, image_encoder.std)
        dim = self.build_text(text_width, text_encoder, text_adapter)
        check_arguments(SVLAEncoder, svla_args or {}, "lsms: model.svla_args")
        self.encoder = SVLAEncoder(
            image_encoder, dim, language_blocks=language_blocks, scale_weights=scale_weights, **(svla_args or {})
        )
        self.decoder: FullScaleDecoder | ConcatHamburger
        if decoder == "full-scale":
            check_arguments(FullScaleDecoder, decoder_args or {}, "lsms: model.decoder_args")
            self.decoder = FullScaleDecoder(self.encoder.channels, dim, **(decoder_args or {}))
        else:
            check_arguments(ConcatHamburger, decoder_args or {}, "lsms: model.decoder_args")
            self.decoder = ConcatHamburger(self.encoder.channels, **(decoder_args or {}))
        if not self.encoder.reads_words and getattr(self.decoder, "mixer", None) is None:
            raise ValueError(
                "with language_blocks='none' only the full-scale decoder's mixer reads the words: keep it (decoder "
                "'full-scale', mixer_layers at least 1), or use the model 'unet'"
            )
        width = self.decoder.channels
        self.head = SubPixelHead(width, 1) if upsample == "subpixel" else nn.Conv2d(width, 1, 1)
        self.build_presence([*self.encoder.channels[2:], width], dim, presence_weight)
        self.contrastive_weight = contrastive_weight
        self.loss_names = ("dice", "bce", *self.presence_names)
        if contrastive_weight:
            self.joint_pixels = nn.Conv2d(width, joint_dim, 1)
            self.joint_sentence = nn.Linear(dim, joint_dim)
            self.loss_names += ("pixel", "region")
        if swapped_weight and not self.encoder.reads_words:
            raise ValueError(
                "swapped_weight trains the queries and keys of SVLA, so language_blocks must not be 'none'"
            )
        self.swapped_weight, self.reads_swapped = swapped_weight, bool(swapped_weight)
        if untold not in ("beside", "apart"):
            raise ValueError(f"untold is {untold!r}; 'beside' or 'apart' was expected")
        self.untold = untold
        self.loss_names += ("swapped",) * bool(swapped_weight)

    def encode_image(self, image: Tensor) -> Features:
        """The normalised image: the words enter all that follows. The encoder's maps, where they do not."""
        x = self.normalize(image)
        maps = [x] if self.encoder.reads_words else self.encoder(x, None)[0]
        return Features.of(maps, image)

    def decode(self, features: Features, text: TextBatch) -> Prediction:
        """Segment by one sentence an image; ``maps`` hold, by stride, each pixel's best score for any word."""
        words = self._words(text)
        maps, heard = self._read(features, words)
        return self._answer(_Reading(maps, heard, self.decoder(maps, words)), words, features.size)

    def training_losses(self, image: Tensor, text: TextBatch, target: Target) -> dict[str, Tensor]:
        """Dice and cross-entropy, and where configured the presence, the contrastive and the swapped terms."""
        words, features = self._words(text), self.encode_for(image, text)
        rows, each = len(text), len(text) // len(image)
        # what has read the sentence could be told from it, whatever the image
        least = 2 if self.untold == "apart" else 1  # one image at stride 32 may be one cell, which has no statistics
        few = min(len(image), max(least, -(-rows // UNTOLD))) if self.swapped_weight else 0
        few = len(image) if self.contrastive_weight else few
        untold = self._words(no_sentences(text, few)) if few else None
        told, blank = self._read_both(features, words, untold, each)
        prediction = self._answer(told, words, features.size)
        losses = segmentation_losses(prediction.logits, target)
        losses |= self.presence_losses(prediction, target)
        return losses if blank is None else losses | self._blank_losses(blank, words, text, target, each)

    def image_layers(self) -> list[list[nn.Parameter]]:
        """The image encoder in layers, without the language branches."""
        return self.encoder.encoder.layer_groups()

    def _words(self, text: TextBatch) -> BatchWords:
        states, mask = self.read_words(text)
        return BatchWords(states * mask.unsqueeze(-1), mask)

    def _read(
        self, features: Features, words: BatchWords, untold: BatchWords | None = None, each: int = 1
    ) -> tuple[list[Tensor], list[Attended]]:
        """The encoder's maps and what it heard; after the batch, its first images once more, with null sentences.

        Args:
            features: of the images, each as often as there are sentences about it.
            words: the sentences.
            untold: as many null sentences as images are to be read once more.
            each: sentences about an image.
        """
        maps = features.maps
        if untold is not None:
            maps = [torch.cat([m, m[::each][: len(untold.states)]]) for m in maps]
            words = words.before(untold)
        if not self.encoder.reads_words:
            return maps, []
        read, heard = self.encoder(maps[0], words)
        return read, heard

    def _read_both(
        self, features: Features, words: BatchWords, untold: BatchWords | None, each: int
    ) -> tuple["_Reading", "_Reading | None"]:
        """The images as read with the words, and the first of them without, where there are null sentences for that."""
        if untold is None:
            maps, heard = self._read(features, words)
            return _Reading(maps, heard, self.decoder(maps, words)), None
        if self.untold == "beside":
            maps, heard = self._read(features, words, untold, each)
            return _Reading(maps, heard, self.decoder(maps, words.before(untold))).cut(len(words.states))
        told, _ = self._read_both(features, words, None, each)
        first = replace(features, maps=[m[::each][: len(untold.states)] for m in features.maps])
        with statistics_not_kept(self):
            return told, self._read_both(first, untold, None, 1)[0]

    def _answer(self, read: "_Reading", words: BatchWords, size: tuple[int, int]) -> Prediction:
        """The prediction by what was read with the words."""
        x = read.decoded
        logits = resize(self.head(x), size)  # [n, 1, H, W]
        named = {f"relevance@{s}": h.relevance for s, h in zip(self.encoder.encoder.strides, read.heard, strict=False)}
        return Prediction(logits, self.answer_presence([*read.maps[2:], x], logits, words.sentence), named, x)

    def _blank_losses(
        self, blank: "_Reading", words: BatchWords, text: TextBatch, target: Target, each: int
    ) -> dict[str, Tensor]:
        """The contrastive and the swapped terms, of images that were read without words."""
        losses: dict[str, Tensor] = {}
        if self.contrastive_weight:
            pixels = F.normalize(self.joint_pixels(blank.decoded).float(), dim=1).repeat_interleave(each, 0)
            sentence = F.normalize(self.joint_sentence(words.sentence).float(), dim=-1)
            pixel = pixel_loss(pixels, sentence, target, text.is_null)
            region = region_loss(pixels, sentence, target, text.is_null, text.caption_id)
            losses |= {"pixel": self.contrastive_weight * pixel, "region": self.contrastive_weight * region}
        if self.swapped_weight:
            queries = [h.queries.repeat_interleave(each, 0) for h in blank.heard]
            losses["swapped"] = self.swapped_weight * self._swapped(queries, words, text, target)
        return losses

    def _swapped(self, queries: list[Tensor], words: BatchWords, text: TextBatch, target: Target) -> Tensor:
        """The swapped term, where images were read without words: a map that knows the sentence could give it away."""
        n = len(queries[0])
        true, target = self.encoder.say(words.first(n)), target.first(n)
        others = [
            Swapped(self.encoder.say(self._words(other).first(n)), other.is_null[:n]) for other in text.swapped_forms()
        ]
        with torch.autocast(queries[0].device.type, enabled=False):
            counts = weighted(~text.is_null[:n] & (target.mask.flatten(1).amax(1) > 0), target)
            # a zero whose gradient reaches every query, whatever the batch holds
            zero = sum((q.float().sum() for q in queries), start=torch.zeros((), device=counts.device)) * 0
            shares = [F.adaptive_avg_pool2d(target.mask.float(), (q.shape[-2], q.shape[-1])) for q in queries]
            regions = [prototype(q.float(), share) for q, share in zip(queries, shares, strict=True)]
            weights = [1 / len(queries)] * len(queries)
            return zero + swapped_losses(regions, true, others, counts, weights=weights, temperature=0.07)


class _Reading(NamedTuple):
    """What images, read with sentences, became: the encoder's maps, what it heard, the decoder's map."""

    maps: list[Tensor]
    heard: list[Attended]
    decoded: Tensor

    def cut(self, n: int) -> tuple["_Reading", "_Reading"]:
        """The first ``n`` rows and the rest."""
        rows = slice(None, n), slice(n, None)
        first, rest = (
            _Reading([m[at] for m in self.maps], [Attended(*(x[at] for x in h)) for h in self.heard], self.decoded[at])
            for at in rows
        )
        return first, rest

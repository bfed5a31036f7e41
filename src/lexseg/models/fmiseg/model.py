"""FMISeg: high and low frequencies of an image, each segmented by the words.

"Frequency-domain multi-modal interaction for language-guided medical image segmentation", arXiv 2509.19719, 2025.
LanGuideMedSeg doubled: one branch sees the image's detail, one its coarse part, they exchange once at stride 32, and
each has its own text-guided decoder, its own mask and its own loss. Written from a description of the released modules
(version A; docs/explanation/fmiseg.md).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.image.base import ImageEncoder
from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.segmentation import segmentation_losses
from lexseg.losses.target import Target
from lexseg.models.base import Features, Prediction
from lexseg.models.fmiseg.branch_norm import branch_norms
from lexseg.models.fmiseg.frequency import DETAIL_SCALE, FrequencySplit
from lexseg.models.fmiseg.frequency_interaction import FrequencyExchange, FrequencyGuide
from lexseg.models.parts.alignment import masked_mean
from lexseg.models.parts.guide_decoder import SubPixelHead, UpBlock
from lexseg.models.parts.text_slots import fit_tokens
from lexseg.models.text_model import TextModel


class FMISeg(TextModel):
    """Two frequency branches with an exchange between them and a text-guided decoder each.

    Args:
        encoder: name of the image encoder.
        encoder_args: its keywords.
        shared_encoder: one encoder for both branches, with batch norms of their own (OURS, for the lite recipe); false
            is an encoder each, as published.
        text_width: width of the token states.
        text_encoder: configuration of a text encoder that is trained with the model; ``None`` where it is frozen and
            stands outside.
        text_adapter: keywords of a :class:`TextAdapter` over the states (OURS); ``None`` leaves it out.
        widths: decoder widths at strides 32, 16, 8, 4; ``None`` is the encoder's own, as published.
        slots: text slots at strides 32, 16, 8.
        head_channels: channels at full size; 24 as published, 1 for the small models.
        self_attention: at which of the strides 32, 16, 8 cells look at one another; all three as published.
        detail_scale: of :class:`FrequencySplit`.
        gate: what the words' gates start at; 0 is the image-only network.
        presence_weight: of the question whether what the words name is there at all (OURS); 0 leaves the answer out.
        dropout: of the attentions.
        as_published: bring back what the released code (version A) does and LexSeg mends: the frequencies are
            stretched by each image's own extremes and halved in size (:class:`FrequencySplit`); sentences are cut and
            padded to 24 tokens, whose positions are mixed and whose padding is attended to; positions run along a
            raster; the likeness of cells and words is not scaled, and their product multiplies the map with no way
            around (:class:`FrequencyGuide`); the cross-entropy is identically zero, so Dice alone is trained; the
            low-frequency branch alone answers (a third party's finding), where ours averages both probabilities; the
            head moves the map by one and a half pixels.
    """

    name = "fmiseg"

    def __init__(
        self,
        *,
        encoder: str = "convnext-tiny",
        encoder_args: Mapping[str, Any] | None = None,
        shared_encoder: bool = False,
        text_width: int = 768,
        text_encoder: Mapping[str, Any] | None = None,
        text_adapter: Mapping[str, Any] | None = None,
        widths: Sequence[int] | None = None,
        slots: Sequence[int] = (24, 12, 9),
        head_channels: int = 24,
        self_attention: Sequence[int] = (32, 16, 8),
        detail_scale: float = DETAIL_SCALE,
        gate: float = 0.0,
        presence_weight: float = 0.2,
        dropout: float = 0.0,
        as_published: bool = False,
    ) -> None:
        super().__init__()
        count = 1 if shared_encoder else 2
        self.encoders = nn.ModuleList(create_image_encoder(encoder, **(encoder_args or {})) for _ in range(count))
        if shared_encoder:
            branch_norms(self.encoders)
        first = self._encoders[0]
        self.split = FrequencySplit(first.mean, first.std, detail_scale=detail_scale, as_published=as_published)
        dim = self.build_text(text_width, text_encoder, text_adapter)

        channels = list(first.channels)
        wide = list(widths or reversed(channels))  # deep to shallow
        if not len(wide) == len(slots) + 1 == 4:
            raise ValueError(f"4 widths and 3 slots were expected, not {len(wide)} and {len(slots)}")
        narrow = wide[0] != channels[3]
        self.deepest = nn.ModuleList(
            nn.Conv2d(channels[3], wide[0], 1) if narrow else nn.Identity() for _ in ("low", "high")
        )
        self.exchange = FrequencyExchange(wide[0], dropout=dropout, as_published=as_published)

        def guide(i: int) -> FrequencyGuide:
            attends = (32, 16, 8)[i] in self_attention
            return FrequencyGuide(
                wide[i],
                dim,
                slots[i],
                gate=gate,
                self_attention=attends,
                dropout=dropout,
                as_published=as_published,
            )

        self.decoders = nn.ModuleList(
            _Decoder(
                [guide(i) for i in range(3)],
                [UpBlock(wide[i], channels[2 - i], wide[i + 1]) for i in range(3)],
                SubPixelHead(wide[3], head_channels, blur=as_published),
            )
            for _ in ("low", "high")
        )
        self.build_presence(2 * wide[1:4], dim, presence_weight)
        self.as_published = as_published
        terms = ("dice",) if as_published else ("dice", "bce")
        self.loss_names = tuple(f"{term}_{branch}" for branch in ("low", "high") for term in terms)
        self.loss_names += self.presence_names

    def encode_image(self, image: Tensor) -> Features:
        """Both branches' maps after their exchange, the low one's four first; the words touch only the decoders."""
        low, high = self.split(image)
        if len(self.encoders) == 1:
            both, n = self._encoders[0](torch.cat([low, high])), low.shape[0]
            lows, highs = [m[:n] for m in both], [m[n:] for m in both]
        else:
            lows, highs = self._encoders[0](low), self._encoders[1](high)
        lows[3], highs[3] = self.exchange(self.deepest[0](lows[3]), self.deepest[1](highs[3]))
        return Features.of([*lows, *highs], image)

    def decode(self, features: Features, text: TextBatch) -> Prediction:
        """Segment by one sentence an image; ``maps`` hold each branch's own probabilities."""
        return self._answer(features, text)[0]

    def training_losses(self, image: Tensor, text: TextBatch, target: Target) -> dict[str, Tensor]:
        """Dice and cross-entropy of each branch (Dice alone as published), and where configured the presence term."""
        prediction, low, high = self._answer(self.encode_for(image, text), text)
        losses: dict[str, Tensor] = {}
        for branch, logits in (("low", low), ("high", high)):
            terms = segmentation_losses(logits, target, as_published=self.as_published)
            losses |= {f"{term}_{branch}": value for term, value in terms.items()}
        losses |= self.presence_losses(prediction, target)
        return {name: losses[name] for name in self.loss_names}

    def image_layers(self) -> list[list[nn.Parameter]]:
        """Both encoders in layers, side by side."""
        layers = zip(*(encoder.layer_groups() for encoder in self._encoders), strict=True)
        return [[p for group in groups for p in group] for groups in layers]

    @property
    def _encoders(self) -> list[ImageEncoder]:
        return [e for e in self.encoders if isinstance(e, ImageEncoder)]

    @property
    def _decoders(self) -> "list[_Decoder]":
        return [d for d in self.decoders if isinstance(d, _Decoder)]

    def _answer(self, features: Features, text: TextBatch) -> tuple[Prediction, Tensor, Tensor]:
        """The prediction and both branches' logits."""
        states, mask = self.read_states(text)  # [B, L, text_width], [B, L]
        if self.as_published:
            states, mask = fit_tokens(states, mask)
        words = self.adapted(states, mask)  # [B, L, D]
        seen_low = self.decoders[0](features.maps[:4], words, mask)  # [B, C, h, w] each
        seen_high = self.decoders[1](features.maps[4:], words, mask)
        both = torch.cat([seen_low[-1], seen_high[-1]], 1)  # [B, 2 C, H/4, W/4]
        low, high = (decoder.head(x) for decoder, x in zip(self._decoders, both.chunk(2, 1), strict=True))
        logits = low if self.as_published else logit_of_mean(low, high)  # [B, 1, H, W]
        presence = self.answer_presence([*seen_low, *seen_high], logits, masked_mean(words, mask))
        return Prediction(logits, presence, {"low": low.sigmoid(), "high": high.sigmoid()}, both), low, high


def logit_of_mean(one: Tensor, other: Tensor) -> Tensor:
    """The logit of the mean of two probabilities, from their logits, exact where a sigmoid would saturate."""
    one, other = one.float(), other.float()
    yes = torch.logaddexp(F.logsigmoid(one), F.logsigmoid(other))
    no = torch.logaddexp(F.logsigmoid(-one), F.logsigmoid(-other))
    return yes - no


class _Decoder(nn.Module):
    """One branch: three times the words and an up-block, then the head."""

    def __init__(self, guides: Sequence[nn.Module], ups: Sequence[nn.Module], head: nn.Module) -> None:
        super().__init__()
        self.guides, self.ups, self.head = nn.ModuleList(guides), nn.ModuleList(ups), head

    def forward(self, maps: Sequence[Tensor], words: Tensor, mask: Tensor) -> list[Tensor]:
        """The maps after each up-block; the head makes logits float[B, 1, H, W] of the last."""
        x, seen = maps[3], []
        for guide, up, skip in zip(self.guides, self.ups, reversed(maps[:3]), strict=True):
            x = up(guide(x, words, mask), skip)
            seen.append(x)
        return seen

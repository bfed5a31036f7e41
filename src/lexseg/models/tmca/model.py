"""TMCA: target-informed multi-level contrastive alignment.

Li et al., arXiv 2412.13533 (v3), Expert Systems with Applications 2026. The abstract names three components (FOUND);
their formulas are not public to us and are INFERRED (docs/explanation/tmca.md). The base recipe that they
stand on is LanGuideMedSeg's (SISTER). Each component can be switched off; with all off the base recipe is left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from torch import Tensor, nn

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.contrastive import Targets
from lexseg.losses.presence import presence_loss
from lexseg.losses.segmentation import ABSENT_WEIGHT, segmentation_losses
from lexseg.losses.swapped import Said, Swapped
from lexseg.losses.target import Target
from lexseg.models.base import Features, Normalize, Prediction, SegmentationModel
from lexseg.models.parts.alignment import (
    Distance,
    JointSpace,
    MultiLevelAlignment,
    Projected,
    masked_mean,
)
from lexseg.models.parts.attention import each
from lexseg.models.parts.guide_decoder import CrossAttention, GuideLayer, SubPixelHead, UpBlock
from lexseg.models.parts.presence import PresenceHead
from lexseg.models.parts.text_adapter import TextAdapter
from lexseg.models.parts.text_input import TextInput, trained_text_encoder
from lexseg.models.tmca.enhancement import RelevanceMap, SkipGate, relevance_loss
from lexseg.models.tmca.image_presence import ImagePresence, both


class TMCA(SegmentationModel):
    """Guide decoder + target-sensitive distance + multi-level alignment + language-guided target enhancement.

    Args:
        encoder: name of the image encoder.
        encoder_args: its keywords.
        text_width: width of the token states.
        text_encoder: configuration of a text encoder that is trained with the model; ``None`` where it is frozen and
            stands outside.
        text_adapter: keywords of a :class:`TextAdapter` over the states; ``None`` leaves it out.
        widths: decoder widths at strides 32, 16, 8, 4; ``None`` is the encoder's own, as published.
        head_channels: channels at full size; 24 as published, 1 for the small models.
        guide: whether the decoder reads the words at all; false is the image-only ablation.
        self_attention: at which of the strides 32, 16, 8 cells look at one another.
        alignment_levels: strides that the alignment loss works on; empty switches it off.
        level_weights, distance, targets, margin: of :class:`MultiLevelAlignment`.
        joint_dim: width of the joint space.
        joint_positions: whether cells of the joint space know where in the image they lie (OURS).
        shared_text_projection: one G for all levels (the ablation) instead of one each.
        enhancement: language-guided target enhancement.
        gate: what its gates start at.
        alignment_weight: lambda_a; the margin counts half of it.
        swapped_weight: of telling each sentence from itself with its places swapped (OURS); 0 leaves it out.
        presence_weight: of the question whether what the words name is there at all; 0 leaves the answer out.
        image_presence: whether that answer is multiplied by "anything is there", of the image alone, which is fitted
            after training (OURS; :mod:`lexseg.models.tmca.image_presence`).
        relevance_weight: of a cross-entropy of relevance map and target at every level; not claimed by the paper.
        absent_weight: how much more cross-entropies of an absent target count (OURS;
            :func:`lexseg.losses.segmentation.cross_entropy_loss`).
        dropout: of the attentions.
    """

    name = "tmca"

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
        alignment_levels: Sequence[int] = (4, 8, 16, 32),
        level_weights: Sequence[float] | None = None,
        distance: Distance = "masked+context",
        targets: Targets = "caption",
        margin: float = 0.2,
        joint_dim: int = 256,
        joint_positions: bool = False,
        shared_text_projection: bool = False,
        enhancement: bool = True,
        gate: float = 0.0,
        alignment_weight: float = 0.1,
        swapped_weight: float = 0.0,
        presence_weight: float = 0.2,
        image_presence: bool = False,
        relevance_weight: float = 0.0,
        absent_weight: float = ABSENT_WEIGHT,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if enhancement and not guide:
            raise ValueError("enhancement reads the words, so it needs guide=True")
        if swapped_weight and not alignment_levels:
            raise ValueError("swapped_weight is of an alignment with swapped sentences, so it needs alignment_levels")
        if image_presence and not presence_weight:
            raise ValueError("image_presence is a factor of the presence, so it needs presence_weight")
        if relevance_weight and not enhancement:
            raise ValueError("relevance_weight supervises the enhancement's maps, so it needs enhancement=True")
        self.encoder = create_image_encoder(encoder, **(encoder_args or {}))
        self.normalize = Normalize(self.encoder.mean, self.encoder.std)
        self.text_input = TextInput(text_width, trained_text_encoder(text_encoder))
        self.adapter = TextAdapter(text_width, **text_adapter) if text_adapter else None
        dim = text_adapter["dim"] if text_adapter else text_width

        channels = list(self.encoder.channels)
        wide = list(widths or reversed(channels))  # deep to shallow
        cross: CrossAttention = "none" if not guide else "enhance" if enhancement else "guide"
        self.deepest = nn.Conv2d(channels[3], wide[0], 1) if wide[0] != channels[3] else nn.Identity()
        self.guides = nn.ModuleList(
            GuideLayer(w, dim, cross=cross, gate=gate, self_attention=stride in self_attention, dropout=dropout)
            for w, stride in zip(wide, (32, 16, 8), strict=False)
        )
        self.ups = nn.ModuleList(UpBlock(wide[i], channels[2 - i], wide[i + 1]) for i in range(3))
        self.head = SubPixelHead(wide[3], head_channels)

        self.presence = PresenceHead(wide[1:4], dim) if presence_weight else None
        self.image_presence = ImagePresence(channels[2:]) if image_presence else None
        self.presence_weight, self.absent_weight = presence_weight, absent_weight

        self.alignment_levels = tuple(self.encoder.strides.index(s) for s in alignment_levels)
        self.enhancement = enhancement
        joint = range(4) if enhancement else self.alignment_levels
        self.joint = nn.ModuleDict(
            {str(i): JointSpace(channels[i], dim, joint_dim, positions=joint_positions) for i in joint}
        )
        if shared_text_projection and self.joint:
            first = next(iter(self.joint.values()))
            for space in self.joint.values():
                space.text = first.text
        self.relevance = nn.ModuleList(RelevanceMap() for _ in range(4 if enhancement else 0))
        self.skip_gates = nn.ModuleList(SkipGate(gate) for _ in range(3 if enhancement else 0))
        self.alignment = (
            MultiLevelAlignment(
                len(alignment_levels), level_weights=level_weights, distance=distance, targets=targets, margin=margin
            )
            if alignment_levels
            else None
        )
        self.swapped_weight, self.reads_swapped = swapped_weight, bool(swapped_weight)
        self.alignment_weight, self.relevance_weight = alignment_weight, relevance_weight
        names = ["dice", "bce"] + ["presence"] * bool(presence_weight)
        if self.alignment is not None:
            names += ["contrastive"] + ["margin"] * self.alignment.has_margin + ["swapped"] * bool(swapped_weight)
        self.loss_names = tuple(names + ["relevance"] * bool(relevance_weight))

    def encode_image(self, image: Tensor) -> Features:
        """The image encoder's maps; the words touch only the decoder."""
        return Features(self.encoder(self.normalize(image)), (image.shape[-2], image.shape[-1]))

    def decode(self, features: Features, text: TextBatch) -> Prediction:
        """Segment by one sentence an image."""
        words, mask = self._words(text)
        projected = self._project(features.maps, words, mask) if self.enhancement else {}
        prediction = self._decode(features, words, mask, self._relevance(projected, mask))
        if self.image_presence is None or prediction.presence is None:
            return prediction
        anything = each(self.image_presence(features.maps), len(text))
        return replace(prediction, presence=both(prediction.presence, anything))

    def training_losses(self, image: Tensor, text: TextBatch, target: Target) -> dict[str, Tensor]:
        """Dice and cross-entropy, and where configured the presence, alignment and relevance terms."""
        features = self.encode_shared(image, text)
        words, mask = self._words(text)
        projected = self._project(features.maps, words, mask)
        relevance = self._relevance(projected, mask)
        prediction = self._decode(features, words, mask, relevance)
        losses = segmentation_losses(prediction.logits, target, absent_weight=self.absent_weight)
        if prediction.presence is not None:
            losses["presence"] = self.presence_weight * presence_loss(prediction.presence, target)
        if self.alignment is not None:
            levels = [projected[i] for i in self.alignment_levels]
            terms = self.alignment(
                levels,
                text,
                mask,
                target,
                masked_mean(words, mask),
                swapped=[self._swapped(other) for other in text.swapped_forms()] if self.swapped_weight else [],
            )
            weights = {"contrastive": self.alignment_weight, "margin": 0.5 * self.alignment_weight}
            weights["swapped"] = self.swapped_weight
            losses |= {name: weights[name] * value for name, value in terms.items()}
        if self.relevance_weight:
            losses["relevance"] = self.relevance_weight * relevance_loss(
                relevance, target, absent_weight=self.absent_weight
            )
        return losses

    def image_layers(self) -> list[list[nn.Parameter]]:
        """The image encoder in layers."""
        return self.encoder.layer_groups()

    def _words(self, text: TextBatch) -> tuple[Tensor, Tensor]:
        assert self.text_input is not None
        words, mask = self.text_input(text)
        return (self.adapter(words, mask) if self.adapter is not None else words), mask

    def _project(self, maps: list[Tensor], words: Tensor, mask: Tensor) -> dict[int, Projected]:
        sentence = masked_mean(words, mask)
        return {int(i): space(maps[int(i)], words, sentence) for i, space in self.joint.items()}

    def _swapped(self, text: TextBatch) -> Swapped:
        words, mask = self._words(text)
        sentence = masked_mean(words, mask)
        spaces = (cast(JointSpace, self.joint[str(i)]) for i in self.alignment_levels)
        return Swapped([Said(*space.project_text(words, sentence), mask) for space in spaces], text.is_null)

    def _relevance(self, projected: Mapping[int, Projected], mask: Tensor) -> list[Tensor]:
        """The relevance maps by stride, before the sigmoid; none without the enhancement."""
        return [r(projected[i], mask) for i, r in enumerate(self.relevance)]

    def _decode(self, features: Features, words: Tensor, mask: Tensor, relevance_logits: list[Tensor]) -> Prediction:
        relevance = [z.sigmoid() for z in relevance_logits]
        skips = features.maps[:3]
        if self.enhancement:
            skips = [gate(f, a) for gate, f, a in zip(self.skip_gates, skips, relevance[:3], strict=True)]
        else:
            skips = [each(f, words.shape[0]) for f in skips]
        x, seen = self.deepest(features.maps[3]), []
        for i, (guide, up) in enumerate(zip(self.guides, self.ups, strict=True)):
            x = guide(x, words, mask, relevance[3 - i] if relevance else None)
            x = up(x, skips[2 - i])
            seen.append(x)
        logits = self.head(x)
        presence = None if self.presence is None else self.presence(seen, logits, masked_mean(words, mask))
        names = [f"relevance@{s}" for s in self.encoder.strides]
        return Prediction(logits, presence, dict(zip(names, relevance, strict=False)), x)

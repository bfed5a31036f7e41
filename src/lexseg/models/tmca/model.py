"""TMCA: target-informed multi-level contrastive alignment.

Li et al., arXiv 2412.13533 (v3), Expert Systems with Applications 2026. The abstract names three components (FOUND);
their formulas are not public to us and are INFERRED (docs/explanation/tmca.md). The base recipe that they
stand on is LanGuideMedSeg's (SISTER). Each component can be switched off; with all off the base recipe is left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from torch import Tensor, nn

from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.alignment import Distance, MultiLevelAlignment, Projected
from lexseg.losses.contrastive import Targets
from lexseg.losses.segmentation import ABSENT_WEIGHT, segmentation_losses
from lexseg.losses.swapped import Said, Swapped
from lexseg.losses.target import Target
from lexseg.models.base import Features, Prediction
from lexseg.models.guided_model import GuidedModel
from lexseg.models.parts.alignment import JointSpace, masked_mean
from lexseg.models.parts.attention import each
from lexseg.models.parts.guide_decoder import CrossAttention, GuideLayer
from lexseg.models.tmca.enhancement import RelevanceMap, SkipGate, relevance_loss
from lexseg.models.tmca.image_presence import ImagePresence, anything, both, shared


class TMCA(GuidedModel):
    """Guide decoder + target-sensitive distance + multi-level alignment + language-guided target enhancement.

    Args:
        encoder, encoder_args, text_width, text_encoder, text_adapter, widths: of :class:`GuidedModel`.
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
        image_presence: the strides of which maps say "anything is there", of the image alone, by which that answer is
            multiplied; fitted after training (OURS; :mod:`lexseg.models.tmca.image_presence`). True is 16 and 32, of
            images of one kind.
        image_kind: the strides of the maps that tell which images that answer is for; the deepest if none is given.
        image_share: of questions that name no place: how much less their own answer counts, where the image's is added
            to it in place of multiplied (:func:`lexseg.models.tmca.image_presence.shared`); ``None`` multiplies always.
        peak_presence: how much the mask's highest logit counts in that answer, before it is multiplied:
            presence_scale * (head + peak_presence * max logits) (OURS; nothing of it is trained). The head learns small
            sets by heart sooner than the mask does.
        presence_scale: below 1 for a head that is surer than it should be.
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
        image_presence: bool | Sequence[int] = False,
        image_kind: Sequence[int] = (),
        image_share: float | None = None,
        peak_presence: float = 0.0,
        presence_scale: float = 1.0,
        relevance_weight: float = 0.0,
        absent_weight: float = ABSENT_WEIGHT,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if enhancement and not guide:
            raise ValueError("enhancement reads the words, so it needs guide=True")
        if swapped_weight and not alignment_levels:
            raise ValueError("swapped_weight is of an alignment with swapped sentences, so it needs alignment_levels")
        if (image_presence or peak_presence) and not presence_weight:
            raise ValueError("image_presence and peak_presence are parts of the presence, so they need presence_weight")
        if relevance_weight and not enhancement:
            raise ValueError("relevance_weight supervises the enhancement's maps, so it needs enhancement=True")
        self.build_encoder(encoder, encoder_args)
        dim = self.build_text(text_width, text_encoder, text_adapter)

        cross: CrossAttention = "none" if not guide else "enhance" if enhancement else "guide"

        def layer(width: int, stride: int) -> GuideLayer:
            look = stride in self_attention
            return GuideLayer(width, dim, cross=cross, gate=gate, self_attention=look, dropout=dropout)

        wide = self.build_decoder(widths, layer, head_channels)
        self.build_presence(wide[1:4], dim, presence_weight)
        channels = list(self.encoder.channels)
        read = (16, 32) if image_presence is True else tuple(image_presence or ())
        of_kind = () if image_presence is True else tuple(image_kind) or self.encoder.strides[-1:]
        at = self.encoder.strides.index
        self.image_presence = (
            ImagePresence(channels, [at(s) for s in read], kind=[at(s) for s in of_kind]) if read else None
        )
        self.absent_weight = absent_weight
        self.peak_presence, self.presence_scale, self.image_share = peak_presence, presence_scale, image_share
        self.reads_places = self.image_presence is not None and image_share is not None

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
        names = ["dice", "bce", *self.presence_names]
        if self.alignment is not None:
            names += ["contrastive"] + ["margin"] * self.alignment.has_margin + ["swapped"] * bool(swapped_weight)
        self.loss_names = tuple(names + ["relevance"] * bool(relevance_weight))

    def encode_image(self, image: Tensor) -> Features:
        """The encoder's maps, and what the decoder makes of them alone: as much as of a sentence."""
        features = super().encode_image(image)
        return features if self.training else replace(features, ready=self._ready(features.maps))

    def _ready(self, maps: Sequence[Tensor]) -> dict[str, Tensor]:
        ready = {f"joint_{i}": space.project_image(maps[i]) for i, space in self._spaces() if self.enhancement}
        ready["deep_tokens"], query = self.look_deepest(maps[3])
        if query is not None:
            ready["deep_query"] = query
        if self.image_presence is not None:
            ready["image_presence"] = self.image_presence(maps)
        return ready

    def decode(self, features: Features, text: TextBatch) -> Prediction:
        """Segment by one sentence an image."""
        words, mask = self.read_words(text)  # [B, L, D], [B, L]
        projected = self._project(features, words, mask) if self.enhancement else {}
        prediction = self._decode(features, words, mask, self._relevance(projected, mask))
        if (presence := prediction.presence) is None:
            return prediction
        if self.peak_presence:
            presence = presence.float() + self.peak_presence * prediction.logits.float().amax((1, 2, 3))
        presence = self.presence_scale * presence
        if self.image_presence is not None:
            said = features.ready.get("image_presence")
            said = each(self.image_presence(features.maps) if said is None else said, words.shape[0])  # [B, 2]
            asked, presence = presence.float(), both(presence, anything(said))
            if self.image_share is not None and text.names_place is not None:
                presence = shared(asked, said, self.image_share).where(~text.names_place, presence)
        return replace(prediction, presence=presence)

    def training_losses(self, image: Tensor, text: TextBatch, target: Target) -> dict[str, Tensor]:
        """Dice and cross-entropy, and where configured the presence, alignment and relevance terms."""
        features = self.encode_shared(image, text)
        words, mask = self.read_words(text)
        projected = self._project(features, words, mask)
        relevance = self._relevance(projected, mask)
        prediction = self._decode(features, words, mask, relevance)
        losses = segmentation_losses(prediction.logits, target, absent_weight=self.absent_weight)
        losses |= self.presence_losses(prediction, target)
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

    def _project(self, features: Features, words: Tensor, mask: Tensor) -> dict[int, Projected]:
        sentence, known, projected = masked_mean(words, mask), features.ready, {}
        for i, space in self._spaces():
            pixels = known[f"joint_{i}"] if f"joint_{i}" in known else space.project_image(features.maps[i])
            projected[i] = Projected(pixels, *space.project_text(words, sentence))
        return projected

    def _spaces(self) -> list[tuple[int, JointSpace]]:
        return [(int(i), cast(JointSpace, space)) for i, space in self.joint.items()]

    def _swapped(self, text: TextBatch) -> Swapped:
        words, mask = self.read_words(text)
        sentence = masked_mean(words, mask)
        spaces = (cast(JointSpace, self.joint[str(i)]) for i in self.alignment_levels)
        return Swapped([Said(*space.project_text(words, sentence), mask) for space in spaces], text.is_null)

    def _relevance(self, projected: Mapping[int, Projected], mask: Tensor) -> list[Tensor]:
        """The relevance maps by stride, before the sigmoid; none without the enhancement."""
        return [r(projected[i], mask) for i, r in enumerate(self.relevance)]

    def _decode(self, features: Features, words: Tensor, mask: Tensor, relevance_logits: list[Tensor]) -> Prediction:
        relevance = [z.sigmoid() for z in relevance_logits]  # [B, 1, h, w] each, or none
        skips = features.maps[:3]  # [I, C, h, w] each, at strides 4, 8, 16
        if self.enhancement:
            skips = [gate(f, a) for gate, f, a in zip(self.skip_gates, skips, relevance[:3], strict=True)]
        else:
            skips = [each(f, words.shape[0]) for f in skips]
        known = features.ready
        looked = (known["deep_tokens"], known.get("deep_query")) if "deep_tokens" in known else None
        seen = self.run_decoder([*skips, features.maps[3]], words, mask, relevance, looked)  # [B, C, h, w] each
        logits = self.head(seen[-1])  # [B, 1, H, W]
        presence = self.answer_presence(seen, logits, masked_mean(words, mask))  # [B]
        names = [f"relevance@{s}" for s in self.encoder.strides]
        return Prediction(logits, presence, dict(zip(names, relevance, strict=False)), seen[-1])

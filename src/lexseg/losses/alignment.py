"""TMCA's alignment: target-sensitive semantic distance on several levels (INFERRED; docs/explanation/tmca.md).

The paper names a "target-sensitive semantic distance module" and a "multi-level contrastive alignment" (FOUND,
abstract); the formulas below are our reconstruction.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.context import context_rings
from lexseg.losses.contrastive import Targets, caption_targets, equal_regions, info_nce, soft_targets
from lexseg.losses.pooling import pyramid, size_of
from lexseg.losses.region_words import EPS, own_similarity, prototype, similarity
from lexseg.losses.rows import shown_rows, weighted
from lexseg.losses.swapped import Said, Swapped, swapped_losses
from lexseg.losses.target import Target

_LOG_BOUNDS = math.log(0.01), math.log(0.5)  # of tau

Distance = Literal["global", "masked", "masked+context", "soft"]


@dataclass(frozen=True, slots=True)
class Projected:
    """Unit vectors of one level: pixels float[I, d, h, w], words float[B, L, d], sentence float[B, d].

    B is a multiple of I, and the sentences about an image stand side by side.
    """

    pixels: Tensor
    words: Tensor
    sentence: Tensor


class _Within(torch.autograd.Function):
    """Clamp, with the gradient that leads back inside: plain clamp has none out there, and a parameter would stay."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.bounds = low, high
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (x,), (low, high), grad = ctx.saved_tensors, ctx.bounds, grads[0]
        outward = ((x <= low) & (grad > 0)) | ((x >= high) & (grad < 0))  # descent goes against the gradient
        return grad.masked_fill(outward, 0), None, None


class MultiLevelAlignment(nn.Module):
    """The alignment loss over several levels. It has no part in inference.

    Rows that do not count are weighed with nothing and not taken out: no shape depends on the numbers of a batch, so
    that a step can be recorded as a CUDA graph.

        L_con = sum_l lambda_l * 0.5 [CE(S_l, Y) + CE(S_l^T, Y^T)],  S_l = sim_l / tau
        H     = mean_l mean_i max(0, m + D_l(i, i) - Dctx_l(i, i))
        L_swap = sum_l lambda_l mean_i log(1 + exp((sim_l(i, i') - sim_l(i, i)) / tau)),  i' sentence i, places swapped

    L_swap is OURS: the other captions of a batch differ in many words, and the amount of what is ill tells most of them
    apart; the swapped caption differs in nothing but the place.

    Args:
        levels: how many levels come in.
        level_weights: lambda; ``None`` is one over the number of levels for each.
        distance: ``global`` pools the whole map (what SGSeg and CLIP do), ``masked`` the target, ``masked+context``
            also asks the sentence to be nearer to the target than to what surrounds it, ``soft`` is that with soft
            targets.
        targets: ``caption`` lets equal captions share, ``one-hot`` is the field's habit and wrong for such data.
        margin: m.
    """

    def __init__(
        self,
        levels: int,
        *,
        level_weights: Sequence[float] | None = None,
        distance: Distance = "masked+context",
        targets: Targets = "caption",
        margin: float = 0.2,
    ) -> None:
        super().__init__()
        self.level_weights = tuple(level_weights or (1 / levels,) * levels)
        if len(self.level_weights) != levels:
            raise ValueError(f"{len(self.level_weights)} level weights for {levels} levels")
        self.distance, self.margin = distance, margin
        self.targets: Targets = "soft" if distance == "soft" else targets
        self.log_temperature = nn.Parameter(torch.tensor(0.07).log())

    @property
    def has_margin(self) -> bool:
        """Whether the context term is on."""
        return self.distance in ("masked+context", "soft")

    def forward(
        self,
        projected: Sequence[Projected],
        text: TextBatch,
        words_mask: Tensor,
        target: Target,
        sentence: Tensor,
        *,
        swapped: Sequence[Swapped] = (),
    ) -> dict[str, Tensor]:
        """The terms, unweighted: ``contrastive``, where configured ``margin``, and with swapped sentences ``swapped``.

        Args:
            projected: the levels.
            text: the sentences; null ones are left out.
            words_mask: bool[B, L], which of the projected words are there.
            target: the truth. Rows are left out whose mask shows no target, of whom it is not known whether it is in
                view, and those of no weight; what is not ``valid`` is no context; rows of one image that mean the same
                region are no negatives of each other.
            sentence: float[B, D], sentence embeddings that soft targets are made of.
            swapped: the sentences with their places swapped, each way that they may be.
        """
        with torch.autocast(target.mask.device.type, enabled=False):
            keep = ~text.is_null & shown_rows(target)
            counts = weighted(keep, target)
            keep = counts > 0
            sizes = [size_of(p.pixels) for p in projected]
            shares = pyramid(target.mask.float(), sizes)
            regions = [prototype(p.pixels, shares[size]) for p, size in zip(projected, sizes, strict=True)]
            # a zero whose gradient reaches every parameter, whatever the batch holds
            reached = (r.sum() + p.words.float().sum() for r, p in zip(regions, projected, strict=True))
            zero = sum(reached, start=self.log_temperature) * 0
            losses = {"contrastive": zero} | ({"margin": zero} if self.has_margin else {})
            if swapped:
                true = [Said(level.words, level.sentence, words_mask) for level in projected]
                losses["swapped"] = zero + swapped_losses(
                    regions, true, swapped, counts, weights=self.level_weights, temperature=self.temperature()
                )
            rings = context_rings(target.mask, sizes, valid=target.valid) if self.has_margin else {}
            y, ignore = self._targets(text.caption_id, sentence, keep), _no_pair(keep, equal_regions(target))
            temperature = self.temperature()
            counts = counts * (keep.sum() > 1)  # alone, a row has nothing to be told from
            heard = words_mask | ~keep[:, None]  # what does not count may have no word: its numbers are to be finite
            for level_weight, level, region in zip(self.level_weights, projected, regions, strict=True):
                size = size_of(level.pixels)
                said = level.words.float(), level.sentence.float(), heard
                if self.distance == "global":
                    region = prototype(level.pixels, torch.ones_like(shares[size]))
                near = similarity(region, *said)
                term = info_nce(near, y, temperature, counts, ignore=ignore)
                losses["contrastive"] = losses["contrastive"] + level_weight * term
                if self.has_margin:
                    ring = rings[size]
                    context = own_similarity(prototype(level.pixels, ring), *said)
                    gap = (self.margin - near.diagonal() + context).clamp(min=0)
                    count = counts * (ring.sum((1, 2, 3)) > EPS)  # a target that fills the image has none
                    mean = (gap * count).sum() / count.sum().clamp(min=EPS)
                    losses["margin"] = losses["margin"] + mean / len(projected)
            return losses

    def temperature(self) -> Tensor:
        """tau, between 0.01 and 0.5; at a bound, only the gradient that leads back counts."""
        bounded: Tensor = _Within.apply(self.log_temperature, *_LOG_BOUNDS)  # type: ignore[no-untyped-call]
        return bounded.exp()

    def _targets(self, caption_id: Tensor, sentence: Tensor, keep: Tensor) -> Tensor:
        """float[B, B]; rows and columns of what does not count are told apart by `_no_pair`."""
        if self.targets == "soft":
            return soft_targets(sentence, keep)
        if self.targets == "one-hot":
            return torch.eye(len(caption_id), device=caption_id.device)
        return caption_targets(caption_id)


def _no_pair(keep: Tensor, same: Tensor | None) -> Tensor:
    """bool[B, B], false on the diagonal: pairs of rows that do not both count, or mean the same region."""
    apart = ~(keep[:, None] & keep)
    apart = apart if same is None else apart | same
    return apart & ~torch.eye(len(keep), dtype=torch.bool, device=keep.device)

"""LSMS's vision-language contrastive loss: pixels, and the whole target, against sentences.

FOUND (abstract of arXiv 2408.17347v3): the segmentation loss is joined by a vision-language contrastive loss. Both
terms are INFERRED (docs/explanation/lsms.md).
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.losses.contrastive import NEVER, caption_targets, equal_regions, info_nce
from lexseg.losses.gather import gathered
from lexseg.losses.rows import weighted
from lexseg.losses.target import Target


def cells(target: Target, size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """What each cell of a coarser map is.

    Args:
        target: with the mask float[B, 1, H, W].
        size: (h, w) of the map.

    Returns:
        three masks bool[B, h * w]: ``lesion`` (at least half of the cell; where no cell reaches half, the cells with
        the largest share), ``background`` (nothing of it), ``others`` (background that holds a target the sentence does
        not name). Cells whose truth is not known throughout are none of these.
    """
    share = F.adaptive_avg_pool2d(target.mask.float(), size).flatten(1)
    known = torch.ones_like(share, dtype=torch.bool)
    if target.valid is not None:
        known = F.adaptive_avg_pool2d(target.valid.float(), size).flatten(1) > 1 - 1e-4
    share = share * known
    best = share.amax(1, keepdim=True)
    lesion = (share > 0) & (share >= best.clamp(max=0.5))
    background = known & (share == 0)
    others = torch.zeros_like(background)
    if target.others is not None:
        others = background & (F.adaptive_avg_pool2d(target.others.float(), size).flatten(1) > 0)
    return lesion, background, others


def pixel_loss(
    pixels: Tensor,
    sentence: Tensor,
    target: Target,
    is_null: Tensor,
    *,
    positives: int = 128,
    negatives: int = 512,
    temperature: float = 0.1,
) -> Tensor:
    """Each lesion pixel against the background pixels, by likeness to the sentence, which they must not have read.

        L = -mean_{x in P} log(exp(e_x . q / tau) / (exp(e_x . q / tau) + sum_{y in N} exp(e_y . q / tau)))

    Half of N are the background pixels most like the sentence, half are drawn; pixels of other targets in the image are
    always in it. Images without a target, without background or without a sentence say nothing.

    Args:
        pixels: float[B, d, h, w], unit vectors.
        sentence: float[B, d], unit vectors.
        target: the truth at any size.
        is_null: bool[B].
        positives: the most pixels in P.
        negatives: the most pixels in N, other targets' aside.
        temperature: tau.
    """
    with torch.autocast(pixels.device.type, enabled=False):
        flat = pixels.float().flatten(2)
        score = torch.einsum("bdn,bd->bn", flat, sentence.float()) / temperature
        lesion, background, others = cells(target, (pixels.shape[-2], pixels.shape[-1]))
        hard = _top(score.detach(), background & ~others, negatives // 2)
        drawn = _top(torch.rand_like(score), background & ~others & ~hard, negatives - negatives // 2)
        chosen = hard | drawn | others
        against = score.masked_fill(~chosen, NEVER).logsumexp(1, keepdim=True)
        sampled = _top(torch.rand_like(score), lesion, positives)
        loss = (F.softplus(against - score) * sampled).sum(1) / sampled.sum(1).clamp(min=1)
        speaks = sampled.any(1) & chosen.any(1) & ~is_null
        weight = weighted(speaks, target)
        return (loss * weight).sum() / weight.sum().clamp(min=1e-6)


def region_loss(
    pixels: Tensor, sentence: Tensor, target: Target, is_null: Tensor, caption_id: Tensor, *, temperature: float = 0.1
) -> Tensor:
    """The lesion's mean embedding against all sentences of all devices, with targets that know equal captions.

    Args:
        pixels: float[B, d, h, w], unit vectors. They must not have read the sentence: it could be told from them,
            whatever the image.
        sentence: float[B, d], unit vectors.
        target: the truth at any size; images without a target, or of no weight, are left out.
        is_null: bool[B]; missing sentences are left out.
        caption_id: int[B], equal for equal sentences. Rows of one image and the same region are no negatives.
        temperature: of the softmax.
    """
    with torch.autocast(pixels.device.type, enabled=False):
        share = F.adaptive_avg_pool2d(target.mask.float(), (pixels.shape[-2], pixels.shape[-1]))
        keep = ~is_null & (share.flatten(1).amax(1) > 0)
        if target.weight is not None:
            keep = keep & (target.weight > 0)
        pooled = gathered(F.normalize((pixels.float() * share).sum((2, 3)), dim=-1))
        weight, same = (
            None if target.weight is None else gathered(target.weight.float()),
            equal_regions(target, everywhere=True),
        )
        keep, caption_id, sentence = gathered(keep), gathered(caption_id), gathered(sentence.float())
        if int(keep.sum()) < 2:  # a single sentence has nothing to be told from
            return (pooled.sum() + sentence.sum()) * 0
        return info_nce(
            pooled[keep] @ sentence[keep].T,
            caption_targets(caption_id[keep]),
            temperature,
            None if weight is None else weight[keep],
            ignore=None if same is None else same[keep][:, keep],
        )


def _top(key: Tensor, among: Tensor, count: int) -> Tensor:
    """Mark the ``count`` places of largest key in each row of ``among`` (fewer where it holds fewer); bool like it."""
    ranked = key.masked_fill(~among, float("-inf"))
    index = ranked.topk(min(count, key.shape[1]), dim=1).indices
    return torch.zeros_like(among).scatter(1, index, True) & among

"""RecLMIS's contrast of images and sentences by their words and cells, weighed by interest.

Reference: Huang et al., RecLMIS, TMI 2024 (arXiv 2404.02845), and its released code.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.contrastive import caption_targets, equal_regions, info_nce
from lexseg.losses.gather import gathered
from lexseg.losses.target import Target


def token_similarity(
    words: Tensor,
    words_weight: Tensor,
    mask: Tensor,
    cells: Tensor,
    cells_weight: Tensor,
    *,
    as_published: bool = False,
) -> Tensor:
    """How well every image and every sentence match, part by part.

        s_ab = 0.5 [sum_t b_t max_v cos(w_at, c_bv) + sum_v b_v max_t cos(w_at, c_bv)]

    Args:
        words: float[B, L, d]; made unit vectors here, as are the cells.
        words_weight: float[B, L], b of the words; sums to 1, zero at padding.
        mask: bool[B, L], at least one true a row.
        cells: float[B, N, d].
        cells_weight: float[B, N], b of the cells; sums to 1.
        as_published: the weights go through a softmax once more, which makes them nearly flat and gives padding a
            share, and padding takes part in the maximum as a zero.

    Returns:
        float[B, B], image b (rows) against sentence a (columns).
    """
    words, cells = F.normalize(words, dim=-1) * mask[..., None], F.normalize(cells, dim=-1)
    if as_published:
        words_weight, cells_weight = words_weight.softmax(-1), cells_weight.softmax(-1)
    cosine = torch.einsum("atd,bvd->batv", words, cells)
    by_word = (cosine.amax(3) * words_weight[None]).sum(2)
    best = cosine if as_published else cosine.masked_fill(~mask[None, :, :, None], float("-inf"))
    by_cell = (best.amax(2) * cells_weight[:, None]).sum(2)
    return 0.5 * (by_word + by_cell)


def token_contrast_loss(
    similarity: Tensor, text: TextBatch, target: Target, *, temperature: float, as_published: bool = False
) -> Tensor:
    """Symmetric cross-entropy of images against sentences, equal captions positive, equal regions no negatives.

    Null sentences, cases of no weight and images that lack what the sentence names are left out; with fewer than two
    left it is a zero.

    Args:
        similarity: float[W B, W B], of :func:`token_similarity`, over all W devices.
        text: for ``caption_id`` and ``is_null``.
        target: for ``mask`` and ``weight``.
        temperature: a positive number; CLIP's is 0.01.
        as_published: equal captions are negatives of one another, and absent targets take part.
    """
    keep = ~text.is_null
    if not as_published:
        keep = keep & (target.mask.flatten(1).amax(1) > 0)
    if target.weight is not None:
        keep = keep & (target.weight > 0)
    keep, caption = gathered(keep), gathered(text.caption_id)
    if int(keep.sum()) < 2:  # a single sentence has nothing to be told from
        return similarity.sum() * 0
    caption = caption[keep]
    targets = torch.eye(len(caption), device=caption.device) if as_published else caption_targets(caption)
    weight = None if target.weight is None else gathered(target.weight.float())[keep]
    same = None if as_published else equal_regions(target, everywhere=True)
    ignore = None if same is None else same[keep][:, keep]
    return info_nce(similarity[keep][:, keep], targets, temperature, weight, ignore=ignore)

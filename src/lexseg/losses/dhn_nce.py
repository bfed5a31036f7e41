"""Decoupled hard-negative contrast of images and sentences (DHN-NCE, of MedCLIP-SAM and MedCLIP-SAMv2).

Written from the papers' equation. The code released with MedCLIP-SAMv2 computes something else (it masks logits before
the exponential and has no sum inside the logarithm); docs/explanation/words-without-masks.md.
"""

import torch
from torch import Tensor

from lexseg.losses.contrastive import NEVER


def dhn_nce(
    similarity: Tensor,
    temperature: Tensor | float,
    *,
    beta: tuple[float, float] = (0.15, 0.15),
    ignore: Tensor | None = None,
    pairs: Tensor | None = None,
) -> Tensor:
    """How badly images and sentences that belong together are told from those that do not.

        W_ij  = |N_i| exp(beta_1 s_ij) / sum_{k in N_i} exp(beta_1 s_ik)
        L_v2t = mean_i [-s_ii + log sum_{j in N_i} exp(s_ij) W_ij],   L = L_v2t + L_t2v

    with s = similarity / temperature, N_i all j but i, and L_t2v the same of the transpose with beta_2. "Decoupled":
    the pair itself is not in the sum. OURS: pairs to be ignored are in no N_i, since reports repeat themselves; a row
    without negatives says nothing.

    Args:
        similarity: float[B, B], cosine of image i and sentence j.
        temperature: tau, positive.
        beta: how much harder negatives count more, for images against sentences and the other way; 0 is evenly.
        ignore: bool[B, B], pairs that are no negatives of each other: equal and nearly equal sentences.
        pairs: bool[B], which images and sentences of one row belong together; the others (what the sentence names is
            known not to be there) are negatives alone. ``None`` is all.

    Returns:
        a scalar; below zero where every pair is far nearer than its negatives. Zero, with a gradient, where no row has
        a negative.

    Reference: Koleilat et al., MedCLIP-SAM, 2024 (arXiv 2403.20253); MedCLIP-SAMv2, 2024 (arXiv 2409.19483).
    """
    with torch.autocast(similarity.device.type, enabled=False):
        s = similarity.float() / temperature
        against = ~torch.eye(len(s), dtype=torch.bool, device=s.device)
        if ignore is not None:
            against = against & ~ignore
        belong = torch.ones(len(s), dtype=torch.bool, device=s.device) if pairs is None else pairs
        return _one_way(s, against, belong, beta[0]) + _one_way(s.T, against.T, belong, beta[1])


def _one_way(s: Tensor, against: Tensor, pairs: Tensor, beta: float) -> Tensor:
    count = against.sum(1) * pairs
    hardness = (beta * s).masked_fill(~against, NEVER)
    log_weight = count.clamp(min=1).log()[:, None] + hardness - hardness.logsumexp(1, keepdim=True)
    negatives = (s + log_weight).masked_fill(~against, NEVER).logsumexp(1)
    speaks = count > 0
    each = torch.where(speaks, negatives - s.diagonal(), s.diagonal() * 0)
    return each.sum() / speaks.sum().clamp(min=1)

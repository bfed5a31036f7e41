"""Contrastive alignment that knows equal captions.

One-hot targets are wrong for report-like data: the 5,710 training images of QaTa-COV19 carry 153 distinct captions, so
a batch of 32 holds on average 4.2 other cases with the very caption of the anchor (docs/explanation/tmca.md).
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.losses.gather import gathered
from lexseg.losses.target import Target

Targets = Literal["caption", "one-hot", "soft"]

NEVER = -1e4
"""Stands for minus infinity, yet leaves gradients finite where a row selects nothing."""


def caption_targets(caption_id: Tensor) -> Tensor:
    """Rows that share their mass among equal captions.

    Args:
        caption_id: int[B].

    Returns:
        float[B, B]; row i is uniform over the j with the caption of i, and sums to 1 (INFERRED).
    """
    same = (caption_id[:, None] == caption_id[None, :]).float()
    return same / same.sum(1, keepdim=True)


def soft_targets(
    sentences: Tensor, use: Tensor | None = None, *, temperature: float = 0.07, identity: float = 0.2
) -> Tensor:
    """Targets from the sentences' own likeness, as C2Seg makes them (ICLR 2026).

    The cosine of two sentences, less its row's mean, clipped at zero, through a softmax, mixed with the identity.

    Args:
        sentences: float[B, D], sentence embeddings; no gradient flows into them.
        use: bool[B], those that count; others have no share in the targets of these. ``None`` is all.
        temperature: of the softmax.
        identity: the share of the identity in the mixture.

    Returns:
        float[B, B], rows sum to 1.
    """
    unit = F.normalize(sentences.detach().float(), dim=-1)
    cosine = unit @ unit.T
    there = torch.ones_like(unit[:, 0]) if use is None else use.float()
    mean = (cosine * there).sum(1, keepdim=True) / there.sum().clamp(min=1)
    likeness = ((cosine - mean).clamp(min=0) / temperature).masked_fill(there == 0, NEVER).softmax(1)
    return (1 - identity) * likeness + identity * torch.eye(len(unit), device=unit.device)


def equal_regions(target: Target, *, everywhere: bool = False) -> Tensor | None:
    """Which rows mean the same region of the same image, in whatever words: neither is a negative of the other.

    Args:
        target: the truth of B rows.
        everywhere: of the rows of all W devices.

    Returns:
        bool[B, B], or bool[W B, W B], false on the diagonal, for ``ignore`` of :func:`info_nce`; ``None`` where it is
        not known.
    """
    if target.region is None:
        return None
    region = gathered(target.region) if everywhere else target.region
    return (region[:, None] == region[None, :]) & ~torch.eye(len(region), dtype=torch.bool, device=region.device)


def info_nce(
    similarity: Tensor,
    targets: Tensor,
    temperature: Tensor | float,
    weight: Tensor | None = None,
    *,
    ignore: Tensor | None = None,
) -> Tensor:
    """Symmetric cross-entropy of a similarity matrix against soft targets.

    Args:
        similarity: float[B, B], image i against sentence j.
        targets: float[B, B], rows sum to 1.
        temperature: a positive scalar.
        weight: float[B], how much each case counts; ``None`` is one for all.
        ignore: bool[B, B], pairs that speak neither for nor against each other; none of the diagonal.

    Returns:
        0.5 * [CE(S, Y) + CE(S^T, Y^T)] with S = similarity / temperature and Y^T's rows brought to sum 1.

    Reference: Oord et al., 2018; Radford et al., CLIP, 2021 (both directions).
    """
    logits = similarity.float() / temperature
    if ignore is not None:
        logits, targets = logits.masked_fill(ignore, NEVER), targets.masked_fill(ignore, 0)
        targets = targets / targets.sum(1, keepdim=True).clamp(min=1e-8)
    columns = targets.T / targets.sum(0)[:, None].clamp(min=1e-8)
    if weight is None:
        return 0.5 * (F.cross_entropy(logits, targets) + F.cross_entropy(logits.T, columns))
    each = F.cross_entropy(logits, targets, reduction="none") + F.cross_entropy(logits.T, columns, reduction="none")
    return 0.5 * (each * weight).sum() / weight.sum().clamp(min=1e-6)

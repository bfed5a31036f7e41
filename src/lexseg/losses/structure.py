"""Cross-entropy and IoU that count the neighbourhood of the boundary more: the "structure loss" of polyp networks."""

import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.losses.rows import row_weight
from lexseg.losses.segmentation import (
    ABSENT_SMOOTH,
    ABSENT_WEIGHT,
    absent_factor,
    case_mean,
    cross_entropy_loss,
    smoothing,
)
from lexseg.losses.target import Target


def structure_losses(
    logits: Tensor, target: Target, *, kernel: int = 31, factor: float = 5.0, as_published: bool = False
) -> dict[str, Tensor]:
    """``bce``: boundary-weighted cross-entropy; ``iou``: one minus the weighted soft IoU.

    A pixel's weight is 1 + factor * |mean of y in a box around it - y|: 1 inside, more towards the boundary.

    Args:
        logits: float[B, 1, H, W].
        target: the truth; pixels outside ``valid`` count nowhere, cases count by ``weight``.
        kernel: side of the box in pixels, odd; 31 at 352 pixels as published.
        factor: 5 as published.
        as_published: leave the boundary out of the cross-entropy, as the released code does by mistake: it passes
            ``reduce='none'``, a deprecated switch that is read as "true", so that the loss is a mean before it meets
            the weights, and those cancel. The IoU keeps them. Absent targets count as others do; elsewhere they count
            as in :func:`lexseg.losses.segmentation.segmentation_losses`.

    Reference: Wei et al., F3Net, AAAI 2020; Fan et al., PraNet, MICCAI 2020; Zhao et al., M2SNet, arXiv 2303.10894.
    """
    if kernel % 2 == 0:
        raise ValueError(f"the boundary's box must have an odd side, not {kernel}")
    mask, probability = target.mask.float(), logits.float().sigmoid()
    known = mask if target.valid is None else mask * target.valid  # what is unknown must not colour its neighbours
    weight = 1 + factor * (F.avg_pool2d(known, kernel, 1, kernel // 2) - mask).abs()
    if target.valid is not None:
        weight = weight * target.valid
    rows, absent_weight = row_weight(target), 1.0 if as_published else ABSENT_WEIGHT
    if as_published:
        bce = cross_entropy_loss(logits, target, absent_weight=absent_weight)
    else:
        each = F.binary_cross_entropy_with_logits(logits.float(), mask, reduction="none")
        total = weight.sum((1, 2, 3)).clamp(min=torch.finfo(torch.float32).eps)
        each = (each * weight).sum((1, 2, 3)) / total * absent_factor(target, absent_weight)
        bce = case_mean(each, rows)
    overlap = (torch.minimum(probability, mask) * weight).sum((1, 2, 3))
    union = ((probability + mask) * weight).sum((1, 2, 3)) - overlap
    s = smoothing(target, 1.0, None if as_published else ABSENT_SMOOTH)
    return {"bce": bce, "iou": case_mean(1 - (overlap + s) / (union + s), rows)}

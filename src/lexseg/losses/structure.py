"""Cross-entropy and IoU that count the neighbourhood of the boundary more: the "structure loss" of polyp networks."""

import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.data.batch import Target
from lexseg.losses.segmentation import case_mean, cross_entropy_loss


def structure_losses(
    logits: Tensor, target: Target, *, kernel: int = 31, factor: float = 5.0, unweighted: bool = False
) -> dict[str, Tensor]:
    """``bce``: boundary-weighted cross-entropy; ``iou``: one minus the weighted soft IoU.

    A pixel's weight is 1 + factor * |mean of y in a box around it - y|: 1 inside, more towards the boundary.

    Args:
        logits: float[B, 1, H, W].
        target: the truth; pixels outside ``valid`` count nowhere, cases count by ``weight``.
        kernel: side of the box in pixels, odd; 31 at 352 pixels as published.
        factor: 5 as published.
        unweighted: leave the boundary out of the cross-entropy, as the released code does by mistake: it passes
            ``reduce='none'``, a deprecated switch that is read as "true", so that the loss is a mean before it meets
            the weights, and those cancel. The IoU keeps them.

    Reference: Wei et al., F3Net, AAAI 2020; Fan et al., PraNet, MICCAI 2020; Zhao et al., M2SNet, arXiv 2303.10894.
    """
    if kernel % 2 == 0:
        raise ValueError(f"the boundary's box must have an odd side, not {kernel}")
    mask, probability = target.mask.float(), logits.float().sigmoid()
    known = mask if target.valid is None else mask * target.valid  # what is unknown must not colour its neighbours
    weight = 1 + factor * (F.avg_pool2d(known, kernel, 1, kernel // 2) - mask).abs()
    if target.valid is not None:
        weight = weight * target.valid
    if unweighted:
        bce = cross_entropy_loss(logits, target)
    else:
        each = F.binary_cross_entropy_with_logits(logits.float(), mask, reduction="none")
        total = weight.sum((1, 2, 3)).clamp(min=torch.finfo(torch.float32).eps)
        bce = case_mean((each * weight).sum((1, 2, 3)) / total, target.weight)
    overlap = (probability * mask * weight).sum((1, 2, 3))
    union = ((probability + mask) * weight).sum((1, 2, 3)) - overlap
    return {"bce": bce, "iou": case_mean(1 - (overlap + 1) / (union + 1), target.weight)}

"""Soft Dice and cross-entropy on logits."""

import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.data.batch import Target


def soft_dice_loss(logits: Tensor, target: Target, *, smooth: float = 1.0) -> Tensor:
    """One minus the soft Dice of each image, averaged over the batch.

    On logits, never on probabilities of one channel: MONAI 1.0.1's ``DiceCELoss`` on those has a cross-entropy that is
    identically zero, which is how the LanGuideMedSeg family was trained. MONAI's
    ``DiceLoss`` knows neither pixels of unknown truth nor case weights, hence our own few lines (a test holds the two
    equal).

    Args:
        logits: float[B, 1, H, W].
        target: the truth; pixels outside ``valid`` count nowhere, cases count by ``weight``.
        smooth: added to numerator and denominator, so that an empty prediction of an empty mask costs nothing.

    Raises:
        ValueError: logits and mask differ in shape.

    Reference: Milletari et al., V-Net, 2016.
    """
    if logits.shape != target.mask.shape:  # it would be broadcast
        raise ValueError(
            f"logits {tuple(logits.shape)} and a mask {tuple(target.mask.shape)}; equal shapes were expected"
        )
    probability, mask = logits.float().sigmoid(), target.mask.float()
    if target.valid is not None:
        probability, mask = probability * target.valid, mask * target.valid
    overlap = (probability * mask).sum((1, 2, 3))
    total = probability.sum((1, 2, 3)) + mask.sum((1, 2, 3))
    return case_mean(1 - (2 * overlap + smooth) / (total + smooth), target.weight)


def cross_entropy_loss(logits: Tensor, target: Target) -> Tensor:
    """Binary cross-entropy with logits, averaged over the valid pixels of each image, then over the batch.

    Args:
        logits: float[B, 1, H, W].
        target: the truth; pixels outside ``valid`` count nowhere, cases count by ``weight``.
    """
    loss = F.binary_cross_entropy_with_logits(logits.float(), target.mask.float(), reduction="none")
    if target.valid is None:
        return case_mean(loss.mean((1, 2, 3)), target.weight)
    valid = target.valid.float()
    return case_mean((loss * valid).sum((1, 2, 3)) / valid.sum((1, 2, 3)).clamp(min=1), target.weight)


def segmentation_losses(logits: Tensor, target: Target) -> dict[str, Tensor]:
    """Soft Dice and binary cross-entropy: the two terms every model is trained with, as ``dice`` and ``bce``."""
    return {"dice": soft_dice_loss(logits, target), "bce": cross_entropy_loss(logits, target)}


def case_mean(value: Tensor, weight: Tensor | None) -> Tensor:
    """Mean of float[B] over the cases, each counting by ``weight``."""
    if weight is None:
        return value.mean()
    return (value * weight).sum() / weight.sum().clamp(min=torch.finfo(value.dtype).eps)

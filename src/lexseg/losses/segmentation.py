"""Soft Dice and cross-entropy on logits."""

import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.losses.rows import absent_rows, known_pixels, row_weight
from lexseg.losses.target import Target

ABSENT_WEIGHT = 4.0
"""How much more the cross-entropy of an absent target counts."""
ABSENT_SMOOTH = 0.003
"""What Dice is smoothed by where the target is absent, as a share of the image: about its smallest lesions."""


def soft_dice_loss(
    logits: Tensor, target: Target, *, smooth: float = 1.0, absent_smooth: float | None = ABSENT_SMOOTH
) -> Tensor:
    """One minus the soft Dice of each image, averaged over the batch.

        1 - (2 sum min(p, t) + s) / (sum p + sum t + s)

    With t of 0 and 1, min(p, t) is V-Net's product; with shares in between, the product is not largest at p = t, and
    the minimum is: 2 min(p, t) = p + t - |p - t| (Wang et al., Dice Semimetric Losses, MICCAI 2023).

    On logits, never on probabilities of one channel: MONAI 1.0.1's ``DiceCELoss`` on those has a cross-entropy that is
    identically zero, which is how the LanGuideMedSeg family was trained. MONAI's
    ``DiceLoss`` knows neither pixels of unknown truth nor case weights, hence our own few lines (a test holds the two
    equal).

    Args:
        logits: float[B, 1, H, W].
        target: the truth; pixels outside ``valid`` count nowhere, cases count by ``weight``, and rows of which nothing
            is known count nowhere (:func:`lexseg.losses.rows.row_weight`).
        smooth: added to numerator and denominator, so that an empty prediction of an empty mask costs nothing.
        absent_smooth: the same where the target is absent, as a share of the known pixels: with s = 1 a few painted
            pixels cost all, and the gradient of more is next to none (Tilborghs et al., 2022, on this epsilon).
            ``None`` is ``smooth`` there, too.

    Raises:
        ValueError: logits and mask differ in shape.

    Reference: Milletari et al., V-Net, 2016.
    """
    check_shapes(logits, target)
    probability, mask = logits.float().sigmoid(), target.mask.float()
    if target.valid is not None:
        probability, mask = probability * target.valid, mask * target.valid
    overlap = torch.minimum(probability, mask).sum((1, 2, 3))
    total = probability.sum((1, 2, 3)) + mask.sum((1, 2, 3))
    s = smoothing(target, smooth, absent_smooth)
    return case_mean(1 - (2 * overlap + s) / (total + s), row_weight(target))


def cross_entropy_loss(logits: Tensor, target: Target, *, absent_weight: float = ABSENT_WEIGHT) -> Tensor:
    """Binary cross-entropy with logits, averaged over the valid pixels of each image, then over the batch.

    Args:
        logits: float[B, 1, H, W].
        target: as in :func:`soft_dice_loss`.
        absent_weight: what the loss of a row is multiplied by whose target is absent. A missed target costs Dice
            besides, where a painted one that is not there costs this.
    """
    loss = F.binary_cross_entropy_with_logits(logits.float(), target.mask.float(), reduction="none")
    if target.valid is not None:
        loss = loss * target.valid
    each = loss.sum((1, 2, 3)) / known_pixels(target).clamp(min=1)
    return case_mean(each * absent_factor(target, absent_weight), row_weight(target))


def segmentation_losses(
    logits: Tensor, target: Target, *, absent_weight: float = ABSENT_WEIGHT, as_published: bool = False
) -> dict[str, Tensor]:
    """Soft Dice and binary cross-entropy: the two terms every model is trained with, as ``dice`` and ``bce``.

    Args:
        logits: float[B, 1, H, W].
        target: as in :func:`soft_dice_loss`.
        absent_weight: of :func:`cross_entropy_loss`.
        as_published: absent targets count as any others, by which painting them costs next to nothing.
    """
    smooth, weight = (None, 1.0) if as_published else (ABSENT_SMOOTH, absent_weight)
    return {
        "dice": soft_dice_loss(logits, target, absent_smooth=smooth),
        "bce": cross_entropy_loss(logits, target, absent_weight=weight),
    }


def smoothing(target: Target, smooth: float, absent_smooth: float | None) -> Tensor:
    """float[B], what each row's Dice is smoothed by; see :func:`soft_dice_loss`."""
    pixels = known_pixels(target)
    if absent_smooth is None:
        return torch.full_like(pixels, smooth)
    return torch.where(absent_rows(target), (absent_smooth * pixels).clamp(min=smooth), smooth)


def absent_factor(target: Target, absent_weight: float) -> Tensor:
    """float[B]: ``absent_weight`` where the target is absent, else one."""
    return 1 + (absent_weight - 1) * absent_rows(target).float()


def check_shapes(logits: Tensor, target: Target) -> None:
    """Refuse what would be broadcast."""
    if logits.shape != target.mask.shape:
        raise ValueError(
            f"logits {tuple(logits.shape)} and a mask {tuple(target.mask.shape)}; equal shapes were expected"
        )


def case_mean(value: Tensor, weight: Tensor | None) -> Tensor:
    """Mean of float[B] over the cases, each counting by ``weight``."""
    if weight is None:
        return value.mean()
    return (value * weight).sum() / weight.sum().clamp(min=torch.finfo(value.dtype).eps)


def dice_and_entropy(logits: Tensor, target: Target) -> Tensor:
    """Half of Dice loss and cross-entropy, as one number (DEC-Seg's loss of each of its answers)."""
    terms = segmentation_losses(logits, target)
    return 0.5 * (terms["dice"] + terms["bce"])

"""Losses as peers' released code computes them, faults included: only to show what a fault costs (`as_published`)."""

import torch
from torch import Tensor

from lexseg.losses.segmentation import segmentation_losses
from lexseg.losses.target import Target


def one_channel_cross_entropy(logits: Tensor, target: Target) -> Tensor:
    """Softmax cross-entropy over one channel, which is zero with zero gradient, whatever the logits.

    The softmax of a single channel is 1 and its logarithm 0. This is what MONAI's ``DiceCELoss`` computed in the
    releases (1.0, 1.1) that several published codes pin; what is left of their loss is Dice.

    Args:
        logits: float[B, 1, H, W].
        target: the truth.
    """
    return -(target.mask.float() * torch.log_softmax(logits.float(), 1)).mean()


def transfer_study_losses(
    logits: Tensor, target: Target, cross_entropy_weight: float, *, as_published: bool = False
) -> dict[str, Tensor]:
    """What the vision-language transfer study (Poudel et al., MIDL 2024) fine-tunes CLIPSeg and CRIS with.

    Args:
        logits: float[B, 1, H, W].
        target: the truth.
        cross_entropy_weight: of ``bce``, beside a Dice of weight 1.
        as_published: as its code computes them, the cross-entropy by :func:`one_channel_cross_entropy`.

    Returns:
        ``dice`` and ``bce``.
    """
    losses = segmentation_losses(logits, target, as_published=as_published)
    if as_published:
        losses["bce"] = one_channel_cross_entropy(logits, target)
    return losses | {"bce": cross_entropy_weight * losses["bce"]}

"""Losses as peers' released code computes them, faults included: only to show what a fault costs (`as_published`)."""

import torch
from torch import Tensor

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

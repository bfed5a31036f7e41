"""nnU-Net's loss: Dice over the whole batch and cross-entropy, at several sizes at once.

Reference: Isensee et al., nnU-Net, Nature Methods 2021; written from its description.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.losses.rows import absent_rows, row_weight, shown_rows
from lexseg.losses.segmentation import cross_entropy_loss, soft_dice_loss
from lexseg.losses.target import Target


def batch_dice_loss(logits: Tensor, target: Target, *, smooth: float = 1.0) -> Tensor:
    """One minus the soft Dice of all images as if they were one, which empty and tiny masks do not shake.

    Args:
        logits: float[B, 1, H, W].
        target: the truth; pixels outside ``valid`` count nowhere, cases' pixels count by ``weight``.
        smooth: added to numerator and denominator.
    """
    counted = torch.ones_like(logits) if target.valid is None else target.valid.float()
    counted = counted * row_weight(target).view(-1, 1, 1, 1)
    probability, mask = logits.float().sigmoid(), target.mask.float()
    overlap = (torch.minimum(probability, mask) * counted).sum()
    total = ((probability + mask) * counted).sum()
    return 1 - (2 * overlap + smooth) / (total + smooth)


def at_size(target: Target, size: tuple[int, int]) -> Target:
    """The truth at a smaller size, by nearest neighbour. A target too small for it is not taken for an absent one."""

    def nearest(x: Tensor) -> Tensor:
        return F.interpolate(x, size=size, mode="nearest-exact")

    if tuple(target.mask.shape[-2:]) == size:
        return target
    valid = None if target.valid is None else nearest(target.valid.float()) > 0
    present = torch.full_like(target.mask[:, 0, 0, 0], torch.nan, dtype=torch.float32)
    present = present.masked_fill(shown_rows(target), 1).masked_fill(absent_rows(target), 0)
    return replace(target, mask=nearest(target.mask), valid=valid, others=None, present=present)


def deep_supervision_losses(logits: Sequence[Tensor], target: Target, *, batch_dice: bool = True) -> dict[str, Tensor]:
    """``dice`` and ``bce``, each a weighted mean over the sizes: every size counts half of the one before.

    Args:
        logits: float[B, 1, h, w] from the largest to the smallest.
        target: the truth, at the size of the largest.
        batch_dice: Dice of the batch (nnU-Net in 2D) instead of the mean of the images'.
    """
    dice = batch_dice_loss if batch_dice else soft_dice_loss
    shares = [0.5**i for i in range(len(logits))]
    total = {"dice": logits[0].new_zeros((), dtype=torch.float32), "bce": logits[0].new_zeros((), dtype=torch.float32)}
    for share, x in zip(shares, logits, strict=True):
        truth = at_size(target, (x.shape[-2], x.shape[-1]))
        total["dice"] = total["dice"] + share / sum(shares) * dice(x, truth)
        total["bce"] = total["bce"] + share / sum(shares) * cross_entropy_loss(x, truth)
    return total

"""LViT's segmentation losses, which RecLMIS shares in part: a Dice of squares, and a cross-entropy of equal classes.

Reference: Li et al., LViT, TMI 2023 (arXiv 2206.14718), and its released code.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.data.batch import Target
from lexseg.losses.segmentation import case_mean


def squared_dice_loss(logits: Tensor, target: Target, *, smooth: float = 1.0) -> Tensor:
    """One minus each image's Dice with squares in the denominator, averaged over the batch.

        1 - (2 sum p t + s) / (sum p^2 + sum t^2 + s)

    Args:
        logits: float[B, 1, H, W].
        target: the truth; pixels outside ``valid`` count nowhere, cases count by ``weight``.
        smooth: s; 1e-5 in the released code, where an empty mask therefore costs 1 whatever small p is, and teaches
            nothing.
    """
    probability, mask = logits.float().sigmoid(), target.mask.float()
    if target.valid is not None:
        probability, mask = probability * target.valid, mask * target.valid
    overlap = (probability * mask).sum((1, 2, 3))
    total = probability.square().sum((1, 2, 3)) + mask.square().sum((1, 2, 3))
    return case_mean(1 - (2 * overlap + smooth) / (total + smooth), target.weight)


def balanced_cross_entropy_loss(logits: Tensor, target: Target) -> Tensor:
    """Half the mean over the batch's target pixels, half that over its background: both count the same.

    A batch without one of the two has a zero there.

    Args:
        logits: float[B, 1, H, W].
        target: the truth; pixels outside ``valid`` count nowhere, cases count by ``weight``.
    """
    mask = target.mask.float()
    loss = F.binary_cross_entropy_with_logits(logits.float(), mask, reduction="none")
    count = torch.ones_like(loss) if target.valid is None else target.valid.float()
    if target.weight is not None:
        count = count * target.weight.float()[:, None, None, None]
    halves = [(loss * count * side).sum() / (count * side).sum().clamp(min=1e-6) for side in (mask, 1 - mask)]
    return 0.5 * (halves[0] + halves[1])

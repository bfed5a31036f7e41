"""LViT's segmentation losses, which RecLMIS shares in part: a Dice of squares, and a cross-entropy of equal classes.

Reference: Li et al., LViT, TMI 2023 (arXiv 2206.14718), and its released code.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.losses.rows import absent_rows, row_weight
from lexseg.losses.segmentation import ABSENT_SMOOTH, case_mean, smoothing
from lexseg.losses.target import Target


def squared_dice_loss(
    logits: Tensor, target: Target, *, smooth: float = 1.0, absent_smooth: float | None = ABSENT_SMOOTH
) -> Tensor:
    """One minus each image's Dice with squares in the denominator, averaged over the batch.

        1 - (2 sum p t + s) / (sum p^2 + sum t^2 + s)

    Args:
        logits: float[B, 1, H, W].
        target: the truth; pixels outside ``valid`` count nowhere, cases count by ``weight``.
        smooth: s; 1e-5 in the released code, where an empty mask therefore costs 1 whatever small p is, and teaches
            nothing.
        absent_smooth: s where the target is absent, as in :func:`lexseg.losses.segmentation.soft_dice_loss`.
    """
    probability, mask = logits.float().sigmoid(), target.mask.float()
    if target.valid is not None:
        probability, mask = probability * target.valid, mask * target.valid
    overlap = (probability * mask).sum((1, 2, 3))
    total = probability.square().sum((1, 2, 3)) + mask.square().sum((1, 2, 3))
    s = smoothing(target, smooth, absent_smooth)
    return case_mean(1 - (2 * overlap + s) / (total + s), row_weight(target))


def balanced_cross_entropy_loss(logits: Tensor, target: Target, *, as_published: bool = False) -> Tensor:
    """Half the mean over the batch's target pixels, half that over its background: both count the same.

    A batch without one of the two has a zero there. What is painted (p >= 0.5) of a target that is absent counts among
    the target pixels, since among the background's it would hardly count.

    Args:
        logits: float[B, 1, H, W].
        target: the truth; pixels outside ``valid`` count nowhere, cases count by ``weight``.
        as_published: what is painted of an absent target counts among the background.
    """
    mask = target.mask.float()
    loss = F.binary_cross_entropy_with_logits(logits.float(), mask, reduction="none")
    count = torch.ones_like(loss) if target.valid is None else target.valid.float()
    count = count * row_weight(target)[:, None, None, None]
    wanted = mask
    if not as_published:
        wanted = mask + (absent_rows(target)[:, None, None, None] & (logits.detach() >= 0))
    halves = [(loss * count * side).sum() / (count * side).sum().clamp(min=1e-6) for side in (wanted, 1 - wanted)]
    return 0.5 * (halves[0] + halves[1])

"""Cross-entropy of "what the words name is in this image"."""

import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.losses.rows import weighted
from lexseg.losses.target import Target


def presence_loss(logits: Tensor, target: Target) -> Tensor:
    """Binary cross-entropy; cases of which it is not known (``target.present`` is NaN) say nothing.

    Args:
        logits: float[B].
        target: the truth; without ``present``, what the mask shows. Cases count by ``weight``.
    """
    present = (target.mask.flatten(1).amax(1) > 0).float() if target.present is None else target.present
    known = present.isfinite()
    weight = weighted(known, target)
    loss = F.binary_cross_entropy_with_logits(logits.float(), present.float().nan_to_num(), reduction="none")
    return (loss * weight).sum() / weight.sum().clamp(min=torch.finfo(torch.float32).eps)

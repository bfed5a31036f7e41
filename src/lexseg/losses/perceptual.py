"""The distance of two masks in the eyes of a frozen network: M2SNet's "LossNet", which is not trained."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.losses.rows import row_weight
from lexseg.losses.segmentation import case_mean
from lexseg.losses.target import Target

EPS = torch.finfo(torch.float32).eps


def perceptual_mask_loss(
    logits: Tensor, target: Target, features: Callable[[Tensor], Sequence[Tensor]], *, size: int | None = 224
) -> Tensor:
    """Mean squared differences between the features of the predicted and the true mask, summed over the stages.

    Each stage's is divided by the mean square of the true masks' features (OURS). The published loss takes VGG-16's as
    they are; the maps of another network are of another scale: those of Lite0 would make it outweigh all else a
    hundred times.

    Args:
        logits: float[B, 1, H, W].
        target: the truth; pixels outside ``valid`` are black in both masks, cases count by ``weight``.
        features: stages of a frozen network for float[B, 3, h, w] in 0..1, normalising included.
        size: side in pixels that masks are resized to (bilinear); 224 as published, ``None`` keeps theirs.

    Reference: Zhao et al., M2SNet, arXiv 2303.10894 (VGG-16, four stages; the form FOUND in the released code).
    """
    pair = torch.stack([logits.float().sigmoid(), target.mask.float()])  # 2, B, 1, H, W
    if target.valid is not None:
        pair = pair * target.valid
    if size is not None and tuple(pair.shape[-2:]) != (size, size):
        flat = F.interpolate(pair.flatten(0, 1), size=(size, size), mode="bilinear", align_corners=False)
        pair = flat.unflatten(0, pair.shape[:2])
    pair = pair.expand(-1, -1, 3, -1, -1)
    predicted = features(pair[0])
    with torch.no_grad():
        true = features(pair[1])
    rows = row_weight(target)
    each = [
        _squares(p.float() - t.float()) / case_mean(_squares(t.float()), rows).clamp(min=EPS)
        for p, t in zip(predicted, true, strict=True)
    ]
    return case_mean(torch.stack(each).sum(0), rows)


def _squares(maps: Tensor) -> Tensor:
    return maps.square().mean((1, 2, 3))

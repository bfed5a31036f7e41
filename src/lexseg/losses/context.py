"""What surrounds a target, for a loss that asks words to be nearer to the target than to that (OURS)."""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.losses.pooling import Size, pyramid
from lexseg.losses.region_words import EPS

REACH = 0.12
"""How far the surroundings reach, as a share of the image's longer side."""

OWN = 0.1
"""The share of a cell that the target may cover for it to be context still."""


def context_rings(
    mask: Tensor, sizes: Iterable[Size], *, valid: Tensor | None = None, reach: float = REACH
) -> dict[Size, Tensor]:
    """The surroundings' share of each cell, of those that hold next to nothing of the target.

        ring = dilate(M) - M, of cells of 4x4 pixels;  context_l = mean_l ring where mean_l M < 0.1, else 0

    It reaches equally far in pixels at every level: three cells of stride 32 would be the whole image. On 300 masks of
    QaTa at 160 px the context of stride 32 touches 44 % of the cells, and 2 % of what it weighs is target. Where
    nothing is left, the context is all that is not the target; where the target fills the image, zero.

    Args:
        mask: float[B, 1, H, W] in 0..1.
        sizes: (h, w) of the levels.
        valid: bool[B, 1, H, W]; what is not known is no context.
        reach: how far the target is dilated, as a share of the longer side.

    Returns:
        float[B, 1, h, w] by size.
    """
    quarter = (max(1, mask.shape[-2] // 4), max(1, mask.shape[-1] // 4))
    shares = pyramid(mask.float(), [quarter, *sizes])
    known = {} if valid is None else pyramid(valid.float(), shares)
    cells = max(1, round(reach * max(quarter)))
    near = F.max_pool2d(shares[quarter], (2 * cells + 1, 1), stride=1, padding=(cells, 0))
    near = F.max_pool2d(near, (1, 2 * cells + 1), stride=1, padding=(0, cells))
    ring = near - shares[quarter]
    rings = pyramid(ring if valid is None else ring * known[quarter], [quarter, *sizes])
    found = {}
    for size in sizes:
        context = rings[size] * (shares[size] < OWN)
        rest = ((1.0 if valid is None else known[size]) - shares[size]).clamp(min=0)
        found[size] = torch.where(context.sum((1, 2, 3), keepdim=True) < EPS, rest, context)
    return found

"""Taking in what the network was less sure of, and leaving out what it was least sure of."""

import numpy as np
from numpy.typing import NDArray

from lexseg.interaction.operations import Amount
from lexseg.interaction.state import FARTHEST, Evidence

STEPS: dict[Amount, float] = {"slight": 0.08, "usual": 0.2, "fair": 0.4, "much": 0.75, "vast": 2.0}
"""By how much the area grows, as a share of what there is; it shrinks so that the opposite step leads back."""
_TINY = np.float32(1e-5)


def shifted(evidence: Evidence, weight: NDArray[np.float32], pixels: int, *, more: bool) -> Evidence:
    """Evidence moved by as much as lets so many pixels cross the threshold, by their order.

    A pixel of weight w is moved by w times as much as one of weight 1, and crosses first where it lies nearest: pixels
    of equal rank cross together.

    Args:
        evidence: float32[H, W].
        weight: float32[H, W] in 0..1; pixels of weight 0 stay.
        pixels: how many are to cross, at least 1; fewer where there are fewer.
        more: into the mask, or out of it.

    Returns:
        float32[H, W]; the evidence itself where none can cross.
    """
    able = (weight > 0) & ((evidence < 0) if more else (evidence >= 0))
    needed = np.abs(evidence[able]) / weight[able]
    if not needed.size:
        return evidence
    at = min(max(pixels, 1), needed.size) - 1
    by = np.float32(np.partition(needed, at)[at]) + _TINY
    moved = evidence + (by if more else -by) * weight
    return np.asarray(np.clip(moved, -4 * FARTHEST, 4 * FARTHEST), np.float32)


def crossing(area: int, amount: Amount, *, more: bool) -> int:
    """How many pixels a step takes in, or leaves out, of a mask or a part of it with this area in pixels."""
    share = STEPS[amount]
    return max(1, round(area * (share if more else share / (1 + share))))

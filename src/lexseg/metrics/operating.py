"""Where to say "no": thresholds that lose no more than a given share of what is there, and classes of lesion size.

A threshold is a choice between two faults: a target that is there and denied, and one that is not there and found. What
is named here, by percent, is how many of the targets may be denied.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

SIZES: Mapping[str, tuple[float, float]] = {
    "below 0.5 %": (0.0, 0.005),
    "0.5 to 2 %": (0.005, 0.02),
    "2 to 10 %": (0.02, 0.10),
    "10 % and more": (0.10, np.inf),
}
"""Classes of lesion size: share of the image that the target covers, from the first number to below the second."""


def operating_threshold(score: ArrayLike, truth: ArrayLike, lost: float) -> float:
    """The highest threshold that denies at most a share of what is there: no other denies more of what is not.

    Args:
        score: float[N], the higher the surer, on any scale; at or above the threshold it says "there".
        truth: bool[N], of which some are true.
        lost: 0 to below 1, the share of the true samples that may fall below the threshold.

    Returns:
        half-way between the lowest score that must pass and the next one below it; where there is none below, as far
        below as the scores are wide.

    Raises:
        ValueError: the scores are not finite or of another number than the truths, none is true, or ``lost`` is no
            share.
    """
    values, true = np.asarray(score, dtype=np.float64), np.asarray(truth, dtype=np.bool_)
    if values.ndim != 1 or values.shape != true.shape or not np.isfinite(values).all():
        raise ValueError("scores and truths must be finite lists of equal length")
    if not 0 <= lost < 1 or not true.any():
        raise ValueError("a share of 0 to below 1, and at least one true sample, were expected")
    there = np.sort(values[true])
    least = there[int(np.floor(lost * there.size + 1e-9))]
    below = values[values < least]
    return float((least + below.max()) / 2 if below.size else least - (np.ptp(values) or 1.0))


def size_class(share: float) -> str:
    """Which of `SIZES` a target is of.

    Args:
        share: of the image that it covers, above 0 and up to 1.
    """
    return next(name for name, (least, most) in SIZES.items() if least <= share < most)

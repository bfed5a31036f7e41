"""Films made of the halves of two: lungs that are healthy beside ones that are not, in one scanner's grey values.

Unilateral films are few, so a model meets few healthy lungs beside ill ones, and where all healthy films come from
another source than the ill ones it learns the source. A film of two films' healthy halves is a healthy film of the ill
films' source. Both halves are brought to the same grey values at the seam, and every combination of healthy and ill
should be made, so that a seam tells nothing.
"""

import numpy as np
from numpy.typing import NDArray

from lexseg.scans.open import Bool

SEAM = 0.08  # of the width, over which one half fades into the other
STRIP = 0.1  # of the width, on either side of the midline: what grey values are matched on
Gray = NDArray[np.float32]


def side_of(mask: Bool, *, doubt: float = 0.02) -> str:
    """Where a mask lies: left or right of the picture, both, none; ``doubt`` where it is near the midline.

    Args:
        mask: bool[H, W].
        doubt: share of the width on either side of the midline in which a one-sided mask may have no pixel.
    """
    width = mask.shape[1]
    middle, near = width // 2, max(1, round(doubt * width))
    left, right = bool(mask[:, : middle - near].any()), bool(mask[:, middle + near :].any())
    if left and right:
        return "both"
    if not mask.any():
        return "none"
    return "doubt" if mask[:, middle - near : middle + near].any() else "left" if left else "right"


def join_halves(left: Gray, right: Gray) -> Gray:
    """The left half of one film and the right half of another.

    Args:
        left: float32[H, W] in 0..1.
        right: the same, of equal size; it is brought to the first's grey values, by mean and deviation of a strip about
            the midline.

    Returns:
        float32[H, W] in 0..1.

    Raises:
        ValueError: the sizes differ.
    """
    if left.shape != right.shape or left.ndim != 2:
        raise ValueError(f"halves of films of {left.shape} and {right.shape}; two gray films of one size were expected")
    width = left.shape[1]
    middle, reach = width / 2, round(STRIP * width)
    strip = slice(width // 2 - reach, width // 2 + reach)
    one, two = left[:, strip], right[:, strip]
    scale = float(np.clip(one.std() / max(float(two.std()), 1e-3), 0.6, 1.6))
    matched = (right - two.mean()) * scale + one.mean()
    share = np.clip((np.arange(width) + 0.5 - middle) / (SEAM * width) + 0.5, 0, 1)
    fade = (share * share * (3 - 2 * share)).astype(np.float32)
    return np.asarray((left * (1 - fade) + matched * fade).clip(0, 1), np.float32)


def join_masks(left: Bool, right: Bool) -> Bool:
    """The masks of such a film: bool[H, W] each, divided at the midline."""
    middle = left.shape[1] // 2
    return np.concatenate([left[:, :middle], right[:, middle:]], axis=1)

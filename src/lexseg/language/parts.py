"""The six parts of a picture that a caption speaks of: left and right half, by upper, middle and lower third."""

from functools import cache
from typing import get_args

from lexseg.language.sides import Height, Side, places

HEIGHTS: tuple[Height, ...] = tuple(height for height in get_args(Height) if height)
SIDES: tuple[Side, ...] = tuple(side for side in get_args(Side) if side)
Parts = tuple[tuple[bool, ...], ...]
"""By height from above, then by side of the picture from its left."""


@cache
def named_parts(text: str) -> Parts | None:
    """Which of the six parts a caption names, in the picture's own sides; ``None`` where it names no place.

    "All left lung and lower right lung" names the three on the left and the lowest on the right. A height without a
    side is meant on both.
    """
    found = places(text)
    if not found:
        return None
    return tuple(
        tuple(any(s in ("", side) and h in ("", height) for s, h in found) for side in SIDES) for height in HEIGHTS
    )

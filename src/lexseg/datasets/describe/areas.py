"""The areas of a mask that are spoken of."""

import numpy as np

from lexseg.datasets.refer.attributes import Referent, measure
from lexseg.datasets.refer.targets import components
from lexseg.scans.open import Bool

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def areas_of(mask: Bool, *, min_area: float) -> list[Referent]:
    """The connected areas of a mask; touching corners connect.

    Args:
        mask: bool[H, W].
        min_area: share of the image below which an area is taken for a stray; a mask of strays alone keeps them all.

    Raises:
        DataError: if the mask falls into more areas than can be told apart.
    """
    # no area needs its brightness, which is asked only of those that are large enough: of none
    found = measure(components(mask), np.zeros(mask.shape, np.float32), min_area=1.0)
    return [area for area in found if area.area >= min_area * mask.size] or found


def number_word(number: int) -> str:
    """``three``; ``many`` above ten."""
    return NUMBERS[number] if number < len(NUMBERS) else "many"

"""What the values of masks mean: decided once for a data set, as no file alone can tell."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lexseg.errors import DataError
from lexseg.scans.masks import read_values

MOST = 32
"""Values that a mask of labels holds at most; one of more is a smoothed edge or an image, and told of elsewhere."""

Values = Mapping[Path, frozenset[int]]


def values_of(paths: Iterable[Path]) -> dict[Path, frozenset[int]]:
    """The values of each mask; without those that cannot be read, or hold fractions or too many values."""
    found = {}
    for path in dict.fromkeys(paths):
        try:
            values = np.unique(read_values(path))
        except DataError:  # whoever reads the mask for itself tells of it
            continue
        if len(values) <= MOST and bool(np.all(values == np.rint(values))):
            # near white is white: JPEG, and some tools, write 254
            found[path] = frozenset(255 if 250 <= value <= 255 else int(value) for value in values)
    return found


def table(values: Values) -> str:
    """``0 (in 8 masks), 1 (in 4), 2 (in 4)``."""
    counts = Counter(value for each in values.values() for value in each)
    listed = [f"{value} (in {count})" for value, count in sorted(counts.items())[:12]]
    if listed:
        listed[0] = listed[0].replace(")", " masks)" if counts[min(counts)] != 1 else " mask)")
    return ", ".join(listed) + (", ..." if len(counts) > 12 else "")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What masks of two values mean together.

    Attributes:
        label: the value that must be named for every file to be read alike; ``None`` where none need be.
        open: what cannot be decided; empty where nothing is open.
    """

    label: int | None = None
    open: str = ""


def meaning(values: Values) -> Meaning:
    """What the masks of a data set mean together, each of which has one or two values.

    File by file the larger value is foreground (`lexseg.scans.masks.read_mask`). That is right for the set if all files
    hold the same two values and the lesser is 0. It is wrong where 1 is foreground in one file and 2 in another, and
    where 1 is background: a mask of 1 alone would be all foreground.

    Args:
        values: of each mask; those of more than two are passed over.
    """
    few = {path: each for path, each in values.items() if len(each) <= 2}
    found = sorted({value for each in few.values() for value in each})
    if len(found) > 2:
        return Meaning(open=f"the masks do not hold the same two values: {table(few)}")
    if len(found) < 2 or found[0] == 0 or all(len(each) == 2 for each in few.values()):
        return Meaning()
    if any(len(each) == 2 for each in few.values()):
        return Meaning(found[1])
    return Meaning(open=f"each mask holds one value alone, and none is 0: {table(few)}")

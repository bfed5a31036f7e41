"""Where the pictures lie of which one image is put together, so that each can be looked at by itself (OURS).

An image is cut in two where :func:`lexseg.models.place.parting` says so, and each part again. Needed only where
:func:`lexseg.models.place.has_panels` says that there are several; imports no torch.
"""

import numpy as np
from numpy.typing import NDArray

from lexseg.models.place import Parting, parting

Box = tuple[slice, slice]
_DEEPEST = 4  # cuts within cuts: sixteen pictures
_SMALLEST = 8  # the whole image is at most so many times as wide or high as one of its pictures
_ALIKE = 0.03  # of the grey range: how far pixels of one shade lie apart in a JPEG


def boxes(image: NDArray[np.float32]) -> list[Box]:
    """The rows and columns of each picture of an image, line by line from the upper left; one where it is one.

    Args:
        image: float32[H, W] or [H, W, 3] in 0..1.
    """
    grey = image if image.ndim == 2 else image.mean(2)
    found = _cut(grey, slice(0, grey.shape[0]), slice(0, grey.shape[1]), _DEEPEST)
    # pictures of one line do not begin at quite the same height
    return sorted(found, key=lambda box: (int(box[0].start / (grey.shape[0] / 8) + 0.5), box[1].start))


def _cut(grey: NDArray[np.float32], rows: slice, columns: slice, deepest: int) -> list[Box]:
    here = np.ascontiguousarray(grey[rows, columns])
    between = parting(here) if deepest else None
    parts = () if between is None else _parts(here, between)
    if between is None or any(_SMALLEST * (stop - start) < grey.shape[between.axis] for start, stop in parts):
        return [(rows, columns)]
    both: list[Box] = []
    for start, stop in parts:
        if between.axis:
            both += _cut(grey, rows, slice(columns.start + start, columns.start + stop), deepest - 1)
        else:
            both += _cut(grey, slice(rows.start + start, rows.start + stop), columns, deepest - 1)
    return both


def _parts(grey: NDArray[np.float32], between: Parting) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where the two parts begin and end."""
    lines = grey if between.axis == 0 else grey.T
    before, after = between.before, between.after
    return (
        (0, before + _kept(lines, before, after - before)),
        (after - _kept(lines[::-1], len(lines) - after, after - before), len(lines)),
    )


def _kept(lines: NDArray[np.float32], length: int, gap: int) -> int:
    """How many lines of a gap belong to the part before it: of its margin's shade, and no more than the margin has.

    So the black around a slice of MR stays alike on both sides.

    Args:
        lines: of which the first are the part.
        length: of the part.
        gap: how many lines lie between it and the other part.
    """
    drawn = lines[:length].max(1) - lines[:length].min(1) > _ALIKE
    margin = min(int(drawn.argmax()), gap // 2)
    if not margin:
        return 0
    other = np.abs(lines[length : length + margin] - lines[0].min()).max(1) > _ALIKE
    return int(other.argmax()) if other.any() else margin

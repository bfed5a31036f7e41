"""Masks as JSON writes them: COCO run lengths and polygons.

Run lengths count pixels down the columns, first background, then foreground, and so on; they stand in a list or, more
tightly, in a string. Polygons are x, y, x, y, ... in pixels, the corner of the image being 0, 0; a pixel belongs to a
polygon if its centre does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexseg.errors import DataError
from lexseg.scans.limits import MAX_PIXELS

Bool = NDArray[np.bool_]
Size = tuple[int, int]


def segment_mask(segment: Any, size: Size) -> Bool:
    """The mask of what COCO calls a segmentation.

    Args:
        segment: ``{"size": [height, width], "counts": ...}``, a list of run lengths of the whole image, one polygon, or
            a list of polygons (their union).
        size: height and width of the image.

    Returns:
        bool[H, W].

    Raises:
        DataError: if it is none of these, or of another size.
    """
    if isinstance(segment, Mapping):
        stated = segment.get("size")
        if stated is not None and not _is_size(stated):
            raise DataError(f"the mask's size is {stated!r}; expected [height, width]")
        if stated is not None and (int(stated[0]), int(stated[1])) != size:
            raise DataError(f"the mask is {stated[0]} x {stated[1]} pixels, but the image is {size[0]} x {size[1]}")
        if "counts" not in segment:
            raise DataError("the mask has no 'counts'")
        return decode_rle(segment["counts"], size)
    if isinstance(segment, str):
        return decode_rle(segment, size)
    if not isinstance(segment, Sequence) or not segment:
        raise DataError("the mask is neither run lengths ({'size': ..., 'counts': ...}) nor a list of polygons")
    if _is_number(segment[0]) or (_is_point(segment[0]) and all(map(_is_point, segment))):
        return draw_polygon(segment, size)
    mask = np.zeros(size, dtype=np.bool_)
    for polygon in segment:
        mask |= draw_polygon(polygon, size)
    return mask


def decode_rle(counts: Any, size: Size) -> Bool:
    """Run lengths, in a list or as COCO's string.

    Args:
        counts: the run lengths; together as many as the image has pixels.
        size: height and width.

    Returns:
        bool[H, W].

    Raises:
        DataError: they are no run lengths of an image of this size, or it has more than `MAX_PIXELS`.
    """
    if size[0] * size[1] > MAX_PIXELS:
        raise DataError(f"a mask of {size[0]} x {size[1]} pixels; at most {MAX_PIXELS // 1_000_000} million are read")
    if isinstance(counts, (str, bytes)):
        lengths = _decode_string(counts.encode() if isinstance(counts, str) else counts)
    else:
        lengths = counts if isinstance(counts, list) else []
        if not lengths or not all(isinstance(each, int) for each in lengths):
            raise DataError("the run lengths are no whole numbers")
    if min(lengths, default=0) < 0:
        raise DataError(f"the run lengths hold {min(lengths)}; expected numbers of pixels")
    if sum(lengths) != size[0] * size[1]:
        raise DataError(
            f"the run lengths cover {sum(lengths)} pixels, but the image has {size[0]} x {size[1]} = "
            f"{size[0] * size[1]}; is the mask of another image?"
        )
    values = np.arange(len(lengths)) % 2 == 1
    return np.ascontiguousarray(np.repeat(values, lengths).reshape(size[1], size[0]).T)


def _decode_string(text: bytes) -> list[int]:
    """Numbers in groups of five bits, the lowest first; a sixth bit says that more follow.

    From the fourth number on the difference to the last but one is written.
    """
    lengths: list[int] = []
    value = shift = 0
    for byte in text:
        bits = byte - 48
        if not 0 <= bits < 64:
            raise DataError("the run lengths hold a character that cannot be; is the string cut, or compressed again?")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = shift = 0
    if shift:
        raise DataError("the run lengths end in the middle of a number; is the string cut?")
    return lengths


def draw_polygon(polygon: Any, size: Size) -> Bool:
    """A polygon, filled (even-odd).

    Args:
        polygon: [x, y, x, y, ...] or [[x, y], [x, y], ...], three points or more, in pixels from the upper left corner.
        size: height and width.

    Returns:
        bool[H, W], true where the centre of a pixel lies inside.

    Raises:
        DataError: there are fewer points, or what is no finite number.
    """
    try:
        points = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
    except (TypeError, ValueError):
        points = np.zeros((0, 2))
    if len(points) < 3 or not np.isfinite(points).all():
        raise DataError("a polygon has fewer than three points, or coordinates that are no numbers")
    height, width = size
    mask = np.zeros(size, dtype=np.bool_)
    x0, y0 = points.T
    x1, y1 = np.roll(points, -1, axis=0).T
    first, last = max(0, int(np.floor(y0.min()))), min(height, int(np.ceil(y0.max())))
    for row in range(first, last):
        y = row + 0.5
        crossed = (y0 <= y) != (y1 <= y)
        at = np.sort(x0[crossed] + (y - y0[crossed]) / (y1[crossed] - y0[crossed]) * (x1[crossed] - x0[crossed]))
        # centres from start (with it) to end (without)
        for start, end in zip(at[0::2], at[1::2], strict=True):
            mask[row, max(0, int(np.ceil(start - 0.5))) : max(0, min(width, int(np.ceil(end - 0.5))))] = True
    return mask


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_point(value: Any) -> bool:
    return (
        isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2 and all(map(_is_number, value))
    )


def _is_size(value: Any) -> bool:
    return isinstance(value, Sequence) and len(value) == 2 and all(isinstance(side, int) for side in value)

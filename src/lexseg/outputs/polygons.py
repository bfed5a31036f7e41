"""A mask as outlines: closed rings along the edges of its pixels."""

import numpy as np
from numpy.typing import NDArray

from lexseg.outputs.formats import POLYGONS, Written
from lexseg.predict.answered import json_bytes
from lexseg.predict.volume_segmentation import VolumeSegmentation

Ring = list[list[int]]


def mask_polygons(mask: NDArray[np.bool_], most: int | None = None) -> list[Ring] | None:
    """The outlines of a mask, of its parts and of the holes in them.

    Filled by the even-odd rule they give the mask again, pixel by pixel.

    Args:
        mask: bool[H, W].
        most: how many corners there may be.

    Returns:
        closed rings of corners ``[x, y]`` of pixels, x in 0..W and y in 0..H; the last corner is joined to the
        first, and only the corners where a ring turns are named. ``None`` if there are more than ``most`` corners.
    """
    filled_rows, filled_columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    if not len(filled_rows):
        return []
    top, left = int(filled_rows[0]), int(filled_columns[0])
    inside = np.pad(mask[top : filled_rows[-1] + 1, left : filled_columns[-1] + 1].view(np.int8), 1)
    rows, starts, ends = _runs(np.diff(inside, axis=0)[:, 1:-1])
    columns, tops, bottoms = _runs(np.diff(inside, axis=1)[1:-1].T)
    if most is not None and 2 * len(rows) > most:
        return None
    # Each run has two ends, 2i and 2i + 1. Where runs along rows end, as many along columns do: at a corner one of
    # each, and where two pixels touch by a corner two of each, which may be joined either way.
    x, y = _pairs(starts, ends), np.repeat(rows, 2)
    turn = np.empty(len(x), np.intp)
    along_rows, along_columns = np.lexsort((x, y)), np.lexsort((np.repeat(columns, 2), _pairs(tops, bottoms)))
    turn[along_rows] = along_columns
    back = np.empty(len(x), np.intp)
    back[along_columns] = along_rows
    # from an end along the column to that run's other end, from there along the row
    there = back[turn ^ 1]
    return _rings((there ^ 1).tolist(), there.tolist(), (x + left).tolist(), (y + top).tolist())


def _runs(edges: NDArray[np.int8]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Runs of equal values other than 0 in each line of int8[N, M]: their lines, and where they start and end."""
    padded = np.pad(edges, ((0, 0), (1, 1)))
    changes = padded[:, 1:] != padded[:, :-1]
    lines, starts = np.nonzero(changes & (padded[:, 1:] != 0))
    _, ends = np.nonzero(changes & (padded[:, :-1] != 0))
    return lines, starts, ends


def _pairs(first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.stack([first, second], axis=1).ravel()


def _rings(following: list[int], corner: list[int], x: list[int], y: list[int]) -> list[Ring]:
    rings = []
    seen = bytearray(len(following))
    for start in range(len(following)):
        if seen[start]:
            continue
        ring, at = [], start
        while not seen[at]:
            seen[at] = 1
            there = corner[at]
            seen[there] = 1
            ring += [[x[at], y[at]], [x[there], y[there]]]
            at = following[at]
        rings.append(ring)
    return rings


def encode(what: Written) -> dict[str, bytes]:
    """The format's file: ``size`` and, for each frame in which something was found, its ``rings`` of corners [x, y]."""
    answer = what.answer
    if isinstance(answer, VolumeSegmentation):
        size, masks = answer.shape[1:], {frame: answer.mask(frame) for frame in sorted(answer.bits)}
    else:
        size, masks = answer.mask.shape, {what.frame: answer.mask} if answer.found else {}
    frames = [{"frame": frame, "rings": mask_polygons(mask)} for frame, mask in masks.items()]
    return {POLYGONS.ending: json_bytes({"size": list(size), "frames": frames})}

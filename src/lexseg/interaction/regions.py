"""Where in the picture a region lies: how much each pixel belongs to it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lexseg.interaction.operations import Extent, Region, Spot
from lexseg.interaction.state import Mask, State

SOFT = 0.04
"""Over which share of the picture's shorter side a region fades out, where its border is nowhere said."""
_EXTENT: dict[Extent, float] = {"part": 1 / 3, "half": 1 / 2, "edge": 1 / 6}
_OUTSIDE = 0.5  # how far around the mask "on its left" reaches, as a share of the mask's box


def inside(region: Region | None, state: State) -> Mask:
    """The pixels of a region, bool[H, W].

    The sides and heights of an ``image`` are its halves and thirds. Of a ``mask`` they are those of the box around it,
    and reach beyond it by half of its size, so that a mask can be made larger there; its left and right are halves
    where it has parts on both sides, as two lungs have, and thirds where it is one piece.

    Args:
        region: ``None`` is the whole picture.
        state: whose mask and picture are meant.
    """
    height, width = state.shape
    if region is None:
        return np.ones(state.shape, np.bool_)
    rows, columns = np.arange(height)[:, None] + 0.5, np.arange(width)[None, :] + 0.5
    if region.beyond is not None:
        along, line = (
            (rows, region.line * height) if region.beyond in ("up", "down") else (columns, region.line * width)
        )
        there = along < line if region.beyond in ("up", "left") else along >= line
        for spot in region.spots:
            there = there & _beside(spot, region, columns / width, state)
        return np.broadcast_to(there, state.shape).copy()
    found = np.zeros(state.shape, np.bool_)
    top, left, high, wide, reach = _frame(region, state)
    for spot in region.spots:
        y, x = (rows - top) / high, (columns - left) / wide
        there = (y >= -reach) & (y < 1 + reach) & (x >= -reach) & (x < 1 + reach)
        found |= there & _high(spot, region, y) & _beside(spot, region, x, state)
    return found


def weight(region: Region | None, state: State) -> NDArray[np.float32]:
    """How much each pixel belongs to a region, float32[H, W] in 0..1: 1 inside, fading out around it."""
    whole = inside(region, state)
    if region is None or not whole.any():
        return whole.astype(np.float32)
    far = max(1.0, SOFT * min(state.shape))
    away = ndimage.distance_transform_edt(~whole)
    return np.asarray(np.clip(1 - away / far, 0, 1), np.float32)


def _frame(region: Region, state: State) -> tuple[float, float, float, float, float]:
    """Top, left, height, width of what is divided, and how far beyond it a region reaches, as a share of it."""
    if region.frame == "mask" and state.area:
        mask = state.mask
        rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
        top, left = int(rows[0]), int(columns[0])
        return top, left, int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left, _OUTSIDE
    return 0.0, 0.0, float(state.shape[0]), float(state.shape[1]), 0.0


def _high(spot: Spot, region: Region, y: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    share = _EXTENT[region.extent]
    if spot.height == "upper":
        return y < share
    if spot.height == "lower":
        return y >= 1 - share
    if spot.height == "middle":
        return (y >= 1 / 3) & (y < 2 / 3)
    return np.ones_like(y, np.bool_)


def _beside(spot: Spot, region: Region, x: NDArray[np.floating[Any]], state: State) -> NDArray[np.bool_]:
    if not spot.side:
        return np.ones_like(x, np.bool_)
    if spot.side == "centre":
        return (x >= 1 / 3) & (x < 2 / 3)
    halves = region.frame == "image" or not state.area or _on_both_sides(state)
    share = 1 / 2 if halves and region.extent == "part" else _EXTENT[region.extent]
    return x < share if spot.side == "left" else x >= 1 - share


def _on_both_sides(state: State) -> bool:
    """Whether the mask's parts lie on both sides of the middle of its box, none across it."""
    _, left, _, wide, _ = _frame(Region(frame="mask"), state)
    labels, number = ndimage.label(state.mask, structure=np.ones((3, 3)))
    if number < 2:
        return False
    middle = left + wide / 2
    columns = [slices[1] for slices in ndimage.find_objects(labels)]
    return any(c.stop <= middle for c in columns) and any(c.start >= middle for c in columns)

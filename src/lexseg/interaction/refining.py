"""Clicks answered by a refiner: a small network that sees the image, the box, the clicks and the mask so far."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from lexseg.interaction.apply import Refine
from lexseg.interaction.outlines import marked
from lexseg.interaction.state import Box, Mask, State, evidence_of
from lexseg.models.refiner import hint_maps
from lexseg.training.refiner.fit import gray_of
from lexseg.training.refiner.folder import LoadedRefiner, load_refiner

_HELD = 0.02  # around a click the mask is as it says, as a share of the shorter side


def refiner_of(folder: Path | LoadedRefiner, image: NDArray[np.float32]) -> Refine:
    """What answers clicks on an image.

    Args:
        folder: that ``lexseg pretrain refiner`` made, or what was read of it.
        image: float32[H, W] or [H, W, 3] in 0..1, as it is shown.

    Raises:
        ModelError: the folder is no refiner, or is damaged.
    """
    loaded = folder if isinstance(folder, LoadedRefiner) else load_refiner(folder)
    gray = gray_of(np.asarray(image, np.float32))

    def refine(state: State) -> State:
        probability = answer(loaded, gray, state)
        evidence = evidence_of(probability, 0.5, probability >= 0.5)
        mask = _held(probability >= 0.5, state)
        return replace(state, evidence=marked(evidence, mask))

    return refine


def answer(loaded: LoadedRefiner, gray: NDArray[np.float32], state: State) -> NDArray[np.float32]:
    """The refiner's probability, float32[H, W], of a state's clicks, box and mask so far.

    Args:
        loaded: the refiner.
        gray: the image, float32[H, W] in 0..1.
        state: whose evidence, clicks and box are read; its pixels are those of the image.
    """
    size, (height, width) = loaded.size, state.shape
    so_far = 1 / (1 + np.exp(-np.clip(state.evidence, -8, 8)))
    stacked = torch.from_numpy(np.ascontiguousarray(np.stack([gray, so_far.astype(np.float32)])))[None]
    square = F.interpolate(stacked, (size, size), mode="bilinear", antialias=True)[0]
    down, across = size / height, size / width
    clicks = [((c.row + 0.5) * down - 0.5, (c.column + 0.5) * across - 0.5, c.wanted) for c in state.clicks]
    with torch.inference_mode():
        maps = hint_maps(square[0], square[1], clicks, _scaled(state.box, down, across))
        logits = loaded.network(maps[None])
        full = F.interpolate(logits, (height, width), mode="bilinear", align_corners=False)
    return np.asarray(full[0, 0].sigmoid().numpy(), np.float32)


def _scaled(box: Box | None, down: float, across: float) -> tuple[int, int, int, int] | None:
    if box is None:
        return None
    top, left, high, wide = box
    first, second = int(top * down), int(left * across)
    return first, second, max(round((top + high) * down), first + 1), max(round((left + wide) * across), second + 1)


def _held(mask: Mask, state: State) -> Mask:
    """The mask as the clicks say it, whatever the refiner makes of them: the later ones count."""
    rows, columns = np.ogrid[: state.shape[0], : state.shape[1]]
    held = mask.copy()
    for click in state.clicks:
        near = (rows - click.row) ** 2 + (columns - click.column) ** 2 <= (_HELD * min(state.shape)) ** 2
        near[click.row, click.column] = True
        held[near] = click.wanted
    return held

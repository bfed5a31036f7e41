"""Masks on their way into a data set: copied where they have two values, mended where they nearly have."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from lexseg.datasets.importers.record import Findings, Record
from lexseg.errors import DataError
from lexseg.scans.masks import read_mask, read_values

MOST_BETWEEN = 0.05
"""The largest share of pixels that may lie in the middle half of the values, if a mask is to be cut at the middle."""


def store_mask(source: Path, target: Path, record: Record, findings: Findings) -> Path:
    """Copy a mask.

    A mask that was saved as JPEG or scaled smoothly has many values, most of them near the two ends. Such a mask is cut
    at the middle and saved as PNG (0 and 255), with a warning. A mask of some few values is none of these: its values
    are labels, and only the user knows which is meant.

    Args:
        source: the mask.
        target: where to put it, without an ending.
        record: whose mask it is, for messages.
        findings: where problems are noted.

    Returns:
        the path of the copy.
    """
    name = target.with_name(f"{target.name}{source.suffix.lower()}")
    cut = None if _usable(source) else _cut(source)
    if cut is None:
        # also what can be neither used nor mended: the check of the whole will say so, with all other problems
        shutil.copyfile(source, name)
        return name
    foreground, changed = cut
    name = target.with_name(f"{target.name}.png")
    Image.fromarray(np.where(foreground, 255, 0).astype(np.uint8)).save(name)
    message = f"the mask {source.name!r} was cut at the middle of its values ({changed:.1%} of pixels changed)"
    findings.note("warning", message, record.source, record.row)
    return name


def store_any(source: Path, target: Path, record: Record, findings: Findings) -> Path:
    """Write a mask, as PNG of 0 and 255, whose foreground is all that is not 0; arguments as of `store_mask`."""
    name = target.with_name(f"{target.name}.png")
    try:
        values = read_values(source)
    except DataError:
        return store_mask(source, target, record, findings)
    Image.fromarray(np.where(values != 0, 255, 0).astype(np.uint8)).save(name)
    return name


def store_union(sources: Sequence[Path], target: Path, label: int | Literal["any"] | None) -> Path:
    """Write what any of several masks shows, as PNG of 0 and the first one's foreground.

    Args:
        sources: the masks, of one size.
        target: where to put it, without an ending.
        label: the value that is foreground; ``any`` takes all but 0; ``None`` takes the larger of a mask's two.

    Raises:
        DataError: if one cannot be read or cut, or is of another size.
    """
    whole: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None = None
    value = 255
    for source in sources:
        if isinstance(label, int):
            mask, value = read_values(source) == label, label
        elif label == "any":
            mask = read_values(source) != 0
        elif (cut := None if _usable(source) else _cut(source)) is not None:
            mask = cut[0]
        else:
            mask = read_mask(source)
            # the set's own value, so that its masks mean the same
            value = max(int(read_values(source).max()), 1) if whole is None else value
        if whole is not None and whole.shape != mask.shape:
            raise DataError(f"{source}: is of another size than {sources[0].name}, of which it is a part")
        whole = mask if whole is None else whole | mask
    assert whole is not None
    name = target.with_name(f"{target.name}.png")
    Image.fromarray(np.where(whole, value, 0).astype(np.uint8 if value < 256 else np.uint16)).save(name)
    return name


def _usable(path: Path) -> bool:
    try:
        read_mask(path)
    except DataError:
        return False
    return True


def _cut(path: Path) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.bool_]], float] | None:
    """Foreground and the share of pixels that were neither end, or ``None`` if the values are not of that kind."""
    try:
        values = read_values(path).astype(np.float64)
    except DataError:
        return None
    low, high = float(values.min()), float(values.max())
    # differences of less than 64 are labels 0, 1, 2, ..., not smoothed 0 and 255
    if high - low < 64 or len(np.unique(values)) <= (2 if path.suffix.lower() in (".jpg", ".jpeg") else 16):
        return None
    scaled = (values - low) / (high - low)
    if float(np.mean((scaled > 0.25) & (scaled < 0.75))) > MOST_BETWEEN:
        return None
    return scaled >= 0.5, float(np.mean((scaled > 0) & (scaled < 1)))

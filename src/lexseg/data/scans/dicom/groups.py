"""Values of multi-frame files, which say some things once for all frames and others for each frame."""

from collections.abc import Sequence
from typing import Any

from pydicom.dataset import Dataset


def group_value(dataset: Dataset, macro: str, frame: int, keyword: str) -> Any:
    """A value of a frame.

    Args:
        dataset: of the file.
        macro: the functional group, such as ``PixelMeasuresSequence``.
        frame: from 0.
        keyword: of the value; looked for in the frame's own group, then in that of all, then in the file itself.

    Returns:
        float, a tuple of floats, str, or ``None`` where nothing (or nonsense) is said.
    """
    for holder in (*_groups(dataset, macro, frame), dataset):
        try:
            value = holder.get(keyword)
            if value is None or value == "":
                continue
            if isinstance(value, str):
                return value.strip()
            if isinstance(value, Sequence):
                return tuple(float(part) for part in value)
            return float(value)
        # damaged values raise nearly anything when they are converted
        except Exception:
            continue
    return None


def group_of(dataset: Dataset, macro: str, frame: int) -> Dataset:
    """The functional group of a frame, or the file's own data set where it has none."""
    return next(iter(_groups(dataset, macro, frame)), dataset)


def _groups(dataset: Dataset, macro: str, frame: int) -> list[Dataset]:
    found = []
    for sequence, item in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        try:
            found.append(dataset[sequence].value[item][macro].value[0])
        except (KeyError, IndexError, AttributeError, TypeError):
            continue
    return found

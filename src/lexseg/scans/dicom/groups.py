"""Values of DICOM headers: absent, usable, or there and of no use, which is never taken for absent.

Multi-frame files say some things once for all frames and others for each frame.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset

from lexseg.errors import DataError

_NUMBERS = {"DS", "IS", "FD", "FL", "US", "SS", "UL", "SL", "US or SS"}
_WHOLE = {"IS", "US", "SS", "UL", "SL", "US or SS"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class UnusableValue(DataError):
    """A value that stands in a header and cannot be used: no number, too many, or not finite.

    What it says is not in the message, as it may be of the patient. Attribute: keyword: of the tag, with its number.
    """

    def __init__(self, keyword: str) -> None:
        self.keyword = named(keyword)
        super().__init__(
            f"{self.keyword} stands in the header, but is not the number or numbers it should be; mend the header"
        )


def named(keyword: str) -> str:
    """``PixelSpacing (0028,0030)``."""
    tag = tag_for_keyword(keyword) or 0
    return f"{keyword} ({tag >> 16:04X},{tag & 0xFFFF:04X})"


def group_value(dataset: Dataset, macro: str, frame: int, keyword: str, count: int | None = None) -> Any:
    """A value of a frame.

    Args:
        dataset: of the file.
        macro: the functional group, such as ``PixelMeasuresSequence``.
        frame: from 0.
        keyword: of the value; looked for in the frame's own group, then in that of all, then in the file itself.
        count: how many numbers are expected; ``None`` if any number is.

    Returns:
        float, a tuple of floats, str, or ``None`` where nothing is said.

    Raises:
        UnusableValue: if a number is said in a way that cannot be used.
    """
    for holder in (*_groups(dataset, macro, frame), dataset):
        found = value_of(holder, keyword, count)
        if found is not None:
            return found
    return None


def value_of(dataset: Dataset, keyword: str, count: int | None = None) -> Any:
    """A value of a data set, as `group_value`.

    Raises:
        UnusableValue: as there.
    """
    numeric = dictionary_VR(keyword) in _NUMBERS
    try:
        value = dataset.get(keyword)
    # damaged values raise nearly anything when they are converted
    except Exception as error:
        if numeric:
            raise UnusableValue(keyword) from error
        return None
    if value is None or (isinstance(value, (str, bytes, Sequence)) and not len(value)):
        return None
    if not numeric:
        return value.strip() if isinstance(value, str) else None
    several = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
    parts = value if several else str(value).split("\\") if isinstance(value, str) else [value]
    numbers = tuple(_number(part, keyword) for part in parts)
    fractions = dictionary_VR(keyword) in _WHOLE and any(number != int(number) for number in numbers)
    if (count is not None and len(numbers) != count) or not numbers or fractions:
        raise UnusableValue(keyword)
    return numbers[0] if len(numbers) == 1 and count in (None, 1) else numbers


def _number(part: Any, keyword: str) -> float:
    if isinstance(part, str):
        # in the form of another value representation, yet a number; float() alone would take 1_0 and the word nan
        part = part.strip("\0 ")
        part = float(part) if _NUMBER.fullmatch(part) else math.nan
    try:
        number = float(part)
    except (TypeError, ValueError, OverflowError) as error:
        raise UnusableValue(keyword) from error
    if isinstance(part, (bytes, bool)) or not math.isfinite(number):
        raise UnusableValue(keyword)
    return number


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

"""Windows of DICOM headers, and the usual ones of each modality."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from lexseg.scans.dicom.groups import UnusableValue, group_of, group_value
from lexseg.scans.window import PRESETS, THINNEST, Window

_NAMES = ("abdomen", "lung", "mediastinum", "bone", "brain", "liver-narrow")


@dataclass(frozen=True, slots=True)
class StatedWindow(Window):
    """A window as headers state it, whose white begins one unit before the end (DICOM PS3.3 C.11.2.1.2.1).

    Attributes:
        stated: width and level as in the header.
    """

    stated: tuple[float, float] = (1.0, 0.0)

    @property
    def width(self) -> float:
        return self.stated[0]

    @property
    def level(self) -> float:
        return self.stated[1]


@dataclass(frozen=True, slots=True)
class SigmoidWindow(Window):
    """A window with soft ends (VOI LUT Function SIGMOID); ``low`` and ``high`` are where the straight one would end."""

    def shade(self, values: NDArray[Any]) -> NDArray[np.float32]:
        exponent = (values.astype(np.float32) - np.float32(self.level)) * np.float32(-4 / max(self.width, THINNEST))
        shown = 1 / (1 + np.exp(np.clip(exponent, -60, 60)))
        return np.asarray(np.nan_to_num(shown, nan=0.0), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class TableWindow(Window):
    """A look-up table (VOI LUT Sequence); ``low`` and ``high`` are where it begins and ends.

    Attributes:
        table: float32[n] in 0..1, for ``low``, ``low`` + 1, ...
    """

    table: NDArray[np.float32] = None  # type: ignore[assignment]

    def shade(self, values: NDArray[Any]) -> NDArray[np.float32]:
        places = np.nan_to_num(values - np.float32(self.low), nan=0.0)
        return self.table[np.clip(places, 0, len(self.table) - 1).astype(np.int64)]


def stated_windows(dataset: Dataset, frame: int) -> list[Window]:
    """The windows that a header states for a frame, in its order; then its look-up tables."""
    macro = "FrameVOILUTSequence"
    try:
        levels, widths = (_several(group_value(dataset, macro, frame, f"Window{part}")) for part in ("Center", "Width"))
    except UnusableValue:  # a note tells of it
        levels = widths = ()
    kind = str(group_value(dataset, macro, frame, "VOILUTFunction") or "LINEAR").upper()
    names = _words(group_of(dataset, macro, frame).get("WindowCenterWidthExplanation"))
    found: list[Window] = []
    for place, (width, level) in enumerate(zip(widths, levels, strict=False)):
        if not (np.isfinite([width, level]).all() and width > 0 and width < 1e9):
            continue
        name = names[place] if place < len(names) else "header"
        if kind == "SIGMOID":
            found.append(SigmoidWindow(level - width / 2, level + width / 2, name))
        elif kind == "LINEAR_EXACT" or width < 2:
            found.append(Window.of(width, level, name))
        else:
            found.append(StatedWindow(level - width / 2, level + width / 2 - 1, name, (width, level)))
    return found + _tables(group_of(dataset, macro, frame))


def usual_windows(modality: str | None) -> list[Window]:
    """The windows that departments commonly set; of CT alone, as no other modality has a scale of its own."""
    return [Window.of(*PRESETS[name], name) for name in _NAMES] if modality == "CT" else []


def _several(value: Any) -> Sequence[float]:
    if isinstance(value, float):
        return (value,)
    return value if isinstance(value, tuple) else ()


def _words(value: Any) -> list[str]:
    """Explanations of windows, such as LUNG; only plain short ones, as the header may hold anything."""
    words = [value] if isinstance(value, str) else [str(one) for one in value] if isinstance(value, Sequence) else []
    return [word.strip().lower() if word.replace(" ", "").isalnum() and len(word) <= 16 else "header" for word in words]


def _tables(dataset: Dataset) -> list[Window]:
    found: list[Window] = []
    for item in dataset.get("VOILUTSequence") or ():
        try:
            count, first, bits = (int(part) for part in item.LUTDescriptor)
            data = item["LUTData"].value
            order = "<u2" if item.original_encoding[1] in (True, None) else ">u2"
            entries = np.frombuffer(data, order) if isinstance(data, bytes) else np.asarray(data)
            count = count or 1 << 16
            table = entries[:count].astype(np.float32) / np.float32((1 << bits) - 1)
            first = first - (1 << 16) if first >= 1 << 15 and dataset.get("PixelRepresentation") == 1 else first
            if len(table) == count and count > 1:
                found.append(TableWindow(first, first + count - 1, "table", np.clip(table, 0, 1)))
        # a damaged table is no reason to refuse the image
        except Exception:
            continue
    return found


def window_to_json(window: Window) -> dict[str, Any]:
    """A window of any kind as values that JSON knows, for another process."""
    said: dict[str, Any] = {"low": window.low, "high": window.high, "name": window.name}
    if isinstance(window, StatedWindow):
        said["stated"] = list(window.stated)
    if isinstance(window, TableWindow):
        said["table"] = [round(float(value), 6) for value in window.table]
    return said | {"sigmoid": True} if isinstance(window, SigmoidWindow) else said


def window_from_json(said: dict[str, Any]) -> Window:
    """The window that :func:`window_to_json` was given."""
    low, high, name = float(said["low"]), float(said["high"]), str(said["name"])
    if "table" in said:
        return TableWindow(low, high, name, np.asarray(said["table"], dtype=np.float32))
    if said.get("sigmoid"):
        return SigmoidWindow(low, high, name)
    if "stated" in said:
        width, level = (float(value) for value in said["stated"])
        return StatedWindow(low, high, name, (width, level))
    return Window(low, high, name)

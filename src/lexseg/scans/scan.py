"""A scan: an image or a volume of any file format, frame by frame as radiologists see it; and at a picture's size.

And what reading one begins with, whatever the format: the file, opened; and no warnings meanwhile (`quiet`): those of
pydicom quote the header, and with it the patient.
"""

import logging
import os
import stat
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from lexseg.errors import DataError
from lexseg.language.sides import Laterality
from lexseg.scans.window import Window

Side = Literal["left", "right"]
Format = Literal["image", "dicom", "nifti", "nrrd", "metaimage"]


@dataclass(frozen=True, slots=True)
class Frame:
    """What a file holds of one frame.

    Attributes:
        values: float32[H, W] in the modality's units, or uint8[H, W, 3].
        padding: bool[H, W], true where the header says there is no image; ``None`` if it says nothing of it.
    """

    values: NDArray[Any]
    padding: NDArray[np.bool_] | None = None


class Source(Protocol):
    """Where the pixels of a scan come from; one class for each file format."""

    @property
    def inverted(self) -> bool:
        """Whether small values are shown white (MONOCHROME1)."""
        ...

    def frame(self, index: int) -> Frame:
        """A frame, read now.

        Raises:
            DataError: if its pixels are damaged, cut short or packed in a way that cannot be read here.
        """
        ...

    def to_stored(self, masks: NDArray[Any]) -> NDArray[Any]:
        """``masks`` [frames, H, W] on the axes of the file."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """An image or volume of any file format, frame by frame as radiologists see it.

    Attributes:
        name: what messages call it: the path as it was given.
        format: of the file; ``image`` is PNG, JPEG, TIFF or BMP.
        modality: CT, MR, DX, CR, MG, US, ... where the header says; CT where a NIfTI or NRRD file's values are
            Hounsfield units; else ``None``.
        shape: (frames, H, W), as shown.
        color: whether frames are RGB.
        spacing: millimetres between pixel centres of a shown frame, (row, column); ``None`` if unknown.
        thickness: millimetres between the middles of frames, of a single slice its own thickness; ``None`` if unknown
            or uneven.
        patient_left: the side of the shown picture on which the patient's left lies; ``None`` if unknown, or where left
            and right are not the sides of the picture (a sagittal slice, a lateral film).
        windows: of the header, then the modality's usual ones; the first is the default.
        notes: what looks odd, as sentences for the user; without names or identifiers.
        source: where the pixels come from: `DicomSource`, `NiftiSource`, `NrrdSource` or `ImageSource`.
    """

    name: str
    format: Format
    modality: str | None
    shape: tuple[int, int, int]
    color: bool
    spacing: tuple[float, float] | None
    thickness: float | None
    patient_left: Side | None
    windows: tuple[Window, ...]
    notes: tuple[str, ...]
    source: Source

    @property
    def is_volume(self) -> bool:
        """Whether there is more than one frame."""
        return self.shape[0] > 1

    @property
    def inverted(self) -> bool:
        """Whether small values are shown white (MONOCHROME1)."""
        return self.source.inverted

    @property
    def laterality(self) -> Laterality | None:
        """What a clinician's words mean in this picture, for ``Segmenter.segment(laterality=...)``.

        Clinicians name the patient's sides. Hung the usual way, the patient's left at the right of the picture, their
        words are "patient"; where the patient's left is at the left of the picture, the picture's sides are the
        patient's and nothing is to be swapped: "image". ``None`` where it is not known.
        """
        return None if self.patient_left is None else ("patient" if self.patient_left == "right" else "image")

    def values(self, frame: int) -> NDArray[Any]:
        """The values of a frame, read from the file now.

        Args:
            frame: from 0.

        Returns:
            float32[H, W] in the modality's units (Hounsfield units of CT, ...), MONOCHROME1 not inverted; or
            uint8[H, W, 3], RGB.

        Raises:
            DataError: if there is no such frame, or its pixels are damaged.
        """
        return self._frame(frame).values

    def show(self, frame: int, window: Window | None = None) -> NDArray[np.float32]:
        """A frame as it is displayed, and as a model sees it.

        Args:
            frame: from 0.
            window: what is black and what white; by default the first of ``windows``. Colour has none.

        Returns:
            float32[H, W] or [H, W, 3] in 0..1.

        Raises:
            DataError: as :meth:`values`.
        """
        stored = self._frame(frame)
        if stored.values.ndim == 3:
            return stored.values.astype(np.float32) / np.float32(255)
        if window is None and self.format == "image":
            return np.array(stored.values, np.float32)  # from black 0 to white 1 as it is
        shown = (window or self.windows[0]).shade(stored.values)
        if self.source.inverted:
            np.subtract(1, shown, out=shown)
        if stored.padding is not None:
            shown[stored.padding] = 0
        return shown

    def to_stored(self, masks: NDArray[Any]) -> NDArray[Any]:
        """Masks as shown, on the axes of the file.

        Args:
            masks: [frames, H, W], of all frames.

        Returns:
            [i, j, k] of a NIfTI or NRRD file; [frames, H, W] of all others.

        Raises:
            DataError: they are of another shape than the frames.
        """
        if masks.shape != self.shape:
            raise DataError(f"{self.name}: masks of shape {masks.shape}; expected {self.shape}, as it is shown")
        return self.source.to_stored(masks)

    def _frame(self, index: int) -> Frame:
        if not 0 <= index < self.shape[0]:
            raise DataError(f"{self.name}: there is no frame {index}; there are {self.shape[0]}, counted from 0")
        stored = self.source.frame(index)
        if stored.values.shape[:2] != self.shape[1:]:
            found, expected = stored.values.shape[:2], self.shape[1:]
            raise DataError(f"{self.name}: frame {index} has {found} pixels, its header says {expected}")
        return stored


LARGEST = 2048
"""Pixels: the longest side of pictures of an image."""


def shown(image: NDArray[np.float32], largest: int = LARGEST) -> NDArray[np.uint8]:
    """An image at the size that pictures of it have: uint8[h, w] or [h, w, 3], neither side longer than ``largest``.

    Args:
        image: float[H, W] or [H, W, 3] in 0..1.
        largest: a longer side than this is scaled down to it.
    """
    step = step_of(image.shape[:2], largest)
    pixels: NDArray[np.uint8] = (np.asarray(image)[::step, ::step] * 255).round().astype(np.uint8)
    return pixels


def step_of(shape: Sequence[int], largest: int = LARGEST) -> int:
    """Which pixels a picture of an image of (H, W) shows: one of so many, in each direction."""
    return -(-max(shape) // largest)


# --- reading, whatever the format ---------------------------------------------------


def open_file(path: Path | str, name: str | None = None) -> BinaryIO:
    """A file on disk, opened for reading; the caller closes it.

    Args:
        path: where it is.
        name: what messages call it; ``None`` calls it by its path.

    Raises:
        DataError: if there is none, or it cannot be read.
    """
    name = name or str(path)
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # opening a pipe would wait for somebody to write
            raise DataError(f"{name}: not a file")
        return open(path, "rb")
    except FileNotFoundError as error:
        raise DataError(f"{name}: there is no such file") from error
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise DataError(f"{name!r}: is no path: it holds a NUL character") from error


_here = threading.local()


class _NotWhileReading(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(_here, "depth", 0)


class _NoWarnings:
    """Python's filter of warnings is one for all threads: the first to read sets it, the last sets it back."""

    def __init__(self) -> None:
        self._lock, self._readers = threading.Lock(), 0
        self._saved: warnings.catch_warnings[None] | None = None

    def __enter__(self) -> None:
        with self._lock:
            self._readers += 1
            if self._readers == 1:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                warnings.simplefilter("ignore")

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._readers -= 1
            if self._readers == 0 and self._saved is not None:
                self._saved.__exit__(None, None, None)


_filter = _NotWhileReading()
_no_warnings = _NoWarnings()


@contextmanager
def quiet() -> Iterator[None]:
    """Neither warnings nor log lines of the readers, in this thread. What matters is checked, and told in notes."""
    for name in ("pydicom", "nibabel.global"):
        logging.getLogger(name).addFilter(_filter)  # added once, however often
    _here.depth = getattr(_here, "depth", 0) + 1
    try:
        with _no_warnings:
            yield
    finally:
        _here.depth -= 1

"""Open whatever file or folder holds images: told by what is in it, not by its name.

No warnings while files are read: those of pydicom quote the header, and with it the patient.
"""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lexseg.errors import DataError
from lexseg.scans.content import Content, kind_of
from lexseg.scans.pictures import open_picture
from lexseg.scans.scan import Scan


def open_scan(
    path: Path | str, *, series: str | None = None, channel: int | None = None, modality: str | None = None
) -> Scan:
    """An image or a volume.

    Args:
        path: a PNG, JPEG, TIFF, BMP, DICOM, NIfTI, NRRD or MetaImage file, or a folder or zip of DICOM files.
        series: which series is meant, of a folder or zip that holds several: its SeriesInstanceUID; or the
            SOPInstanceUID of one of its images that is meant alone.
        channel: which volume of a 4D file is meant, or which image at each place of a series; from 0.
        modality: what a NIfTI or NRRD volume is, such as CT or MR; by default the values tell whether it is CT.

    Raises:
        DataError: if it cannot be read, is no image, or several could be meant; the message says which there are. And
            if the header names another modality.
    """
    scan = _open(Path(path), series, channel, None if modality is None else modality.strip().upper())
    if modality is not None and scan.modality != modality.strip().upper():
        said = "no NIfTI or NRRD" if scan.modality is None else f"the header says that it is {scan.modality}"
        raise DataError(f"{path}: {said}; leave --modality out")
    return scan


def _open(path: Path, series: str | None, channel: int | None, modality: str | None) -> Scan:
    content = None if path.is_dir() else Content.of(path)
    kind = None if content is None else kind_of(content)
    if content is not None and kind == "image" and series is None:
        with quiet():
            return open_picture(path, content.name, channel)
    from lexseg.scans import study  # readers of DICOM and volumes, which a picture does not need

    with quiet():
        if content is None:
            return study.chosen(str(path), study.files_of_folder(path), series, channel, modality)
        if kind == "zip":
            return study.chosen(content.name, study.files_of_zip(content), series, channel, modality)
        return study.scan_of_path(path, content, kind, series, channel, modality)


def open_scans(path: Path | str) -> list[Scan]:
    """Every image and volume of a folder, a zip or a file, DICOM series first.

    Raises:
        DataError: if there is none, or one cannot be read.
    """
    path = Path(path)
    content = None if path.is_dir() else Content.of(path)
    if content is not None and kind_of(content) != "zip":
        return [open_scan(path)]
    from lexseg.scans import study

    with quiet():
        files = study.files_of_folder(path) if content is None else study.files_of_zip(content)
        return study.every_scan(str(path), files)


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

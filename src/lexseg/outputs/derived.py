"""What all objects that are made from DICOM images have in common: whose they are, and what they refer to."""

import contextlib
import copy
import datetime
import re
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pydicom.datadict
from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid

from lexseg._version import __version__
from lexseg.errors import ConfigError, DataError
from lexseg.scans.dicom.source import DicomSource
from lexseg.scans.scan import Scan

MANUFACTURER = "LexSeg"
NOTE = "Research use only: not a medical device"
CHARACTERS = "ISO_IR 192"  # UTF-8: holds the patient's name whatever the source's character set

_NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
# attributes that every object of a patient and a study has, if empty ones
_MAY_BE_EMPTY = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)
_LOSSY = (0x00282110, 0x00282112, 0x00282114)  # whether, how much and how the image was compressed with loss
_DATE, _TIME = re.compile(r"\d{8}"), re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")


def source_of(scan: Scan) -> DicomSource:
    """The DICOM files of a scan.

    Raises:
        DataError: if it comes from another format, or a file lacks the identifiers that others refer to.
    """
    if not isinstance(scan.source, DicomSource):
        raise DataError(
            f"{scan.name}: a DICOM object refers to DICOM images, and this is {scan.format.upper()}; write NIfTI or "
            "PNG instead"
        )
    for dataset in scan.source.datasets:
        if missing := [name for name in _NEEDED if not str(_value(dataset, name) or "").strip()]:
            raise DataError(
                f"{scan.name}: the header has no {', '.join(missing)}, so that nothing can refer to the image; write "
                "NIfTI or PNG instead"
            )
    if len({str(dataset.SOPInstanceUID) for dataset in scan.source.datasets}) < len(scan.source.datasets):
        raise DataError(
            f"{scan.name}: several images have one SOPInstanceUID, so that nothing can refer to one of them; write "
            "NIfTI or PNG instead"
        )
    return scan.source


def tidy(dataset: Dataset) -> Dataset:
    """A copy of what a header says of patient, study, equipment and identifiers.

    What any derived object takes over is there and well-formed, if empty; the pixels' own attributes are left out.
    """
    header = Dataset()
    for tag in sorted(dataset.keys()):
        if (not tag.is_private and tag.group < 0x0028) or tag in _LOSSY:
            with contextlib.suppress(Exception):  # pydicom converts values when they are asked for
                header[tag] = copy.copy(dataset[tag])  # a copy: assigning a value changes the element
    for name in _MAY_BE_EMPTY:
        value = _value(header, name)
        setattr(header, name, "" if value is None else value)
    for name in ("PatientBirthDate", "StudyDate"):
        _empty_unless(header, name, lambda text: bool(_DATE.fullmatch(text)) and _is_date(text))
    _empty_unless(header, "StudyTime", lambda text: bool(_TIME.fullmatch(text)))
    _empty_unless(header, "PatientSex", lambda text: text in ("M", "F", "O"))
    return header


def new_uids(uid: str | None) -> tuple[UID, UID]:
    """Identifiers of a new instance and of its series; the latter follows from the former.

    Args:
        uid: the instance's; ``None`` makes one up.
    """
    instance = generate_uid(prefix=None) if uid is None else UID(uid)
    return instance, generate_uid(entropy_srcs=[str(instance), "series"])


def software(model_version: str) -> list[str]:
    """SoftwareVersions: of LexSeg, and of the model."""
    # not the full 64: the pad to an even length is counted by some readers
    return [f"LexSeg {__version__}", long_string(f"model {model_version}", 62)]


def long_string(text: str, most: int = 64) -> str:
    """Text that fits a value of the kind LO: one line, no backslash, at most 64 characters (a longer one is marked)."""
    line = " ".join("".join(c if c.isprintable() and c != "\\" else " " for c in text).split())
    return line if len(line) <= most else line[: most - 3] + "..."


def date_and_time(made: datetime.datetime | None) -> tuple[str, str]:
    """When an object was made, as DICOM writes it; ``None`` is now."""
    moment = made or datetime.datetime.now()
    return moment.strftime("%Y%m%d"), moment.strftime("%H%M%S")


def _value(dataset: Dataset, name: str) -> Any:
    """A value; ``None`` where it is missing, or damaged."""
    with contextlib.suppress(Exception):  # pydicom converts values when they are asked for
        return dataset.get(name)
    return None


def _empty_unless(header: Dataset, name: str, good: Callable[[str], bool]) -> None:
    if not good(str(getattr(header, name)).strip()):
        header[name] = pydicom.DataElement(name, pydicom.datadict.dictionary_VR(name), "")


def _is_date(text: str) -> bool:
    with contextlib.suppress(ValueError):
        datetime.datetime.strptime(text, "%Y%m%d")
        return True
    return False


_KINDS = {"image": "a PNG, JPEG, TIFF or BMP", "nifti": "NIfTI", "nrrd": "NRRD", "metaimage": "MetaImage"}


def check_dicom(scan: Scan, option: str, *, highdicom: bool = False) -> None:
    """For writers of DICOM objects, which refer to DICOM images.

    Args:
        scan: what was asked about.
        option: that asks for the format.
        highdicom: whether it is written by highdicom.

    Raises:
        ConfigError: the images are not from DICOM, or highdicom is not installed.
    """
    if scan.format != "dicom":
        raise ConfigError(
            f"{scan.name}: {option} writes DICOM objects, which refer to DICOM images, and this is "
            f"{_KINDS[scan.format]}; use --format png or nifti"
        )
    if highdicom and find_spec("highdicom") is None:
        raise ConfigError(f"{option} needs highdicom: pip install 'lexseg[dicom]'")

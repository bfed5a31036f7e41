"""What a PACS says of the studies, series and images it holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Modalities of what stands in a study beside its pictures: reports, contours, plans, older segmentations, curves
# (DICOM PS3.3, C.7.3.1.1.1)
_REPORTS = frozenset({"DOC", "KO", "M3D", "PLAN", "PR", "REG", "RWV", "SEG", "SR", "STAIN", "TEXTUREMAP"})
_RADIOTHERAPY = frozenset({"RTDOSE", "RTPLAN", "RTRECORD", "RTSTRUCT"})
_CURVES = frozenset({"AU", "ECG", "EEG", "EMG", "EOG", "HD", "RESP"})
_NO_PICTURES = _REPORTS | _RADIOTHERAPY | _CURVES | {"ANN"}


@dataclass(frozen=True, slots=True)
class StudyEntry:
    """A study, as QIDO lists it; ``None`` and empty where the PACS does not say."""

    uid: str
    date: str
    modalities: tuple[str, ...]
    patient: str
    description: str
    n_images: int | None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "StudyEntry":
        """From a data set of DICOM JSON (PS3.18, F.2)."""
        modalities = tuple(str(v) for v in _values(values, "00080061"))
        date = _text(values, "00080020")
        shown = f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 and date.isdigit() else date
        return cls(
            _text(values, "0020000D"),
            shown,
            modalities,
            _text(values, "00100020"),
            _text(values, "00081030"),
            _number(values, "00201208"),
        )

    def __str__(self) -> str:
        return _line(
            self.uid,
            self.date,
            "/".join(self.modalities),
            _images(self.n_images),
            self.patient and f"patient {self.patient}",
            self.description,
        )


@dataclass(frozen=True, slots=True)
class SeriesEntry:
    """A series, as QIDO lists it."""

    uid: str
    modality: str
    number: int | None
    description: str
    n_images: int | None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "SeriesEntry":
        """From a data set of DICOM JSON."""
        return cls(
            _text(values, "0020000E"),
            _text(values, "00080060"),
            _number(values, "00200011"),
            _text(values, "0008103E"),
            _number(values, "00201209"),
        )

    @property
    def has_pictures(self) -> bool:
        """Whether there can be something to segment: not a report, a contour set, an older segmentation, ..."""
        return self.modality not in _NO_PICTURES

    def __str__(self) -> str:
        number = "" if self.number is None else f"number {self.number}"
        return _line(self.uid, self.modality or "unknown modality", number, _images(self.n_images), self.description)


@dataclass(frozen=True, slots=True)
class InstanceEntry:
    """An instance, as QIDO lists it."""

    uid: str
    sop_class: str

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "InstanceEntry":
        """From a data set of DICOM JSON."""
        return cls(_text(values, "00080018"), _text(values, "00080016"))


def _line(uid: str, *parts: str) -> str:
    return f"{uid}: {', '.join(part for part in parts if part)}"


def _images(count: int | None) -> str:
    return "" if count is None else f"{count} image{'s' * (count != 1)}"


def _values(values: Mapping[str, Any], tag: str) -> list[Any]:
    found = values.get(tag, {}).get("Value") or []
    return [v for v in found if v is not None]


def _text(values: Mapping[str, Any], tag: str) -> str:
    return str(next(iter(_values(values, tag)), "")).strip()


def _number(values: Mapping[str, Any], tag: str) -> int | None:
    try:
        return int(_text(values, tag))
    except ValueError:
        return None

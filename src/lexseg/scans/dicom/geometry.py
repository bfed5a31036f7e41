"""Where a frame lies in the patient, and how large its pixels are.

DICOM counts in millimetres to the patient's left, back and head (LPS).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from lexseg.scans.dicom.groups import UnusableValue, group_value, named, value_of
from lexseg.scans.dicom.header import Header

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Where a frame lies.

    Attributes:
        position: float64[3], of the middle of the first pixel, millimetres LPS.
        along_row: float64[3], the direction in which the column index grows, of length 1.
        along_column: float64[3], the direction in which the row index grows.
    """

    position: Array
    along_row: Array
    along_column: Array

    @property
    def normal(self) -> Array:
        """Unit vector that stands upright on the frame, in the patient's coordinates."""
        return np.cross(self.along_row, self.along_column)

    def parallel(self, other: "Plane") -> bool:
        """Whether both are turned alike, within half a degree."""
        near = np.cos(np.deg2rad(0.5))
        return bool(self.along_row @ other.along_row > near and self.along_column @ other.along_column > near)


def plane_of(dataset: Dataset, frame: int) -> Plane | None:
    """Where a frame lies; ``None`` if the header does not say, or says nonsense (which `place_note` tells of)."""
    try:
        position = group_value(dataset, "PlanePositionSequence", frame, "ImagePositionPatient", 3)
        cosines = group_value(dataset, "PlaneOrientationSequence", frame, "ImageOrientationPatient", 6)
    except UnusableValue:
        return None
    if position is None or cosines is None:
        return None
    where, row, column = np.array(position), np.array(cosines[:3]), np.array(cosines[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if not (min(lengths) > 0.9 and max(lengths) < 1.1):
        return None
    row, column = row / lengths[0], column / lengths[1]
    return Plane(where, row, column) if abs(row @ column) < 0.01 else None


def place_note(dataset: Dataset, frame: int) -> str | None:
    """What is wrong with where a frame is said to lie, if anything is."""
    try:
        position = group_value(dataset, "PlanePositionSequence", frame, "ImagePositionPatient", 3)
        cosines = group_value(dataset, "PlaneOrientationSequence", frame, "ImageOrientationPatient", 6)
    except UnusableValue as error:
        return f"{error.keyword} stands in the header, but is not the numbers it should be: the place is unknown"
    if position is None or cosines is None or plane_of(dataset, frame) is not None:
        return None
    return (
        f"{named('ImageOrientationPatient')} stands in the header, but is not two directions upright on one another: "
        "the place is unknown"
    )


def pixel_spacing(header: Header, frame: int) -> tuple[tuple[float, float] | None, str | None]:
    """Millimetres between pixel centres, (row, column), of a frame; and a note, if they need one."""
    try:
        return _pixel_spacing(header, frame)
    except UnusableValue as error:
        return None, (
            f"{error.keyword} stands in the header, but is not the numbers above 0 it should be: the spacing is "
            "unknown, and areas are counted in pixels"
        )


def _pixel_spacing(header: Header, frame: int) -> tuple[tuple[float, float] | None, str | None]:
    dataset, name = header.dataset, "PixelSpacing"
    found = _pair(dataset, "PixelMeasuresSequence", frame, "PixelSpacing")
    imager = _pair(dataset, "", frame, "ImagerPixelSpacing")
    if found is None and imager is not None:
        magnified = value_of(dataset, "EstimatedRadiographicMagnificationFactor", 1)
        if magnified is not None and 1 < magnified < 10:
            return (round(imager[0] / magnified, 6), round(imager[1] / magnified, 6)), None
        return imager, (
            "the spacing is that at the detector (ImagerPixelSpacing): in the body, lengths and areas are smaller"
        )
    if found is None:
        name, found = "NominalScannedPixelSpacing", _pair(dataset, "", frame, "NominalScannedPixelSpacing")
    if found is None:
        found = _of_ultrasound(dataset)
        name = "ultrasound regions"
    if found is None:
        aspect = value_of(dataset, "PixelAspectRatio", 2)
        if aspect is not None and aspect[0] != aspect[1]:
            return None, f"the pixels are not square (PixelAspectRatio {aspect[0]:g}:{aspect[1]:g}); shown as stored"
        return None, None
    if max(found) > 2 * min(found):
        return found, f"pixels are {found[0]:.3g} x {found[1]:.3g} mm ({name}): the frames will look squeezed"
    return found, None


def _pair(dataset: Dataset, macro: str, frame: int, keyword: str) -> tuple[float, float] | None:
    value = group_value(dataset, macro, frame, keyword, 2)
    if value is None:
        return None
    if min(value) <= 0:
        raise UnusableValue(keyword)
    return round(value[0], 6), round(value[1], 6)


def _of_ultrasound(dataset: Dataset) -> tuple[float, float] | None:
    """By the ultrasound regions, if all that have lengths agree."""
    found = set()
    for item in dataset.get("SequenceOfUltrasoundRegions") or ():
        units = [value_of(item, f"PhysicalUnits{way}Direction", 1) for way in "YX"]
        deltas = [value_of(item, f"PhysicalDelta{way}", 1) for way in "YX"]
        if units == [3, 3] and all(deltas):
            found.add((round(abs(deltas[0]) * 10, 6), round(abs(deltas[1]) * 10, 6)))  # centimetres
    return found.pop() if len(found) == 1 else None

"""Where a frame lies in the patient, and which of the patient's sides is which side of the picture.

DICOM counts in millimetres to the patient's left, back and head (LPS).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from lexseg.data.scans.dicom.groups import group_value
from lexseg.data.scans.dicom.header import Header, text
from lexseg.data.scans.scan import Side

Array = NDArray[np.float64]

_LATERAL_VIEWS = {"LL", "RL", "LAT", "LATERAL", "ML", "LM", "MLO", "LMO"}
_FRONTAL_VIEWS = {"PA", "AP", "APAX", "AP AXIAL", "PA AXIAL", "AP_SUPINE", "AP SUPINE", "AP ERECT", "PA ERECT"}
# lateral, left lateral, right lateral, latero-medial, medio-lateral; in SNOMED CT, and the older form of the first
_LATERAL_CODES = {"399067008", "399173006", "399198007", "399352003", "399260004", "R-102CD", "R-10236", "R-10232"}
OBLIQUE = 0.9
"""Cosine: rows that lie further (26 degrees) from the patient's left-right axis are told to be oblique."""


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
        """Upright on the frame."""
        return np.cross(self.along_row, self.along_column)

    def parallel(self, other: "Plane") -> bool:
        """Whether both are turned alike, within half a degree."""
        near = np.cos(np.deg2rad(0.5))
        return bool(self.along_row @ other.along_row > near and self.along_column @ other.along_column > near)


def plane_of(dataset: Dataset, frame: int) -> Plane | None:
    """Where a frame lies; ``None`` if the header does not say, or says nonsense."""
    position = group_value(dataset, "PlanePositionSequence", frame, "ImagePositionPatient")
    cosines = group_value(dataset, "PlaneOrientationSequence", frame, "ImageOrientationPatient")
    if not (isinstance(position, tuple) and len(position) == 3 and isinstance(cosines, tuple) and len(cosines) == 6):
        return None
    where, row, column = np.array(position), np.array(cosines[:3]), np.array(cosines[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if not (np.isfinite([*position, *cosines]).all() and min(lengths) > 0.9 and max(lengths) < 1.1):
        return None
    row, column = row / lengths[0], column / lengths[1]
    return Plane(where, row, column) if abs(row @ column) < 0.01 else None


def pixel_spacing(header: Header, frame: int) -> tuple[tuple[float, float] | None, str | None]:
    """Millimetres between pixel centres, (row, column), of a frame; and a note, if they need one."""
    dataset, name = header.dataset, "PixelSpacing"
    found = _pair(group_value(dataset, "PixelMeasuresSequence", frame, "PixelSpacing"))
    imager = _pair(group_value(dataset, "", frame, "ImagerPixelSpacing"))
    if found is None and imager is not None:
        magnified = group_value(dataset, "", frame, "EstimatedRadiographicMagnificationFactor")
        if isinstance(magnified, float) and 1 < magnified < 10:
            return (round(imager[0] / magnified, 6), round(imager[1] / magnified, 6)), None
        return imager, (
            "the spacing is that at the detector (ImagerPixelSpacing): in the body, lengths and areas are smaller"
        )
    if found is None:
        name, found = "NominalScannedPixelSpacing", _pair(group_value(dataset, "", frame, "NominalScannedPixelSpacing"))
    if found is None:
        found = _of_ultrasound(dataset)
        name = "ultrasound regions"
    if found is None:
        aspect = group_value(dataset, "", frame, "PixelAspectRatio")
        if isinstance(aspect, tuple) and len(aspect) == 2 and aspect[0] != aspect[1]:
            return None, f"the pixels are not square (PixelAspectRatio {aspect[0]:g}:{aspect[1]:g}); shown as stored"
        return None, None
    if max(found) > 2 * min(found):
        return found, f"pixels are {found[0]:.3g} x {found[1]:.3g} mm ({name}): the frames will look squeezed"
    return found, None


def side_of_plane(plane: Plane) -> tuple[Side | None, str | None]:
    """On which side of the picture the patient's left lies, and a note if that needs one."""
    largest = int(np.argmax(np.abs(plane.along_row)))
    share = float(plane.along_row[0])
    if largest != 0:
        if int(np.argmax(np.abs(plane.along_column))) == 0:
            return None, "the patient's left and right are at the top and bottom of the picture, not at its sides"
        return None, None
    note = None
    if abs(share) < OBLIQUE:
        angle = np.rad2deg(np.arccos(abs(share)))
        note = f"the picture is oblique: its rows lie {angle:.0f} degrees off the patient's left-right axis"
    return ("right" if share > 0 else "left"), note


def side_of_projection(dataset: Dataset) -> tuple[Side | None, str | None]:
    """The same for a picture without a place in the patient: by PatientOrientation, else by the view."""
    view = text(dataset, "ViewPosition").upper()
    codes = {text(item, "CodeValue") for item in dataset.get("ViewCodeSequence") or ()}
    lateral = view in _LATERAL_VIEWS or bool(codes & _LATERAL_CODES)
    ways = _ways(dataset)
    if len(ways) == 2 and ways[0]:
        first = ways[0][0]
        if first in "LR" and lateral:
            return None, "PatientOrientation and the lateral view contradict each other: sides are taken as unknown"
        return ("right" if first == "L" else "left" if first == "R" else None), None
    if lateral:
        return None, None
    if view in _FRONTAL_VIEWS:
        return "right", (
            f"the header gives the view ({view}) but no PatientOrientation: the film is taken to hang the usual way, "
            "the patient's left at the right of the picture"
        )
    return None, None


def _ways(dataset: Dataset) -> list[str]:
    """PatientOrientation: the ways the rows and the columns run, such as L and F."""
    try:
        value = dataset.get("PatientOrientation")
        return [str(part).strip().upper() for part in value] if value and not isinstance(value, str) else []
    # pydicom converts values when they are asked for, and damaged ones raise nearly anything
    except Exception:
        return []


def _pair(value: object) -> tuple[float, float] | None:
    if not (isinstance(value, tuple) and len(value) == 2 and np.isfinite(value).all() and min(value) > 0):
        return None
    return round(value[0], 6), round(value[1], 6)


def _of_ultrasound(dataset: Dataset) -> tuple[float, float] | None:
    """By the ultrasound regions, if all that have lengths agree."""
    found = set()
    for item in dataset.get("SequenceOfUltrasoundRegions") or ():
        units = [item.get(f"PhysicalUnits{way}Direction") for way in "YX"]
        deltas = [item.get(f"PhysicalDelta{way}") for way in "YX"]
        if units == [3, 3] and all(isinstance(delta, float) and np.isfinite(delta) and delta for delta in deltas):
            found.add((round(abs(deltas[0]) * 10, 6), round(abs(deltas[1]) * 10, 6)))  # centimetres
    return found.pop() if len(found) == 1 else None

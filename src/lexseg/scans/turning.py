"""How the axes of a volume's file are turned to axial slices, and how large its voxels then are."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from lexseg.errors import DataError
from lexseg.scans.nifti_header import UNITS

Array = NDArray[np.float64]
_orientations: Any = nib.orientations


def turn_of(path: Path | str, affine: Array) -> Array:
    """What turns the file's axes into right-to-left, front-to-back, upwards, as nibabel writes it.

    Raises:
        DataError: if the affine turns nothing (a column of zeros), or holds values that are no numbers.
    """
    if not np.isfinite(affine).all():
        raise DataError(f"{path}: the affine of the header holds values that are no numbers")
    found = _orientations.io_orientation(affine)
    if np.isnan(found).any():
        raise DataError(f"{path}: the affine of the header is flat: an axis has no direction; save the volume anew")
    # in nibabel's words an axis is named by where it runs *to*
    return np.asarray(
        _orientations.ornt_transform(found, _orientations.axcodes2ornt(("L", "P", "S"))), dtype=np.float64
    )


def sizes_of(header: Any) -> Array:
    """Millimetres from voxel to voxel along i, j and k, as the raw header says; 0 or NaN where it says nothing."""
    unit = UNITS.get(int(header["xyzt_units"]) & 7, 1.0)
    return np.abs(np.asarray(header["pixdim"][1:4], dtype=np.float64)) * unit


def spacing_of(header: Any, affine: Array, oriented: bool, turn: Array) -> tuple[tuple[float, float] | None, list[str]]:
    """Millimetres between pixel centres of an axial slice, (row, column), and what looks odd.

    Args:
        header: as it is in the file.
        affine: from indices to the header's units.
        oriented: whether the header states an orientation.
        turn: as :func:`turn_of` gives it.
    """
    unit = UNITS.get(int(header["xyzt_units"]) & 7, 1.0)
    sizes = sizes_of(header)
    column, row = (float(sizes[turn[:, 0] == axis].item()) for axis in (0, 1))
    if not (np.isfinite([row, column]).all() and min(row, column) > 0):
        shown = " and ".join(dict.fromkeys(f"{size:g}" for size in (row, column) if not size > 0 or np.isinf(size)))
        return None, [f"the header gives no spacing (pixdim is {shown}): areas are counted in pixels"]
    notes = []
    stated = np.linalg.norm(affine[:3, :3], axis=0) * unit
    if oriented and not np.allclose(stated, sizes, rtol=0.02):
        shown, taken = (" x ".join(f"{size:.3g}" for size in each) for each in (stated, sizes))
        notes.append(f"the affine says {shown} mm, pixdim {taken} mm; the latter is taken")
    if max(row, column) > 2 * min(row, column):
        notes.append(f"pixels of axial slices are {row:.3g} x {column:.3g} mm: the slices will look squeezed")
    return (round(row, 6), round(column, 6)), notes

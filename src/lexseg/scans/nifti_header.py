"""What NIfTI headers say: of which kind they are, what of them cannot be used, what is said twice and differently."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from lexseg.errors import DataError
from lexseg.scans.content import nifti_magic

MAX_HEADER = 64_000_000
"""Bytes before the voxels of a NIfTI file."""

UNITS = {1: 1000.0, 3: 0.001}
"""Metres and micrometres, in millimetres; 0 (unknown) and 2 are taken for millimetres."""

_NEAR = 0.01
"""Of a voxel: headers are stored in single precision, and a quaternion loses some of it."""


def kind_of_header(name: str, start: bytes) -> Any:
    """The class of images, of nibabel, for a file that begins so.

    Raises:
        DataError: if it is half of a pair of files.
    """
    magic = nifti_magic(start) or b""
    if magic[:2] == b"ni":
        raise DataError(f"{name}: half of a pair of files (.hdr and .img); save the volume as one .nii file")
    return nib.Nifti2Image if magic[2:] == b"2" else nib.Nifti1Image


def check_offset(name: Path | str, header: Any) -> int:
    """Where the voxels begin, bytes.

    Raises:
        DataError: if that lies within the header, far behind it, or within a byte.
    """
    offset = float(header["vox_offset"])
    if not float(header.single_vox_offset) <= offset <= MAX_HEADER or offset != int(offset):
        raise DataError(f"{name}: the header says (vox_offset) that the voxels begin at byte {offset:g}; it is damaged")
    return int(offset)


def header_notes(header: Any) -> list[str]:
    """What looks odd, as sentences for the user.

    Args:
        header: nibabel's, as it is in the file.
    """
    notes = [*_scale(header), *_forms(header)]
    if (unit := int(header["xyzt_units"]) & 7) > 3:
        notes.append(f"xyzt_units names the unknown unit {unit}: lengths are taken for millimetres")
    if (np.asarray(header["pixdim"][1:4]) < 0).any():
        notes.append("pixdim holds lengths below 0: they are taken without their sign")
    if int(header["bitpix"]) != header.get_data_dtype().itemsize * 8:
        notes.append(f"bitpix ({int(header['bitpix'])}) and datatype contradict each other: the latter is taken")
    return notes


def _scale(header: Any) -> list[str]:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if np.isfinite(slope) and slope != 0:
        return []
    # a slope of 0 says that there is none, and nibabel writes NaN for none; but then there is no intercept either
    if not (np.isinf(slope) or (np.isfinite(intercept) and intercept != 0)):
        return []
    return [
        f"the slope of the values (scl_slope {slope:g}) cannot be used: neither it nor scl_inter ({intercept:g}) is, "
        "and the values are shown as stored"
    ]


def _forms(header: Any) -> list[str]:
    notes = []
    sform, qform = int(header["sform_code"]), int(header["qform_code"])
    for name, code in (("sform_code", sform), ("qform_code", qform)):
        if not 0 <= code <= 5:
            notes.append(
                f"{name} is {code}, which is none of 0 to 5: {'it is taken for 0' if code < 0 else 'it is used'}"
            )
    if qform > 0 and float(header["pixdim"][0]) not in (-1.0, 0.0, 1.0):
        notes.append(
            f"pixdim[0] is {float(header['pixdim'][0]):g}, neither 1 nor -1: whether the axes are mirrored is open"
        )
    if sform > 0 and qform > 0 and (said := _differ(header)):
        notes.append(f"the sform and the qform of the header contradict each other about {said}: the sform is taken")
    return notes


def _differ(header: Any) -> str:
    """What the two differ in; empty where they agree."""
    try:
        one, other = (np.asarray(each, dtype=np.float64) for each in (header.get_sform(), header.get_qform()))
    # a damaged quaternion
    except Exception:
        return "where the voxels lie (the qform cannot be computed)"
    if not np.isfinite([one, other]).all():
        return "where the voxels lie (one of them holds values that are no numbers)"
    shape = [int(side) for side in header.get_data_shape()[:3]]
    shape += [1] * (3 - len(shape))
    ends = np.array([[i, j, k, 1] for i in (0, shape[0] - 1) for j in (0, shape[1] - 1) for k in (0, shape[2] - 1)])
    apart = float(np.linalg.norm((ends @ (one - other).T)[:, :3], axis=1).max())
    voxel = float(np.linalg.norm(one[:3, :3], axis=0).min())
    if apart <= max(_NEAR * max(shape), _NEAR) * voxel:
        return ""
    x, y = one[0, :3], other[0, :3]
    if x @ y < 0 or int(np.argmax(np.abs(x))) != int(np.argmax(np.abs(y))):
        return "which side is the patient's left"
    return f"where the voxels lie (by up to {apart:.3g} mm)"


def sides_contradict(header: Any) -> bool:
    """Whether the two statements of an orientation put the patient's left on different sides."""
    return int(header["sform_code"]) > 0 and int(header["qform_code"]) > 0 and _differ(header).startswith("which")

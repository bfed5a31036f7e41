"""NIfTI files as scans, read slice by slice."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from lexseg.errors import DataError
from lexseg.scans.content import Content, gunzip_start
from lexseg.scans.grid import grid_scan
from lexseg.scans.limits import MAX_PIXELS, MAX_VOXELS
from lexseg.scans.nifti_header import check_offset, header_notes, kind_of_header, sides_contradict
from lexseg.scans.scan import Scan
from lexseg.scans.sources import NiftiSource
from lexseg.scans.turning import sizes_of, spacing_of, turn_of
from lexseg.scans.unpack import unpacked
from lexseg.scans.voxels import Voxels


def open_nifti(content: Content, channel: int | None, modality: str | None = None) -> Scan:
    """A NIfTI file (``.nii`` or ``.nii.gz``) as a scan.

    Raises:
        DataError: as :func:`lexseg.scans.nifti_volume.read_volume`.
    """
    name = content.name
    packed = content.start(2) == b"\x1f\x8b"
    start = gunzip_start(content, 544) if packed else content.start(544)
    try:
        kind = kind_of_header(name, start).header_class
        header = kind(start[: kind.sizeof_hdr], check=False)
        affine = np.asarray(header.get_best_affine(), dtype=np.float64)
        slope, intercept = (
            rest if value is None else float(value)
            for value, rest in zip(header.get_slope_inter(), (1.0, 0.0), strict=True)
        )
        voxels = _voxels(content, packed, header, (slope, intercept), channel)
    except (DataError, MemoryError):
        raise
    # a damaged header makes nibabel and numpy raise nearly anything
    except Exception as error:
        raise DataError(f"{name}: the volume is damaged, cut short or no NIfTI ({type(error).__name__})") from error
    oriented = int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0
    affine = affine if oriented else np.diag([-1.0, 1.0, 1.0, 1.0])
    turn = turn_of(name, affine)
    spacing, notes = spacing_of(header, affine, oriented, turn)
    notes = [*header_notes(header), *notes]
    source = NiftiSource(voxels, turn, affine, header)
    scan = grid_scan(name, "nifti", source, spacing, sizes_of(header), oriented, notes, modality)
    return replace(scan, patient_left=None) if sides_contradict(header) else scan


def _voxels(content: Content, packed: bool, header: Any, scale: tuple[float, float], channel: int | None) -> Voxels:
    name, shape, dtype = content.name, tuple(int(side) for side in header.get_data_shape()), header.get_data_dtype()
    offset, chosen = check_offset(name, header), check_shape(name, shape, dtype, channel)
    needed = offset + math.prod(shape) * int(dtype.itemsize)
    file = unpacked(content, needed)[0] if packed else None
    if content.size < needed and not packed:
        raise DataError(f"{name}: cut short: the header speaks of {needed:,} bytes, the file holds {content.size:,}")
    return Voxels(
        name,
        shape,
        dtype,
        offset,
        content=None if packed else content,
        file=file,
        scale=scale,
        space=(0, 1, 2 if len(shape) > 2 else -1),
        chosen=chosen,
    )


def check_shape(name: str, shape: tuple[int, ...], dtype: np.dtype[Any], channel: int | None) -> int:
    """Check the axes that a file has, and say which volume of several is meant.

    Args:
        name: for messages.
        shape: the first three axes are space, all further ones volumes.
        dtype: of a voxel.
        channel: which volume is asked for.

    Raises:
        DataError: if they are too many, too few, no numbers, or several volumes of which none is asked for.
    """
    sides = " x ".join(map(str, shape))
    if dtype.kind not in "uif":
        raise DataError(f"{name}: voxels of {dtype}; expected one number each, no colours")
    if len(shape) < 2 or min(shape) < 1:
        raise DataError(f"{name}: a volume of shape {shape}; expected three dimensions")
    largest = math.prod(sorted(shape)[-2:])
    if math.prod(shape) > MAX_VOXELS or largest > MAX_PIXELS:
        raise DataError(f"{name}: {sides} voxels; at most {MAX_VOXELS:,} are read, and {MAX_PIXELS:,} of a slice")
    count, lengths = math.prod(shape[3:]), [side for side in shape[3:] if side > 1]
    if count == 1 and not channel:
        return 0
    if len(lengths) > 1 or channel is None:
        raise DataError(
            f"{name}: holds {count} volumes ({sides}), expected one; say which is meant by --channel, counted from 0"
        )
    if not 0 <= channel < count:
        raise DataError(f"{name}: there is no channel {channel}; there are {count}, counted from 0")
    return channel

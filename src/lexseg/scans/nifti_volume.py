"""NIfTI files, turned the way radiologists look at axial slices.

Rows run from front to back and columns from the patient's right to the left, so that the patient's right side is at the
left of the image. Which way the file's own axes run is read from its affine; oblique axes count as the nearest ones.
"""

import gzip
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from lexseg.errors import DataError
from lexseg.scans.nifti_header import UNITS, check_offset, header_notes, kind_of_header, sides_contradict

MAX_VOXELS = 2_000_000_000
"""The largest volume that is opened: past it a small file may be made to fill the memory."""

SUFFIXES = (".nii.gz", ".nii")


Array = NDArray[np.float64]
_orientations: Any = nib.orientations


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume, turned.

    Attributes:
        path: the file.
        values: [rows front to back, columns right to left, slices upwards]; the type of the file, scaled by its slope.
        spacing: millimetres between pixel centres, (row, column); ``None`` where the header does not say.
        numbers: of the slices as the file counts them, from 0, along whichever of its axes runs between foot and head.
        oriented: whether the header says which side is which. If not, the first axis of the file is taken to run to the
            patient's left and the second to the front; which side is which is then anyone's guess.
        affine: from indices into ``values`` (columns, rows, slices) to millimetres.
        turn: how the file's axes were turned, as nibabel writes it.
        notes: what looks odd.
    """

    path: Path
    values: NDArray[Any]
    spacing: tuple[float, float] | None
    numbers: tuple[int, ...]
    oriented: bool
    affine: Array
    turn: Array
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Stored:
    """A file as it is: values [i, j, k], the affine, the raw header, and whether that states an orientation."""

    values: NDArray[Any]
    affine: Array
    header: Any
    oriented: bool


def is_nifti(path: Path) -> bool:
    """Whether the file is named as one."""
    return path.name.lower().endswith(SUFFIXES)


def stem_of(path: Path) -> str:
    """The name without ``.nii`` or ``.nii.gz``."""
    suffix = next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), "")
    return path.name[: len(path.name) - len(suffix)]


def read_volume(path: Path | str, channel: int | None = None) -> Volume:
    """A volume.

    Args:
        path: a ``.nii`` or ``.nii.gz`` file.
        channel: which volume of a 4D file is meant, from 0.

    Raises:
        DataError: if the file cannot be read, is 4D and there is no ``channel``, is too large, or its affine turns
            nothing (a column of zeros).
    """
    path = Path(path)
    stored = _load(path, channel)
    turn = turn_of(path, stored.affine)
    spacing, notes = spacing_of(stored.header, stored.affine, stored.oriented, turn)
    notes = [*header_notes(stored.header), *notes]
    if not stored.oriented:
        notes.append("the header does not say which side is which: left and right of the patient are not known")
    values, affine = _turned(stored, turn)
    numbers = range(values.shape[2])
    upwards = turn[turn[:, 0] == 2, 1].item() > 0
    numbers = numbers if upwards else numbers[::-1]
    oriented = stored.oriented and not sides_contradict(stored.header)
    return Volume(path, values, spacing, tuple(numbers), oriented, affine, turn, tuple(notes))


def read_labels(path: Path | str, volume: Volume, notes: list[str] | None = None) -> NDArray[np.integer[Any]]:
    """The labels of a mask, turned as its volume: whole numbers of 0 or more, the volume's shape.

    A mask whose header states no orientation is taken to be stored as its volume is, with a note.

    Args:
        path: the mask's file.
        volume: what it is the mask of.
        notes: where what looks odd is added.

    Raises:
        DataError: as `read_volume`; if shape or place are not the volume's, or a value is no whole number of 0 or more.
    """
    path = Path(path)
    stored = _load(path, None)
    placed = stored.oriented and volume.oriented
    if notes is not None:
        notes += header_notes(stored.header)
        if placed != (stored.oriented or volume.oriented):
            lacking = "volume" if stored.oriented else "mask"
            notes.append(
                f"the header of the {lacking} does not say which side is which, that of the other does: the mask is "
                "taken to be stored as its volume is"
            )
    values, affine = _turned(stored, turn_of(path, stored.affine) if placed else volume.turn)
    if values.shape != volume.values.shape:
        shown, expected = (" x ".join(map(str, shape)) for shape in (values.shape, volume.values.shape))
        raise DataError(
            f"{path}: the mask has {shown} voxels, but the volume {volume.path.name} has {expected} "
            "(front to back x right to left x slices); save the mask on the volume's grid"
        )
    apart = _apart(affine, volume) if placed else 0.0
    if apart > 1:
        raise DataError(
            f"{path}: by their headers the mask lies up to {apart:.1f} voxels off the volume {volume.path.name}; save "
            "the mask with the header of its volume"
        )
    if values.dtype.kind == "f":
        bad = int(np.count_nonzero(~np.isfinite(values)))
        if bad:
            raise DataError(f"{path}: {bad} values of the mask are no numbers (NaN or infinite)")
        rounded = np.rint(values)
        # a slope may leave 0.99999997
        if float(np.abs(values - rounded).max(initial=0)) > 1e-3:
            raise DataError(f"{path}: the mask holds fractions; labels are whole numbers, save it by nearest neighbour")
        values = rounded.astype(np.int64)
    if int(values.min(initial=0)) < 0:
        raise DataError(f"{path}: the mask holds the label {values.min()}; labels are 0 or more")
    return values


def _apart(affine: Array, volume: Volume) -> float:
    """The largest distance, in voxels, between the corners of a mask and of its volume."""
    rows, columns, slices = volume.values.shape
    corners = np.array([[c, r, s, 1] for c in (0, columns - 1) for r in (0, rows - 1) for s in (0, slices - 1)])
    shifts = np.linalg.norm((corners @ (affine - volume.affine).T)[:, :3], axis=1)
    voxel = float(np.linalg.norm(volume.affine[:3, :3], axis=0).min())
    return float(shifts.max()) / voxel


def _turned(stored: _Stored, turn: Array) -> tuple[NDArray[Any], Array]:
    """Values [rows, columns, slices], and the affine from columns, rows, slices."""
    values = np.swapaxes(_orientations.apply_orientation(stored.values, turn), 0, 1)
    return values, np.asarray(stored.affine @ _orientations.inv_ornt_aff(turn, stored.values.shape))


def _load(path: Path, channel: int | None) -> _Stored:
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        # told by the content, not by the name
        with (gzip.open if packed else open)(path, "rb") as file:
            kind: Any = kind_of_header(str(path), file.read(544))
            file.seek(0)
            header = kind.header_class.from_fileobj(file, check=False)
            check_offset(path, header)
            image: Any = kind.from_file_map({"image": nib.FileHolder(fileobj=file)})
            values = _values(path, image, channel)
            affine = np.asarray(image.affine, dtype=np.float64)
    except (DataError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    # a damaged file makes nibabel, zlib and numpy raise nearly anything
    except Exception as error:
        raise DataError(f"{path}: the volume is damaged, cut short or no NIfTI ({error})") from error
    oriented = int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0
    return _Stored(values, affine if oriented else np.diag([-1.0, 1.0, 1.0, 1.0]), header, oriented)


def _values(path: Path, image: Any, channel: int | None) -> NDArray[Any]:
    shape = tuple(int(side) for side in image.shape)
    if math.prod(shape) > MAX_VOXELS:
        raise DataError(f"{path}: {' x '.join(map(str, shape))} voxels; at most {MAX_VOXELS:,} are read")
    if min(shape, default=0) < 1 or len(shape) < 2:
        raise DataError(f"{path}: a volume of shape {shape}; expected three dimensions")
    if image.get_data_dtype().kind not in "uif":
        raise DataError(f"{path}: voxels of {image.get_data_dtype()}; expected one number each, no colours")
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) > 4 or (len(shape) == 4 and channel is None):
        count = math.prod(shape[3:])
        raise DataError(
            f"{path}: holds {count} volumes ({' x '.join(map(str, shape))}), expected one; say which is meant by "
            "--channel, counted from 0"
        )
    if len(shape) == 4:
        if channel is None or not 0 <= channel < shape[3]:
            raise DataError(f"{path}: there is no channel {channel}; there are {shape[3]}, counted from 0")
        alone = (slice(None),) * 3 + (channel,) + (0,) * (len(image.shape) - 4)
        values: NDArray[Any] = np.asanyarray(image.dataobj[alone])
    else:
        values = np.asanyarray(image.dataobj)
    values = values.reshape(shape[:3]) if len(shape) > 2 else values.reshape((*shape, 1))
    # a slope makes nibabel compute in double precision; single is fine enough for densities
    if values.dtype.kind == "f" and values.dtype.itemsize > 4:
        with np.errstate(over="ignore"):  # what overflows is infinite, and shown black or white
            values = values.astype(np.float32)
    return values


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

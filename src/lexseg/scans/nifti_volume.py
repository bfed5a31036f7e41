"""NIfTI, NRRD and MetaImage files, turned the way radiologists look at axial slices.

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
from lexseg.scans.limits import MAX_VOXELS
from lexseg.scans.nifti_header import check_offset, header_notes, kind_of_header, sides_contradict
from lexseg.scans.turning import Array, spacing_of, turn_of

SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")

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
    notes: tuple[str, ...] = ()


def is_volume(path: Path) -> bool:
    """Whether the file is named as a volume: NIfTI, NRRD or MetaImage."""
    return path.name.lower().endswith(SUFFIXES)


def stem_of(path: Path) -> str:
    """The name without ``.nii``, ``.nii.gz``, ``.nrrd``, ``.mha`` or the like."""
    suffix = next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), "")
    return path.name[: len(path.name) - len(suffix)]


def read_volume(path: Path | str, channel: int | None = None) -> Volume:
    """Read a volume, turned so that its axes run along the patient's.

    Args:
        path: a NIfTI, NRRD or MetaImage file; which of them is told by its content.
        channel: which volume of a 4D file is meant, from 0.

    Raises:
        DataError: if the file cannot be read, is 4D and there is no ``channel``, is too large, or its affine turns
            nothing (a column of zeros).
    """
    path = Path(path)
    stored = _load(path, channel)
    turn = turn_of(path, stored.affine)
    spacing, notes = spacing_of(stored.header, stored.affine, stored.oriented, turn)
    notes = [*stored.notes, *header_notes(stored.header), *notes]
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
        notes += stored.notes
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
    return as_labels(path, values)


def as_labels(path: Path, values: NDArray[Any]) -> NDArray[np.integer[Any]]:
    """Values as labels.

    Raises:
        DataError: if one is no whole number of 0 or more.
    """
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


def read_part(path: Path | str, volume: Volume, channel: int | None = None) -> NDArray[np.integer[Any]]:
    """The labels of a mask that may be cut out of its volume, as 3D Slicer saves segmentations, on the volume's grid.

    Args:
        path: the mask's file.
        volume: what it is the mask of.
        channel: which layer of a file of several.

    Raises:
        DataError: as :func:`read_labels`; if its voxels are of another size or direction, lie between the volume's, or
            outside of it.
    """
    path = Path(path)
    stored = _load(path, channel)
    values, affine = _turned(stored, turn_of(path, stored.affine))
    labels = as_labels(path, values)
    if not (stored.oriented and volume.oriented):
        if labels.shape != volume.values.shape:
            raise DataError(
                f"{path}: its header does not say where in {volume.path.name} it lies; save it with its place"
            )
        return labels
    inverse = np.linalg.inv(volume.affine)
    relative = inverse @ affine  # from the mask's indices (columns, rows, slices) to the volume's
    start = np.rint(relative[:3, 3]).astype(int)
    far = max(labels.shape)
    if np.abs(relative[:3, :3] - np.eye(3)).max() * far > 0.5 or np.abs(relative[:3, 3] - start).max() > 0.1:
        raise DataError(
            f"{path}: its voxels are not those of {volume.path.name}; save it on the grid of the volume (in 3D Slicer: "
            "export to a labelmap with the volume as reference)"
        )
    column, row, first = (int(each) for each in start)
    whole = np.zeros(volume.values.shape, labels.dtype)
    ends = row + labels.shape[0], column + labels.shape[1], first + labels.shape[2]
    if min(row, column, first) < 0 or any(end > side for end, side in zip(ends, whole.shape, strict=True)):
        raise DataError(f"{path}: reaches outside of {volume.path.name}; save it on the grid of the volume")
    whole[row : ends[0], column : ends[1], first : ends[2]] = labels
    return whole


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
    if (other := _load_other(path, channel)) is not None:
        return other
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


def _load_other(path: Path, channel: int | None) -> _Stored | None:
    """An NRRD or MetaImage file; ``None`` if it is none."""
    from lexseg.scans.content import is_metaimage
    from lexseg.scans.open import open_scan  # which reads by this page's turning
    from lexseg.scans.sources import NrrdSource

    start = b""
    if path.is_file():
        with path.open("rb") as file:
            start = file.read(544)
    if not (start.startswith(b"NRRD") or is_metaimage(start)):
        return None
    scan = open_scan(path, channel=channel)
    source = scan.source
    assert isinstance(source, NrrdSource)
    values, affine = source.whole(), np.asarray(source.affine, np.float64)
    kind: Any = nib.Nifti1Header
    header = kind()
    header.set_data_shape(values.shape)
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    oriented = scan.patient_left is not None
    known = scan.spacing is not None
    header["pixdim"][1:4] = sizes if known else 0
    header["bitpix"], header["scl_slope"] = header.get_data_dtype().itemsize * 8, 1
    told = ("Hounsfield", "gives no spacing", "which side is which", "look squeezed")  # elsewhere, or by no means
    notes = tuple(note for note in scan.notes if not any(words in note for words in told))
    return _Stored(values, affine, header, oriented, notes)


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

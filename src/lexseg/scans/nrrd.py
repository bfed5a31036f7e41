"""NRRD files as scans, read slice by slice."""

import io
import math
from pathlib import Path
from typing import Any, Literal

import nrrd
import numpy as np
from numpy.typing import NDArray

from lexseg.errors import DataError
from lexseg.scans.content import Content, InMemory
from lexseg.scans.grid import grid_scan
from lexseg.scans.limits import MAX_VOXELS
from lexseg.scans.nifti import check_shape
from lexseg.scans.scan import Scan
from lexseg.scans.sources import NrrdSource
from lexseg.scans.turning import turn_of
from lexseg.scans.unpack import unpacked, unpacked_end
from lexseg.scans.voxels import Voxels

_MAX_HEADER = 1_000_000  # bytes
# the ways in which the axes of a space run, by their first letters, as signs of right, front, up (RAS)
_SPACES = {
    "right-anterior-superior": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1),
    "left-posterior-superior": (-1, -1, 1),
}
_SHORT = {"ras": "right-anterior-superior", "las": "left-anterior-superior", "lps": "left-posterior-superior"}
_COLORS = ("RGB-color", "HSV-color", "XYZ-color", "RGBA-color")
_UNITS = {
    **{"m": 1000.0, "cm": 10.0, "mm": 1.0, "um": 0.001, "micron": 0.001, "\u03bcm": 0.001},
    **dict.fromkeys(("", "???", "none", "millimeter", "millimetre", "millimeters", "millimetres"), 1.0),
}
_TEXT = ("text", "txt", "ascii")
_PACKINGS = {"gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2", "zlib": "zlib"}  # zlib: MetaImage's
_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(("longlong", "long long", "long long int", "signed long long", "int64", "int64_t"), "i8"),
    **dict.fromkeys(("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"), "u8"),
    "float": "f4",
    "double": "f8",
}


def open_nrrd(content: Content, channel: int | None, modality: str | None = None) -> Scan:
    """An NRRD file as a scan: ``.nrrd``, or ``.nhdr`` with its data in one file beside it.

    Raises:
        DataError: if the file is damaged, holds colours or several volumes and there is no ``channel``, is too large,
            or its data lie elsewhere.
    """
    name = content.name
    try:
        with content.open() as file:
            start = io.BytesIO(file.read(_MAX_HEADER))
        header: dict[str, Any] = dict(nrrd.read_header(start))
    except (DataError, MemoryError):
        raise
    # a damaged header makes pynrrd raise nearly anything
    except Exception as error:
        raise DataError(f"{name}: the volume is damaged, cut short or no NRRD ({type(error).__name__})") from error
    return scan_of_header(content, header, start.tell(), channel, modality)


def scan_of_header(
    content: Content,
    header: dict[str, Any],
    offset: int,
    channel: int | None,
    modality: str | None,
    kind: Literal["nrrd", "metaimage"] = "nrrd",
) -> Scan:
    """A scan from a header in NRRD's words, whose voxels begin at ``offset`` of its file or lie in one beside it.

    Raises:
        DataError: as of :func:`open_nrrd`.
    """
    name = content.name
    try:
        data = _data_file(content, header)
        shape = tuple(int(side) for side in header["sizes"])
        space = _space_axes(name, header, len(shape))
        rest = tuple(side for axis, side in enumerate(shape) if axis not in space)
        sides = (*(shape[axis] if axis >= 0 else 1 for axis in space), *rest)
        dtype = _dtype(name, header)
        chosen = check_shape(name, sides, dtype, channel)
        notes: list[str] = []
        directions, origin, oriented = _geometry(name, header, space, notes)
        voxels = _voxels(data, 0 if data is not content else offset, header, shape, dtype, space, chosen, notes)
    except (DataError, MemoryError):
        raise
    # a damaged header makes numpy raise nearly anything
    except Exception as error:
        what = "NRRD" if kind == "nrrd" else "MetaImage"
        raise DataError(f"{name}: the volume is damaged, cut short or no {what} ({type(error).__name__})") from error
    sizes = np.linalg.norm(directions, axis=0)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = np.where(sizes > 0, directions, np.diag([-1.0, -1.0, 1.0])), origin
    source = NrrdSource(voxels, turn_of(name, affine), affine, header)
    row, column = (float(sizes[source.axes[place]]) for place in (1, 0))
    known = bool(np.isfinite([row, column]).all()) and min(row, column) > 0
    notes += [] if known else ["the header gives no spacing that can be used: areas are counted in pixels"]
    if known and max(row, column) > 2 * min(row, column):
        notes.append(f"pixels of axial slices are {row:.3g} x {column:.3g} mm: the slices will look squeezed")
    spacing = (round(row, 6), round(column, 6)) if known else None
    return grid_scan(name, kind, source, spacing, sizes, oriented, notes, modality)


def _data_file(content: Content, header: dict[str, Any]) -> Content:
    """Where the voxels are: in the file itself, or in one that lies beside it."""
    named = header.get("data file", header.get("datafile"))
    if named is None:
        return content
    named = str(named)
    plain = named == Path(named).name and not named.startswith(".") and "%" not in named and " " not in named
    if content.path is None or not plain or named.upper() == "LIST" or "\\" in named:
        raise DataError(
            f"{content.name}: its voxels are in other files; only one file that lies beside the header is read, given "
            "by its name alone; save the volume as one .nrrd file"
        )
    return Content.of(content.path.parent / named)


def _space_axes(name: str, header: dict[str, Any], count: int) -> tuple[int, int, int]:
    """The axes of the file that are space; -1 for the third of a flat picture."""
    kinds = [str(kind) for kind in header.get("kinds", [])] or ["domain"] * count
    if any(kind in _COLORS for kind in kinds):
        raise DataError(f"{name}: voxels of colours; expected one number each")
    directions = header.get("space directions")
    axes = [axis for axis in range(count) if kinds[axis] in ("domain", "space", "???", "none")]
    if directions is not None:
        for axis, direction in enumerate(np.asarray(each, dtype=float) for each in directions):
            if np.isfinite(direction).any() and not np.isfinite(direction).all():
                raise DataError(f"{name}: the space directions of axis {axis} hold values that are no numbers")
        axes = [axis for axis in range(count) if np.isfinite(np.asarray(directions[axis], dtype=float)).all()]
    if len(axes) > 3:
        axes = axes[:3]  # without directions, time comes last
    if len(axes) < 2:
        raise DataError(f"{name}: a volume of {len(axes)} dimensions; expected three")
    return axes[0], axes[1], axes[2] if len(axes) > 2 else -1


def _dtype(name: str, header: dict[str, Any]) -> np.dtype[Any]:
    found = _TYPES.get(str(header["type"]))
    if found is None:
        raise DataError(f"{name}: voxels of type {str(header['type'])[:20]!r}; expected numbers")
    endian = str(header.get("endian", "")).lower()
    plain = np.dtype(found).itemsize == 1 or str(header.get("encoding", "raw")).lower() in _TEXT
    if endian not in ("little", "big") and (endian or not plain):
        raise DataError(
            f"{name}: the header's endian is {endian[:20]!r}, expected little or big: how bytes make up a value is open"
        )
    return np.dtype(found).newbyteorder(">" if endian == "big" else "<")


def _geometry(
    name: str, header: dict[str, Any], space: tuple[int, int, int], notes: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64], bool]:
    """Directions [3, 3] of i, j and k as columns and the origin, RAS in millimetres; and whether sides are known.

    Where they are not, i is taken to run to the patient's left and j to the back, as pictures do. What looks odd is
    added to ``notes``.
    """
    kind = str(header.get("space", "")).lower().removesuffix("-time")
    signs = _SPACES.get(_SHORT.get(kind, kind))
    stated, directions = header.get("space directions"), np.zeros((3, 3))
    unit = np.ones(3)
    for axis, word in enumerate([str(word).strip().lower() for word in header.get("space units", [])][:3]):
        if word not in _UNITS:
            raise DataError(f"{name}: the space unit {word[:20]!r} is not known; expected mm, cm, m or um")
        unit[axis] = _UNITS[word]
    if stated is not None and len(np.asarray(stated[space[0]])) == 3:
        for place, axis in enumerate(space):
            if axis >= 0:
                directions[:, place] = np.asarray(stated[axis], dtype=np.float64) * unit
        _compare(directions, header.get("spacings"), space, notes)
        if space[2] < 0:
            directions[:, 2] = np.cross(directions[:, 0], directions[:, 1])
    elif stated is None and header.get("spacings") is not None:
        sizes = [abs(float(header["spacings"][axis])) if axis >= 0 else 0.0 for axis in space]
        return np.diag([-sizes[0], -sizes[1], sizes[2]]), np.zeros(3), False
    else:
        return directions, np.zeros(3), False
    origin = np.asarray(header.get("space origin", np.full(3, np.nan)), dtype=np.float64) * unit
    if not np.isfinite(origin).all():
        notes.append("the header does not say where the volume lies (space origin): places count from its first voxel")
    if signs is None:  # a space of the scanner, not of the patient: sizes are known, sides are not
        return np.diag(np.linalg.norm(directions, axis=0) * [-1, -1, 1]), np.zeros(3), False
    return np.diag(signs) @ directions, np.diag(signs) @ np.nan_to_num(origin), True


def _compare(directions: NDArray[np.float64], spacings: Any, space: tuple[int, int, int], notes: list[str]) -> None:
    """Note where spacings are given beside directions, and are not their lengths."""
    for place, axis in enumerate(space):
        if spacings is None or axis < 0:
            continue
        stated, taken = abs(float(spacings[axis])), float(np.linalg.norm(directions[:, place]))
        if np.isfinite(stated) and abs(stated - taken) > 0.02 * taken:
            notes.append(
                f"spacings and space directions of the header contradict each other ({stated:.3g} and {taken:.3g} mm): "
                "the latter are taken"
            )
            return


def _voxels(
    content: Content,
    offset: int,
    header: dict[str, Any],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    space: tuple[int, int, int],
    chosen: int,
    notes: list[str],
) -> Voxels:
    name, encoding = content.name, str(header.get("encoding", "raw")).lower()
    needed = math.prod(shape) * dtype.itemsize
    skip = int(header.get("byte skip", header.get("byteskip", 0)))
    if int(header.get("line skip", header.get("lineskip", 0))):
        raise DataError(f"{name}: lines are to be skipped before its voxels, which is not read; save the volume anew")
    if skip < -1 or skip > MAX_VOXELS:
        raise DataError(f"{name}: {skip:,} bytes are to be skipped before its voxels; the header is damaged")
    if encoding in _PACKINGS:
        packing: Any = _PACKINGS[encoding]
        if skip == -1:  # the voxels are the last of what unpacks, whatever lies before
            file, skip = unpacked_end(content, needed, packing, offset)
        else:
            file, more = unpacked(content, skip + needed, packing, offset)
            if more:
                notes.append("the packed data hold more than the voxels that the header tells of: the first are read")
        return Voxels(name, shape, dtype, skip, file=file, space=space, chosen=chosen)
    if encoding in _TEXT:
        with content.open() as file_:
            file_.seek(offset)
            words = file_.read().split()
        if len(words) > math.prod(shape):
            raise DataError(f"{name}: the header speaks of {math.prod(shape):,} values, the file holds {len(words):,}")
        values = np.array(words, dtype=dtype.newbyteorder("="))
        content, offset, dtype = InMemory(name, values.tobytes()), 0, values.dtype
    elif encoding != "raw":
        raise DataError(f"{name}: the voxels are packed as {encoding[:20]!r}; expected raw, gzip, bzip2 or text")
    else:
        offset = content.size - needed if skip == -1 else offset + skip
    held = max(content.size - offset, 0)
    if offset < 0 or held < needed:
        raise DataError(f"{name}: cut short: the header speaks of {needed:,} bytes, the file holds {held:,}")
    if held > needed:
        raise DataError(
            f"{name}: the header speaks of {needed:,} bytes of voxels, the file holds {held:,}: where they begin is "
            "open; say it by 'byte skip', or save the volume anew"
        )
    return Voxels(name, shape, dtype, offset, content=content, space=space, chosen=chosen)

"""MetaImage files (``.mha``, or ``.mhd`` with its data beside it), as ITK writes them, read slice by slice.

The header is lines of ``Key = Value``, the last of which says where the voxels are. Directions and origin are of ITK's
patient space: left, back, up. What the header says is put into the words of NRRD, which has one reader for both.
"""

import re
from typing import Any

import numpy as np

from lexseg.errors import DataError
from lexseg.scans.content import Content
from lexseg.scans.nrrd import scan_of_header
from lexseg.scans.scan import Scan

_MAX_HEADER = 1_000_000  # bytes
_END = re.compile(rb"^\s*ElementDataFile\s*=\s*([^\r\n]*)\r?\n?", re.IGNORECASE | re.MULTILINE)
_TYPES = {
    "MET_CHAR": "int8", "MET_UCHAR": "uint8", "MET_SHORT": "int16", "MET_USHORT": "uint16", "MET_INT": "int32",
    "MET_UINT": "uint32", "MET_LONG_LONG": "int64", "MET_ULONG_LONG": "uint64", "MET_FLOAT": "float",
    "MET_DOUBLE": "double",
}  # fmt: skip


def open_metaimage(content: Content, channel: int | None, modality: str | None = None) -> Scan:
    """A MetaImage as a scan.

    Raises:
        DataError: if the file is damaged, holds colours or several volumes and there is no ``channel``, is too large,
            or its data lie in more than one other file.
    """
    name = content.name
    with content.open() as file:
        start = file.read(_MAX_HEADER)
    end = _END.search(start)
    if end is None:
        raise DataError(f"{name}: the header does not say where the voxels are (ElementDataFile); it is damaged")
    try:
        fields = dict(_fields(start[: end.start()]))
        header = _as_nrrd(name, fields)
        where = end[1].decode("utf-8").strip()
    except (KeyError, ValueError, UnicodeDecodeError) as error:
        raise DataError(f"{name}: the header is damaged: {error}") from error
    if where.upper() != "LOCAL":
        header["data file"] = where
    return scan_of_header(content, header, end.end(), channel, modality, kind="metaimage")


def _fields(header: bytes) -> list[tuple[str, str]]:
    lines = [line.partition("=") for line in header.decode("utf-8").splitlines() if line.strip()]
    return [(key.strip().lower(), value.strip()) for key, _, value in lines]


def _as_nrrd(name: str, fields: dict[str, str]) -> dict[str, Any]:
    """The header in NRRD's words."""
    count = int(fields["ndims"])
    sizes = [int(word) for word in fields["dimsize"].split()]
    if count != len(sizes) or not 2 <= count <= 4:
        raise ValueError(f"NDims is {fields['ndims'][:20]}, DimSize {fields['dimsize'][:40]}")
    if fields.get("elementtype", "") not in _TYPES:
        raise DataError(f"{name}: voxels of type {fields.get('elementtype', '')[:20]!r}; expected numbers")
    if int(fields.get("elementnumberofchannels", "1")) != 1:
        raise DataError(f"{name}: voxels of colours or vectors; expected one number each")
    if _true(fields, "binarydata", default=True) is False:
        raise DataError(f"{name}: the voxels are written as text; save the volume as binary")
    spacing = _numbers(fields, ("elementspacing", "elementsize"), count)
    big = _true(fields, "binarydatabyteordermsb") or _true(fields, "elementbyteordermsb")
    header: dict[str, Any] = {
        "type": _TYPES[fields["elementtype"]],
        "dimension": count,
        "sizes": np.array(sizes),
        "endian": "big" if big else "little",
        "encoding": "zlib" if _true(fields, "compresseddata") else "raw",
        "byte skip": int(fields.get("headersize", "0")),
    }
    matrix = _numbers(fields, ("transformmatrix", "rotation", "orientation"), count * count)
    origin = _numbers(fields, ("offset", "position", "origin"), count)
    if spacing is None:
        return header
    if matrix is None or count < 3:
        return header | {"spacings": np.array(spacing)}
    rows = np.array(matrix).reshape(count, count) * np.array(spacing)[:, None]
    directions = np.full((count, 3), np.nan)
    directions[:3] = rows[:3, :3]  # a fourth axis is time
    place = np.full(3, np.nan) if origin is None else np.array(origin[:3])
    return header | {"space": "left-posterior-superior", "space directions": directions, "space origin": place}


def _numbers(fields: dict[str, str], names: tuple[str, ...], count: int) -> list[float] | None:
    stated = next((fields[name] for name in names if name in fields), None)
    if stated is None:
        return None
    numbers = [float(word) for word in stated.split()]
    if len(numbers) != count:
        raise ValueError(f"{names[0]} has {len(numbers)} numbers, expected {count}")
    return numbers


def _true(fields: dict[str, str], name: str, default: bool = False) -> bool:
    word = fields.get(name, str(default)).lower()
    if word not in ("true", "false", "1", "0"):
        raise ValueError(f"{name} is {word[:20]!r}; expected True or False")
    return word in ("true", "1")

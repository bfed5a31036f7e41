"""NIfTI files as scans, read slice by slice."""

import math
import struct
import tempfile
import zlib
from typing import IO, Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from lexseg.data.scans.content import Content
from lexseg.data.scans.grid import grid_scan
from lexseg.data.scans.limits import MAX_HEADER, MAX_PIXELS, MAX_VOXELS
from lexseg.data.scans.scan import Scan
from lexseg.data.scans.sources import NiftiSource
from lexseg.data.volumes.read import sizes_of, spacing_of, turn_of
from lexseg.errors import DataError

_MAGIC = {348: (344, (b"n+1\0", b"ni1\0")), 540: (4, (b"n+2\0", b"ni2\0"))}
_IN_MEMORY = 64_000_000  # bytes up to which an unpacked file is held in memory, not in a temporary file
_CHUNK = 1 << 20


def nifti_magic(start: bytes) -> bytes | None:
    """The magic of a NIfTI header (``n+1``, ``ni1``, ``n+2`` or ``ni2``); ``None`` if it is none. 352 bytes will do."""
    if len(start) < 348:
        return None
    for order in "<>":
        place, magics = _MAGIC.get(struct.unpack(f"{order}i", start[:4])[0], (0, ()))
        if magics and start[place : place + 4] in magics:
            return start[place : place + 3]
    return None


def gunzip_start(content: Content, count: int) -> bytes:
    """The first bytes of a gzip file, unpacked; as many as there are if it is damaged."""
    with content.open() as file:
        try:
            return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(file.read(1 << 16), count)
        except zlib.error:
            return b""


def open_nifti(content: Content, channel: int | None) -> Scan:
    """A NIfTI file (``.nii`` or ``.nii.gz``) as a scan.

    Raises:
        DataError: as :func:`lexseg.data.volumes.read.read_volume`.
    """
    name = content.name
    try:
        packed = content.start(2) == b"\x1f\x8b"
        start = gunzip_start(content, 544) if packed else content.start(544)
        if (nifti_magic(start) or b"")[:2] == b"ni":
            raise DataError(f"{name}: half of a pair of files (.hdr and .img); save the volume as one .nii file")
        image: Any = _load(content, packed, start)
        raw = type(image).header_class(start[: type(image).header_class.sizeof_hdr], check=False)
        affine = np.asarray(image.affine, dtype=np.float64)
    except (DataError, MemoryError):
        raise
    # a damaged file makes nibabel, zlib and numpy raise nearly anything
    except Exception as error:
        raise DataError(f"{name}: the volume is damaged, cut short or no NIfTI ({type(error).__name__})") from error
    shape = _check_shape(name, image, channel)
    oriented = int(raw["sform_code"]) > 0 or int(raw["qform_code"]) > 0
    affine = affine if oriented else np.diag([-1.0, 1.0, 1.0, 1.0])
    turn = turn_of(name, affine)
    spacing, notes = spacing_of(raw, affine, oriented, turn)

    def read(axis: int, index: int) -> NDArray[Any]:
        # of 2D files the third axis is thought, of 4D ones the channel is chosen; further axes have length 1
        key: list[Any] = [slice(None)] * 3 + [channel or 0] + [0] * len(image.shape)
        key[axis] = index
        try:
            values = np.asarray(image.dataobj[tuple(key[: len(image.shape)])])
        # as above; and the file may be shorter than its header says
        except Exception as error:
            raise DataError(f"{name}: slice {index} is damaged or cut short ({type(error).__name__})") from error
        return values.reshape([side for place, side in enumerate(shape) if place != axis])

    source = NiftiSource(read, shape, turn, affine, image.header)
    return grid_scan(name, "nifti", source, spacing, sizes_of(raw), oriented, notes)


def _load(content: Content, packed: bool, start: bytes) -> Any:
    kind = nib.Nifti2Image if (nifti_magic(start) or b"")[2:] == b"2" else nib.Nifti1Image
    header: Any = kind.header_class(start[: kind.header_class.sizeof_hdr], check=False)
    offset, voxels = float(header["vox_offset"]), math.prod(int(side) for side in header.get_data_shape())
    if not 0 <= offset <= MAX_HEADER:
        raise DataError(f"{content.name}: the header says that the voxels begin at byte {offset:g}; it is damaged")
    if not 0 < voxels <= MAX_VOXELS:
        sides = " x ".join(map(str, header.get_data_shape()))
        raise DataError(f"{content.name}: a volume of {sides} voxels; at least 1 and at most {MAX_VOXELS:,} are read")
    needed = int(offset) + voxels * int(header.get_data_dtype().itemsize)
    if packed:
        file = _gunzipped(content, needed)
    elif content.size < needed:
        raise DataError(f"{content.name}: cut short: the header speaks of {needed:,} bytes, there are {content.size:,}")
    else:
        file = content.open()
    holder = nib.FileHolder(fileobj=file)
    return kind.from_file_map({"header": holder, "image": holder})


def _gunzipped(content: Content, needed: int) -> IO[bytes]:
    """The file unpacked, no further than its header says: in memory, if it is large in a nameless temporary file."""
    target: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - lives as long as the scan
    unpacker, written = zlib.decompressobj(zlib.MAX_WBITS | 16), 0
    with content.open() as file:
        data = file.read(_CHUNK)
        while written < needed and data:
            unpacked = unpacker.decompress(data, min(_CHUNK, needed - written))
            target.write(unpacked)
            written += len(unpacked)
            if unpacker.eof:  # a gzip file may consist of several
                data, unpacker = unpacker.unused_data or file.read(_CHUNK), zlib.decompressobj(zlib.MAX_WBITS | 16)
            else:
                data = unpacker.unconsumed_tail or file.read(_CHUNK)
    if written < needed:
        raise DataError(f"{content.name}: cut short: the header speaks of {needed:,} bytes, it unpacks to {written:,}")
    target.seek(0)
    return target


def _check_shape(name: str, image: Any, channel: int | None) -> tuple[int, int, int]:
    """The three sides of the volume that is meant."""
    shape = tuple(int(side) for side in image.shape)
    if image.get_data_dtype().kind not in "uif":
        raise DataError(f"{name}: voxels of {image.get_data_dtype()}; expected one number each, no colours")
    if len(shape) < 2 or sorted(shape)[-1] * sorted(shape)[-2] > MAX_PIXELS:
        raise DataError(f"{name}: a volume of shape {shape}; expected three dimensions and slices of a sane size")
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    count = math.prod(shape[3:])
    if len(shape) > 4 or (len(shape) == 4 and channel is None):
        raise DataError(
            f"{name}: holds {count} volumes ({' x '.join(map(str, shape))}), expected one; say which is meant by "
            "--channel, counted from 0"
        )
    if len(shape) == 4 and not 0 <= (channel or 0) < count:
        raise DataError(f"{name}: there is no channel {channel}; there are {count}, counted from 0")
    return (*shape, 1)[:3] if len(shape) < 3 else shape[:3]  # type: ignore[return-value]

"""What a file is, by its first bytes and not by its name."""

import re
import struct
from typing import Literal

from lexseg.scans.content import Content

Kind = Literal["image", "dicom", "nifti", "nrrd", "metaimage", "zip"]

_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"BM")
_START = 544  # bytes from which a kind is recognised
_METAIMAGE = re.compile(rb"\s*(ObjectType|ObjectSubType|Comment|NDims)\s*=", re.IGNORECASE)
_MAGIC = {348: (344, (b"n+1\0", b"ni1\0")), 540: (4, (b"n+2\0", b"ni2\0"))}


def kind_of(content: Content) -> Kind | None:
    """What a file is, by its first bytes; ``None`` if nothing that is known."""
    start = content.start(_START)
    if start[128:132] == b"DICM":  # before all else: what precedes may be the start of a TIFF
        return "dicom"
    return "image" if start.startswith(_PICTURES) else _kind_of_volume(content, start)


def _kind_of_volume(content: Content, start: bytes) -> Kind | None:
    if start[:2] == b"\x1f\x8b":
        from lexseg.scans.unpack import gunzip_start

        start = gunzip_start(content, _START)
        return "nifti" if nifti_magic(start) else None
    if nifti_magic(start):
        return "nifti"
    if start.startswith(b"NRRD"):
        return "nrrd"
    if is_metaimage(start):
        return "metaimage"
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    return "dicom" if looks_like_dicom(start) else None


def is_metaimage(start: bytes) -> bool:
    """Whether a file that begins so is a MetaImage."""
    return _METAIMAGE.match(start) is not None


def nifti_magic(start: bytes) -> bytes | None:
    """The magic of a NIfTI header (``n+1``, ``ni1``, ``n+2`` or ``ni2``); ``None`` if it is none. 352 bytes will do."""
    if len(start) < 348:
        return None
    for order in "<>":
        place, magics = _MAGIC.get(struct.unpack(f"{order}i", start[:4])[0], (0, ()))
        if magics and start[place : place + 4] in magics:
            return start[place : place + 3]
    return None


def looks_like_dicom(start: bytes) -> bool:
    """Whether a file begins as DICOM files do, with the preamble or (as old ones do) without it. 132 bytes will do."""
    if start[128:132] == b"DICM":
        return True
    # without: group 0002 or 0008 at once, whose first elements have small numbers
    if len(start) < 8:
        return False
    group, element = struct.unpack("<HH", start[:4])
    swapped = struct.unpack(">HH", start[:4])
    explicit = start[4:6].isalpha() and start[4:6].isupper()
    for number, small in ((group, element), swapped):
        if number in (0x0002, 0x0008) and small <= 0x0070:
            length = struct.unpack("<I" if (number, small) == (group, element) else ">I", start[4:8])[0]
            return explicit or length <= 0x1000
    return False

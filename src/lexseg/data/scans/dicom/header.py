"""The header of a DICOM file, and where in the file its pixels lie."""

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from lexseg.data.scans.content import Content, InMemory
from lexseg.data.scans.dicom.kinds import VIDEO, not_an_image
from lexseg.data.scans.limits import FREE_BYTES, MAX_FRAMES, MAX_INFLATED, MAX_PIXELS, MAX_RATIO, MAX_VOXELS
from lexseg.errors import DataError


class NotAnImage(DataError):
    """A DICOM file of another kind. Attribute: what: such as "a structured report (SR)"."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name}: this is {what}, not an image; give the images that it belongs to")
        self.what = what


_KEYWORDS = {0x0010: "PixelData", 0x0009: "DoubleFloatPixelData", 0x0008: "FloatPixelData"}
_NO_PIXELS = "a DICOM file without pixels"
_LONG = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN", b"SQ", b"UT", b"UC", b"UR")


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """A DICOM file without its pixels.

    Attributes:
        content: the file; inflated, if it was deflated.
        dataset: what the header says.
        syntax: the transfer syntax.
        offset: of the first byte of the pixel data's value in the content.
        pixel_vr: OB, OW, ...; as the file says.
        keyword: ``PixelData``, ``FloatPixelData`` or ``DoubleFloatPixelData``.
        frames: how many it holds.
    """

    content: Content
    dataset: Dataset
    syntax: UID
    offset: int
    pixel_vr: str
    keyword: str
    frames: int

    @property
    def modality(self) -> str | None:
        """CT, MR, ..."""
        return text(self.dataset, "Modality").upper() or None

    @property
    def size(self) -> tuple[int, int]:
        """Rows, columns."""
        return int(self.dataset.Rows), int(self.dataset.Columns)

    @property
    def series(self) -> str:
        """SeriesInstanceUID."""
        return text(self.dataset, "SeriesInstanceUID")

    @property
    def instance(self) -> str:
        """SOPInstanceUID."""
        return text(self.dataset, "SOPInstanceUID")


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


def text(dataset: Dataset, keyword: str) -> str:
    """A value as a word; empty where there is none, or it is damaged."""
    try:
        value = dataset.get(keyword)
        return "" if value is None or isinstance(value, Sequence) else str(value).strip()
    # pydicom converts values when they are asked for, and damaged ones raise nearly anything
    except Exception:
        return ""


def read_header(content: Content) -> Header:
    """The header of an image.

    Raises:
        NotAnImage: if the file is a report, a segmentation, ...
        DataError: if the file is no DICOM, damaged, or larger than the limits.
    """
    dataset, content, offset = _read_dataset(content)
    name = content.name
    kind = text(dataset, "SOPClassUID") or text(getattr(dataset, "file_meta", Dataset()), "MediaStorageSOPClassUID")
    what = not_an_image(kind, text(dataset, "Modality").upper())
    if what is not None:
        raise NotAnImage(name, what)
    syntax = _syntax(dataset)
    if not syntax.is_transfer_syntax:
        raise DataError(f"{name}: the header names no known transfer syntax; the file is damaged")
    if str(syntax).startswith(VIDEO):
        raise DataError(f"{name}: the frames are packed as a video ({syntax.name}), which is not read; export stills")
    frames = _check_shape(dataset, name)
    try:
        with content.open() as file:
            file.seek(offset)
            element, vr, length, start = _pixel_element(file.read(12), *_encoding(dataset, syntax))
    except (struct.error, KeyError) as error:
        raise DataError(f"{name}: cut short: the header speaks of pixels, but there are none") from error
    header = Header(content, dataset, syntax, offset + start, vr, element, frames)
    if not syntax.is_compressed:
        _check_length(header, length)
    elif header.frames > max(header.content.size - header.offset, 0) // 8:  # each has a header of its own
        raise DataError(f"{name}: cut short: {header.frames} packed frames do not fit into the file")
    return header


def _read_dataset(content: Content) -> tuple[Dataset, Content, int]:
    """What a DICOM file says, up to the pixels.

    Returns:
        The dataset, the content (inflated, if it was deflated), and where in it the dataset ends.
    """
    if not looks_like_dicom(content.start(132)):
        raise DataError(f"{content.name}: not a DICOM file")
    try:
        content = _inflated(content)
        with content.open() as file:
            dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True)
            offset = file.tell()
    except (DataError, MemoryError):
        raise
    # damaged headers make pydicom raise nearly anything
    except Exception as error:
        raise DataError(f"{content.name}: the DICOM header is damaged or cut short ({_short(error)})") from error
    return dataset, content, offset


def _syntax(dataset: Dataset) -> UID:
    stated = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    if stated:
        return UID(str(stated))
    implicit, little = dataset.original_encoding
    if implicit:
        return UID("1.2.840.10008.1.2")
    return UID("1.2.840.10008.1.2.1" if little or little is None else "1.2.840.10008.1.2.2")


def _encoding(dataset: Dataset, syntax: UID) -> tuple[bool, bool]:
    """Whether the header is written without value representations, and little-endian: as found, else as stated."""
    implicit, little = dataset.original_encoding
    return (
        syntax.is_implicit_VR if implicit is None else implicit,
        syntax.is_little_endian if little is None else little,
    )


def _pixel_element(data: bytes, implicit: bool, little: bool) -> tuple[str, str, int, int]:
    """Keyword, value representation, length, and how long the element's own header is."""
    order = "<" if little else ">"
    group, element = struct.unpack(f"{order}HH", data[:4])
    if group != 0x7FE0:
        raise KeyError(group)
    if implicit:
        return _KEYWORDS[element], "OW", struct.unpack(f"{order}I", data[4:8])[0], 8
    vr = data[4:6].decode("ascii", "replace")
    return _KEYWORDS[element], vr, struct.unpack(f"{order}I", data[8:12])[0], 12


def number(dataset: Dataset, keyword: str, default: int | None = None) -> int | None:
    """A whole number, or the default where there is none, or it is damaged."""
    try:
        value: Any = dataset.get(keyword)
        return default if value is None or value == "" else int(value)
    except Exception:
        return default


def _check_shape(dataset: Dataset, name: str) -> int:
    rows, columns = number(dataset, "Rows"), number(dataset, "Columns")
    if rows is None or columns is None:
        raise NotAnImage(name, _NO_PIXELS)
    frames = number(dataset, "NumberOfFrames", 1) or 1
    if rows < 1 or columns < 1 or frames < 1:
        raise DataError(f"{name}: the header says {frames} frames of {rows} x {columns} pixels; the file is damaged")
    if rows * columns > MAX_PIXELS:
        raise DataError(
            f"{name}: frames of {rows} x {columns} pixels; at most {MAX_PIXELS // 1_000_000} million are opened"
        )
    if rows * columns * frames > MAX_VOXELS or frames > MAX_FRAMES:
        raise DataError(
            f"{name}: {frames} frames of {rows} x {columns} pixels; at most {MAX_VOXELS:,} voxels and {MAX_FRAMES:,} "
            "frames are opened"
        )
    samples = number(dataset, "SamplesPerPixel", 1)
    if samples not in (1, 3):
        raise DataError(f"{name}: {samples} samples for each pixel; expected 1 (gray) or 3 (colour)")
    bits = number(dataset, "BitsAllocated", 0)
    if bits not in (1, 8, 16, 32, 64):
        raise DataError(f"{name}: {bits} bits for each sample; expected 1, 8, 16, 32 or 64")
    return frames


def _check_length(header: Header, length: int) -> None:
    rows, columns = header.size
    samples = number(header.dataset, "SamplesPerPixel", 1) or 1
    bits = number(header.dataset, "BitsAllocated", 8) or 8
    subsampled = text(header.dataset, "PhotometricInterpretation") == "YBR_FULL_422"
    values = rows * columns * header.frames * samples
    expected = (values * bits + 7) // 8
    expected = expected * 2 // 3 if subsampled else expected
    held = min(length, max(header.content.size - header.offset, 0))
    if held < expected:
        raise DataError(
            f"{header.content.name}: cut short: {header.frames} frames of {rows} x {columns} pixels take {expected:,} "
            f"bytes, the file holds {held:,}"
        )


def _inflated(content: Content) -> Content:
    """A deflated data set (the header too) unpacked, within limits; others as they are."""
    with content.open() as file:
        start = file.read(4096)
        place = start.find(DeflatedExplicitVRLittleEndian.encode(), 132)
        if start[128:132] != b"DICM" or place < 0:
            return content
        end = _end_of_meta(start)
        if place >= end:
            return content
        file.seek(end)
        limit = min(max(FREE_BYTES, MAX_RATIO * content.size), MAX_INFLATED)
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        data = unpacker.decompress(file.read(), limit)
        if unpacker.unconsumed_tail:
            raise DataError(f"{content.name}: unpacks to more than {limit:,} bytes; it may be made to fill the memory")
    # the same data set under the plain syntax; an identifier may be padded with zeros
    plain = b"1.2.840.10008.1.2.1".ljust(len(DeflatedExplicitVRLittleEndian), b"\0")
    meta = start[:end].replace(DeflatedExplicitVRLittleEndian.encode(), plain, 1)
    return InMemory(content.name, meta + data)


def _end_of_meta(start: bytes) -> int:
    """Where group 0002, which is never deflated, ends."""
    file, at = io.BytesIO(start), 132
    while at + 8 <= len(start):
        file.seek(at)
        group, _, vr, length = struct.unpack("<HH2sH", file.read(8))
        if group != 0x0002:
            break
        at += 8 + length
        if vr in _LONG:
            at += 4 - length + struct.unpack("<I", file.read(4))[0]
    return at


def _short(error: Exception) -> str:
    """The kind of an error; its words may hold what the file says of the patient."""
    return type(error).__name__

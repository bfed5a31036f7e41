"""The header of a DICOM file, and where in the file its pixels lie."""

import io
import struct
import zlib
from dataclasses import dataclass, replace

from pydicom.dataset import Dataset
from pydicom.encaps import parse_basic_offsets, parse_fragments
from pydicom.filereader import read_partial
from pydicom.sequence import Sequence
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from lexseg.errors import DataError
from lexseg.scans.content import Content, InMemory, looks_like_dicom
from lexseg.scans.dicom.groups import UnusableValue, named, value_of
from lexseg.scans.dicom.kinds import VIDEO, not_an_image
from lexseg.scans.limits import FREE_BYTES, MAX_FRAMES, MAX_INFLATED, MAX_PIXELS, MAX_RATIO, MAX_VOXELS


class NotAnImage(DataError):
    """A DICOM file of another kind. Attribute: what: such as "a structured report (SR)"."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name}: this is {what}, not an image; give the images that it belongs to")
        self.what = what


_KEYWORDS = {0x7FE00010: "PixelData", 0x7FE00009: "DoubleFloatPixelData", 0x7FE00008: "FloatPixelData"}
_OF_PIXELS = ("OB", "OW", "OF", "OD", "UN")
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
        length: of the pixel data's value, bytes; of packed ones all that follows.
        notes: what looks odd about how much it holds.
    """

    content: Content
    dataset: Dataset
    syntax: UID
    offset: int
    pixel_vr: str
    keyword: str
    frames: int
    length: int = 0
    notes: tuple[str, ...] = ()

    @property
    def modality(self) -> str | None:
        """What made the image, as DICOM names it: CT, MR, ..."""
        return text(self.dataset, "Modality").upper() or None

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns, in pixels."""
        return int(self.dataset.Rows), int(self.dataset.Columns)

    @property
    def series(self) -> str:
        """SeriesInstanceUID, of the series that the image belongs to."""
        return text(self.dataset, "SeriesInstanceUID")

    @property
    def owner(self) -> tuple[str, ...]:
        """Whose images of what study and series belong together: no identifier alone is trusted to tell."""
        patient = text(self.dataset, "PatientID") or text(self.dataset, "PatientName")
        return self.series, text(self.dataset, "StudyInstanceUID"), patient

    @property
    def instance(self) -> str:
        """SOPInstanceUID, of this image alone."""
        return text(self.dataset, "SOPInstanceUID")


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
    dataset, content, pixels = _read_dataset(content)
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
    try:
        frames = _check_shape(dataset, name)
        if pixels is None:
            raise DataError(f"{name}: cut short: the header speaks of pixels, but there are none")
        if pixels.vr not in _OF_PIXELS:
            raise DataError(f"{name}: the pixels are written as {pixels.vr!r}, expected OB or OW; send the image anew")
        length = min(pixels.length, max(content.size - pixels.offset, 0))
        header = Header(content, dataset, syntax, pixels.offset, pixels.vr, _KEYWORDS[pixels.tag], frames, length)
        if not syntax.is_compressed:
            found = _check_length(header)
        elif header.frames > max(header.content.size - header.offset, 0) // 8:  # each has a header of its own
            raise DataError(f"{name}: cut short: {header.frames} packed frames do not fit into the file")
        else:
            found = _packed_frames(header)
    except UnusableValue as error:
        raise DataError(f"{name}: {error}") from error
    return replace(header, notes=_more(header, found))


@dataclass(frozen=True, slots=True)
class _Pixels:
    """The element of the pixels as pydicom finds it. Attributes: tag, vr, length; offset: of its value in the file."""

    tag: int
    vr: str
    length: int
    offset: int


def _read_dataset(content: Content) -> tuple[Dataset, Content, _Pixels | None]:
    """What a DICOM file says, up to the pixels.

    Returns:
        The dataset, the content (inflated, if it was deflated), and where in it the pixels are; ``None`` if nowhere.
    """
    if not looks_like_dicom(content.start(132)):
        raise DataError(f"{content.name}: not a DICOM file")
    found: list[_Pixels] = []
    try:
        content = _inflated(content)
        with content.open() as file:

            def at_pixels(tag: int, vr: str | None, length: int) -> bool:
                # asked by pydicom before it reads a value: where that begins is its own finding, whatever the header's
                # encoding is said to be. In an implicit one the pixels are words (PS3.5 A.1)
                if int(tag) in _KEYWORDS:
                    found.append(_Pixels(int(tag), vr or "OW", length, file.tell()))
                return bool(found)

            dataset = read_partial(file, stop_when=at_pixels, force=True)
    except (DataError, MemoryError):
        raise
    # damaged headers make pydicom raise nearly anything
    except Exception as error:
        raise DataError(f"{content.name}: the DICOM header is damaged or cut short ({_short(error)})") from error
    return dataset, content, found[0] if found else None


def _syntax(dataset: Dataset) -> UID:
    stated = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    if stated:
        return UID(str(stated))
    implicit, little = dataset.original_encoding
    if implicit:
        return UID("1.2.840.10008.1.2")
    return UID("1.2.840.10008.1.2.1" if little or little is None else "1.2.840.10008.1.2.2")


def number(dataset: Dataset, keyword: str, default: int | None = None) -> int | None:
    """A whole number, or the default where there is none.

    Raises:
        UnusableValue: if there is something else.
    """
    value = value_of(dataset, keyword, 1)
    return default if value is None else int(value)


def _check_shape(dataset: Dataset, name: str) -> int:
    rows, columns = number(dataset, "Rows"), number(dataset, "Columns")
    if rows is None or columns is None:
        raise NotAnImage(name, _NO_PIXELS)
    frames = number(dataset, "NumberOfFrames", 1) or 1  # 0 is said of in a note
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
    for keyword in ("PhotometricInterpretation", "PlanarConfiguration"):
        if samples == 3 and not text(dataset, keyword):
            raise DataError(f"{name}: {named(keyword)} is missing: which colour a value is of cannot be told")
    bits, _, _ = (number(dataset, keyword, 0) for keyword in ("BitsAllocated", "BitsStored", "PixelRepresentation"))
    if bits not in (1, 8, 16, 32, 64):
        raise DataError(f"{name}: {bits} bits for each sample; expected 1, 8, 16, 32 or 64")
    return frames


def _check_length(header: Header) -> float:
    """How many frames of pixels lie in the file."""
    rows, columns = header.size
    samples = number(header.dataset, "SamplesPerPixel", 1) or 1
    bits = number(header.dataset, "BitsAllocated", 8) or 8
    subsampled = text(header.dataset, "PhotometricInterpretation") == "YBR_FULL_422"
    values = rows * columns * header.frames * samples
    expected = (values * bits + 7) // 8
    whole, expected = expected, expected * 2 // 3 if subsampled else expected
    held = header.length
    if held < expected:
        raise DataError(
            f"{header.content.name}: cut short: {header.frames} frames of {rows} x {columns} pixels take {expected:,} "
            f"bytes, the file holds {held:,}"
        )
    # pydicom takes such pixels for ones of every colour
    return held / (whole if held >= whole else expected) * header.frames


def _packed_frames(header: Header) -> float:
    """How many frames are packed in the file, as far as it tells: by its table, or by their first bytes."""
    starts = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP")
    try:
        with header.content.open() as file:
            file.seek(header.offset)
            if table := parse_basic_offsets(file):
                return len(table)
            fragments, places = parse_fragments(file)
            if fragments <= header.frames or header.frames > 1:
                return header.frames
            found = 0
            for place in places:
                file.seek(place + 8)
                found += file.read(6).startswith(starts)
            return max(found, header.frames)
    # damaged pixels are told of when they are read
    except Exception:
        return header.frames


def _more(header: Header, found: float) -> tuple[str, ...]:
    """A note, where a file holds more pixels than its header tells of."""
    stated = number(header.dataset, "NumberOfFrames")
    told = f", without {named('NumberOfFrames')}" if stated is None else ""
    notes = [f"{named('NumberOfFrames')} is 0: one frame is read"] if stated == 0 else []
    if found >= header.frames + 1:
        frames = f"{header.frames} frame" + ("" if header.frames == 1 else "s")
        notes.append(
            f"the file holds the pixels of {int(found)} frames, but its header tells of {frames}{told}: what lies "
            "behind is not read"
        )
    return tuple(notes)


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

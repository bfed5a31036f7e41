"""The bytes of files, and what they are by the first of them: no length that a header states fills the memory."""

import io
import re
import struct
import tempfile
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Literal, cast

from lexseg.errors import DataError
from lexseg.scans.scan import open_file


class Bounded:
    """A file that never gives, nor makes room for, more bytes than it has left.

    Python's own ``read(4_000_000_000)`` sets that much memory aside before it looks how long the file is.
    """

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._size = file, size

    def read(self, size: int | None = -1) -> bytes:
        left = max(self._size - self._file.tell(), 0)
        return self._file.read(left if size is None or size < 0 else min(size, left))

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()

    @property
    def closed(self) -> bool:
        return self._file.closed

    def __enter__(self) -> "Bounded":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Stretch(io.RawIOBase):
    """A stretch of a larger file, which several threads may read at once."""

    def __init__(self, file: IO[bytes], lock: threading.Lock, start: int, size: int) -> None:
        self._file, self._lock, self._start, self._size, self._at = file, lock, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), max(self._size - self._at, 0))
        with self._lock:
            self._file.seek(self._start + self._at)
            data = self._file.read(wanted)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max((0, self._at, self._size)[whence] + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at


class Content:
    """The bytes of one file.

    Args:
        name: what messages call it.
        size: bytes.
        path: where it is, if it is a file of its own.
    """

    def __init__(self, name: str, size: int, path: Path | None = None) -> None:
        self.name, self.size, self.path = name, size, path

    @classmethod
    def of(cls, path: Path, name: str | None = None) -> "Content":
        """A file on disk.

        Raises:
            DataError: if there is none, it cannot be read, or it is empty.
        """
        name = name or str(path)
        if path.is_dir():
            raise DataError(f"{name}: not a file")
        with open_file(path, name) as file:
            size = file.seek(0, io.SEEK_END)
        if not size:
            raise DataError(f"{name}: the file is empty")
        return cls(name, size, path)

    def open(self) -> BinaryIO:
        """Opened for reading; the caller closes it."""
        if self.path is None:
            raise ValueError("a content without a path opens itself in its own way")
        return cast(BinaryIO, Bounded(self.path.open("rb"), self.size))

    def start(self, count: int) -> bytes:
        """The first ``count`` bytes; fewer where the file is shorter."""
        with self.open() as file:
            return file.read(count)


class InMemory(Content):
    """Bytes that are held in memory."""

    def __init__(self, name: str, data: bytes) -> None:
        super().__init__(name, len(data))
        self._data = data

    def open(self) -> BinaryIO:
        return io.BytesIO(self._data)


@dataclass(slots=True)
class Pool:
    """A nameless temporary file that holds the contents of many: it goes when the process does, however that ends."""

    file: IO[bytes]
    lock: threading.Lock

    @classmethod
    def new(cls) -> "Pool":
        return cls(tempfile.TemporaryFile(prefix="lexseg-"), threading.Lock())

    def part(self, name: str, start: int, size: int) -> "PooledContent":
        """A stretch of the file, ``size`` bytes from ``start`` on, as a content of its own."""
        return PooledContent(name, self, start, size)


class PooledContent(Content):
    """A file that lies in a pool."""

    def __init__(self, name: str, pool: Pool, start: int, size: int) -> None:
        super().__init__(name, size)
        self._pool, self._start = pool, start

    def open(self) -> BinaryIO:
        stretch = _Stretch(self._pool.file, self._pool.lock, self._start, self.size)
        return cast(BinaryIO, Bounded(io.BufferedReader(stretch), self.size))


Kind = Literal["image", "dicom", "nifti", "nrrd", "metaimage", "zip"]

_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"BM")
_PHOTOGRAPHS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")
_FOREIGN = (
    (b"GIF8", "a picture or clip as GIF"),
    (b"%PDF", "a PDF document"),
    (b"\0\0\0\x0cjP  ", "a picture as JPEG 2000"),
    (b"\xff\x4f\xff\x51", "a picture as JPEG 2000"),
)
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


def foreign_kind(start: bytes) -> str | None:
    """What a file is that is often given and not read, in words; ``None`` if it is nothing of these."""
    if start[4:8] == b"ftyp":
        return "a photograph as HEIC or AVIF" if start[8:12] in _PHOTOGRAPHS else "a film (MP4 or MOV)"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "a picture as WebP"
    return next((told for magic, told in _FOREIGN if start.startswith(magic)), None)


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


def gunzip_start(content: Content, count: int) -> bytes:
    """The first bytes of a gzip file, unpacked; as many as there are if it is damaged."""
    with content.open() as file:
        try:
            return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(file.read(1 << 16), count)
        except zlib.error:
            return b""

"""The bytes of files, read so that no length a header states can fill the memory."""

import io
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, cast

from lexseg.errors import DataError


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
        if path.exists() and not path.is_file():  # opening a pipe would wait for somebody to write
            raise DataError(f"{name}: not a file")
        try:
            with path.open("rb") as file:
                size = file.seek(0, io.SEEK_END)
        except FileNotFoundError as error:
            raise DataError(f"{name}: there is no such file") from error
        except OSError as error:
            raise DataError(f"{name}: cannot be read: {error.strerror}") from error
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

    def part(self, name: str, start: int, size: int) -> "Pooled":
        """A stretch of the file, ``size`` bytes from ``start`` on, as a content of its own."""
        return Pooled(name, self, start, size)


class Pooled(Content):
    """A file that lies in a pool."""

    def __init__(self, name: str, pool: Pool, start: int, size: int) -> None:
        super().__init__(name, size)
        self._pool, self._start = pool, start

    def open(self) -> BinaryIO:
        stretch = _Stretch(self._pool.file, self._pool.lock, self._start, self.size)
        return cast(BinaryIO, Bounded(io.BufferedReader(stretch), self.size))

"""Packed bytes, unpacked no further than they are said to reach."""

import bz2
import tempfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Literal, cast

from lexseg.errors import DataError
from lexseg.scans.content import Content

_IN_MEMORY = 64_000_000  # bytes up to which unpacked data are held in memory, not in a nameless temporary file
_CHUNK = 1 << 20
_STARTS = {"gzip": b"\x1f\x8b", "bzip2": b"BZh", "zlib": b"\0never"}  # zlib's data are never followed by more

Packing = Literal["gzip", "bzip2", "zlib"]

MAX_BEFORE = 64_000_000
"""Bytes that may unpack before those that are wanted: another format's header, and no bomb."""


def unpacked(content: Content, needed: int, packing: Packing = "gzip", offset: int = 0) -> tuple[BinaryIO, bool]:
    """The first ``needed`` bytes of what unpacks from a file.

    Args:
        content: the file.
        needed: bytes; what follows is left packed.
        packing: how it is packed; a file may consist of several packed ones.
        offset: of the packed data in the file.

    Returns:
        A file of its own, at its start: in memory, if it is large on the disk without a name. And whether more follows.

    Raises:
        DataError: if there is less, or the data are damaged.
    """
    target, written = _collected(content, needed, packing, offset)
    if written < needed:
        target.close()
        raise DataError(f"{content.name}: cut short: the header speaks of {needed:,} bytes, it unpacks to {written:,}")
    return target, written > needed


def unpacked_end(content: Content, needed: int, packing: Packing = "gzip", offset: int = 0) -> tuple[BinaryIO, int]:
    """All that unpacks from a file, and where in it the last ``needed`` bytes begin.

    Args:
        content: the file.
        needed: bytes.
        packing: how it is packed.
        offset: of the packed data in the file.

    Raises:
        DataError: if there is less, more than `MAX_BEFORE` besides, or the data are damaged.
    """
    target, written = _collected(content, needed + MAX_BEFORE, packing, offset)
    if not needed <= written <= needed + MAX_BEFORE:
        target.close()
        found = f"{written:,}" if written < needed else "far more"
        raise DataError(f"{content.name}: the header speaks of {needed:,} bytes, it unpacks to {found}")
    return target, written - needed


def _collected(content: Content, limit: int, packing: Packing, offset: int) -> tuple[BinaryIO, int]:
    """What unpacks, and its length: of a little more than the limit, if there is more."""
    target = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - lives as long as the scan
    written = 0
    try:
        for part in _parts(content, packing, offset):
            target.write(part[: max(limit - written, 0)])
            written += len(part)
            if written > limit:  # not at the limit: at the end of the data their sum is checked
                break
    except (zlib.error, OSError, EOFError, ValueError) as error:
        target.close()
        raise DataError(f"{content.name}: the packed data are damaged ({type(error).__name__})") from error
    target.seek(0)
    return cast(BinaryIO, target), written


def _parts(content: Content, packing: Packing, offset: int) -> Iterator[bytes]:
    """What unpacks, in parts of at most a chunk."""
    with content.open() as file:
        file.seek(offset)
        data, unpacker = file.read(_CHUNK), _new(packing)
        while data or not _idle(unpacker):
            if part := unpacker.decompress(data, _CHUNK):
                yield part
            if unpacker.eof:
                data, unpacker = unpacker.unused_data or file.read(_CHUNK), _new(packing)
                if not data.startswith(_STARTS[packing]):
                    return
                continue
            data = getattr(unpacker, "unconsumed_tail", b"")
            if not data and _idle(unpacker):
                data = file.read(_CHUNK)


def _new(packing: str) -> "zlib._Decompress | bz2.BZ2Decompressor":
    if packing == "bzip2":
        return bz2.BZ2Decompressor()
    return zlib.decompressobj(zlib.MAX_WBITS | (16 if packing == "gzip" else 0))


def _idle(unpacker: "zlib._Decompress | bz2.BZ2Decompressor") -> bool:
    """Whether it waits for more data (of zlib told by the tail it gives back)."""
    return unpacker.needs_input if isinstance(unpacker, bz2.BZ2Decompressor) else True

"""Packed bytes, unpacked no further than they are said to reach."""

import bz2
import tempfile
import zlib
from typing import BinaryIO, Literal, cast

from lexseg.data.scans.content import Content
from lexseg.errors import DataError

_IN_MEMORY = 64_000_000  # bytes up to which unpacked data are held in memory, not in a nameless temporary file
_CHUNK = 1 << 20


def gunzip_start(content: Content, count: int) -> bytes:
    """The first bytes of a gzip file, unpacked; as many as there are if it is damaged."""
    with content.open() as file:
        try:
            return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(file.read(1 << 16), count)
        except zlib.error:
            return b""


def unpacked(content: Content, needed: int, packing: Literal["gzip", "bzip2"] = "gzip", offset: int = 0) -> BinaryIO:
    """The first ``needed`` bytes of what unpacks from a file.

    Args:
        content: the file.
        needed: bytes; what follows is left packed.
        packing: how it is packed; a file may consist of several packed ones.
        offset: of the packed data in the file.

    Returns:
        A file of its own, at its start: in memory, if it is large on the disk without a name.

    Raises:
        DataError: if there is less, or the data are damaged.
    """
    target = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - lives as long as the scan
    written = 0
    try:
        with content.open() as file:
            file.seek(offset)
            data, unpacker = file.read(_CHUNK), _new(packing)
            while written < needed and (data or not _idle(unpacker)):
                part = unpacker.decompress(data, min(_CHUNK, needed - written))
                target.write(part)
                written += len(part)
                if unpacker.eof:
                    data, unpacker = unpacker.unused_data or file.read(_CHUNK), _new(packing)
                    continue
                data = getattr(unpacker, "unconsumed_tail", b"")
                if not data and _idle(unpacker):
                    data = file.read(_CHUNK)
            if written == needed and not unpacker.eof:
                unpacker.decompress(data or file.read(_CHUNK), _CHUNK)  # to the end, where the sum is checked
    except (zlib.error, OSError, EOFError, ValueError) as error:
        target.close()
        raise DataError(f"{content.name}: the packed data are damaged ({type(error).__name__})") from error
    if written < needed:
        target.close()
        raise DataError(f"{content.name}: cut short: the header speaks of {needed:,} bytes, it unpacks to {written:,}")
    target.seek(0)
    return cast(BinaryIO, target)


def _new(packing: str) -> "zlib._Decompress | bz2.BZ2Decompressor":
    return zlib.decompressobj(zlib.MAX_WBITS | 16) if packing == "gzip" else bz2.BZ2Decompressor()


def _idle(unpacker: "zlib._Decompress | bz2.BZ2Decompressor") -> bool:
    """Whether it waits for more data (of zlib told by the tail it gives back)."""
    return unpacker.needs_input if isinstance(unpacker, bz2.BZ2Decompressor) else True

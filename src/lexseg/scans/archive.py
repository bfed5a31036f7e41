"""Zips of images, unpacked within limits and without a use for the names in them."""

import zipfile
from collections.abc import Callable

from lexseg.errors import DataError
from lexseg.scans.content import Content, Pool
from lexseg.scans.limits import FREE_BYTES, MAX_FILES, MAX_RATIO, MAX_UNPACKED

_CHUNK = 1 << 20
_START = 544  # bytes from which the kind of a file is recognised


def unzipped(content: Content, wanted: Callable[[bytes], bool]) -> list[Content]:
    """The files of a zip, in one nameless temporary file: nothing is written under a name that the zip chose.

    Args:
        content: the zip.
        wanted: whether a file is of use, told by its start.

    Raises:
        DataError: if the zip is damaged or encrypted, or holds more than the limits.
    """
    name = content.name
    try:
        with content.open() as file, zipfile.ZipFile(file) as archive:
            return _unzip(content, archive, wanted)
    except (DataError, MemoryError):
        raise
    # damaged zips make zipfile and zlib raise nearly anything
    except Exception as error:
        raise DataError(f"{name}: the zip is damaged or cut short ({type(error).__name__}); pack it anew") from error


def _unzip(content: Content, archive: zipfile.ZipFile, wanted: Callable[[bytes], bool]) -> list[Content]:
    name, members = content.name, [info for info in archive.infolist() if not info.is_dir()]
    if len(members) > MAX_FILES:
        raise DataError(f"{name}: {len(members):,} files; at most {MAX_FILES:,} are unpacked, give one study")
    limit = min(MAX_UNPACKED, max(FREE_BYTES, MAX_RATIO * content.size))
    refusal = DataError(
        f"{name}: unpacks to more than {limit:,} bytes; it may be made to fill the disk. Give one study, or a folder"
    )
    if sum(info.file_size for info in members) > limit:
        raise refusal
    pool, written, found = Pool.new(), 0, []
    for number, info in enumerate(members, start=1):
        if info.flag_bits & 1:
            raise DataError(f"{name}: the zip is encrypted; unpack it first")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(f"{name}: packed in an unusual way (method {info.compress_type}); pack it anew")
        with archive.open(info) as packed:
            data = packed.read(_START)
            if not wanted(data):
                continue
            began = written
            while data:
                # what a zip says of its sizes need not be true
                written += len(data)
                if written > limit:
                    raise refusal
                pool.file.write(data)
                data = packed.read(_CHUNK)
        found.append(pool.part(f"{name} (file {number} of {len(members)})", began, written - began))
    pool.file.flush()
    return list(found)

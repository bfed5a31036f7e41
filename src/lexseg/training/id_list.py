"""Text files of ids, one a line."""

from collections.abc import Collection
from pathlib import Path

from lexseg.errors import DataError


def read_ids(path: Path, known: Collection[str], what: str) -> set[str]:
    """The ids that a file names; lines that begin with ``#`` and empty ones are not read.

    Args:
        path: UTF-8, with or without byte-order mark.
        known: the ids that may be named.
        what: what those are, for the message.

    Raises:
        DataError: the file cannot be read, or names another; with the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    listed = {line.strip(): number for number, line in enumerate(lines, start=1)}
    listed = {name: number for name, number in listed.items() if name and not name.startswith("#")}
    if missing := [(number, name) for name, number in listed.items() if name not in known]:
        named = "\n".join(f"line {number}: {name!r}" for number, name in missing[:10])
        raise DataError(f"{path}: {len(missing)} of {len(listed)} ids are no {what} of the manifests:\n{named}")
    return set(listed)

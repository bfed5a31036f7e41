"""Writing files that belong together, all or none."""

import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from lexseg.errors import ConfigError
from lexseg.files import replace_file


def check_writable(folder: Path) -> None:
    """Look, before any work is done for it, whether results can be written to a folder that may have to be made.

    Raises:
        ConfigError: if they cannot, in the terms of ``--output``.
    """
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise ConfigError(f"--output {folder}: {nearest} is a file; give a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise ConfigError(f"--output {folder}: {nearest} cannot be written to; give another folder")


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write files beside their places first, and only once all are complete move them there.

    A disk that is full, or a process that is killed, leaves no half-written file under any of the names.

    Args:
        contents: what each file is to hold. Missing folders are made; older files are replaced.

    Raises:
        OSError: with the name of the file that could not be written. What was begun is removed.
    """
    begun: list[tuple[Path, Path]] = []
    try:
        for path, content in contents.items():
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                begun.append((path.with_name(f".{secrets.token_hex(4)}"), path))
                replace_file(begun[-1][0], content)
            except OSError as error:
                raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        for temporary, path in begun:
            os.replace(temporary, path)
    except BaseException:
        for temporary, _ in begun:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        raise

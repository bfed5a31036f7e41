"""The folder for uploads: private, removed at the end, and where a server was killed by the next one that starts."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "lexseg-serve-"
_LOCK = ".alive"


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """A new folder that only this user may enter; it is gone when the block ends."""
    remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))  # 0700
    try:
        with open(folder / _LOCK, "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # held until the process ends, however it ends
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned() -> None:
    """Remove what servers of this user have left that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            with open(folder / _LOCK, "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)

"""Files that a process holds while it lives: they tell the next one what was left by one that was killed."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Make a file and hold it until the block, or the process, ends, however it ends; then it is removed."""
    file = _made_and_locked(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        file.close()


@contextlib.contextmanager
def abandoned(path: Path) -> Iterator[bool]:
    """Whether nobody holds a file any more; nobody else is told so while the block runs."""
    try:
        with open(path, "rb+") as file:
            yield _lock(file) and _is(path, file)
    except OSError:
        yield False


def _made_and_locked(path: Path) -> IO[bytes]:
    while True:
        file = open(path, "ab")  # noqa: SIM115 - held for as long as the caller says
        if _lock(file, wait=True) and _is(path, file):
            return file
        file.close()  # taken for abandoned, and removed, between the two


def _is(path: Path, file: IO[bytes]) -> bool:
    """Whether the file of this name is still the one that was opened."""
    import os

    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except OSError:
        return False


def _lock(file: IO[bytes], *, wait: bool = False) -> bool:
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        return _lock_on_windows(file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _lock_on_windows(file: IO[bytes]) -> bool:
    import msvcrt

    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError:
        return False
    return True

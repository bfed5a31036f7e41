"""Places and names for what may tell of a patient: folders that nobody else may enter and that are gone afterwards.

They go when their block ends; where the process was killed, the next one that makes such a folder removes them.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lexseg.locks import abandoned, held

_LOCK = ".alive"
_DIGITS = 8


@contextlib.contextmanager
def private_folder(purpose: str) -> Iterator[Path]:
    """A new folder for temporary files that only this user may enter; it is gone when the block ends.

    Args:
        purpose: a word for its name, which is ``lexseg-PURPOSE-`` and letters by chance.
    """
    remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=f"lexseg-{purpose}-"))  # 0700
    try:
        with held(folder / _LOCK):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned() -> None:
    """Remove what processes of this user have left that were killed, whatever they were doing."""
    for folder in Path(tempfile.gettempdir()).glob("lexseg-*-*"):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or not _is_own(folder):
                continue
            with abandoned(folder / _LOCK) as gone:
                if gone:
                    shutil.rmtree(folder, ignore_errors=True)


def short_hash(identity: str) -> str:
    """What stands for an identity in a file's name: the same for the same, and nothing that it tells."""
    return hashlib.sha256(identity.encode()).hexdigest()[:_DIGITS]


def _is_own(folder: Path) -> bool:
    return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()

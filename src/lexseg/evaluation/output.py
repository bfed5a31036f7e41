"""Result folders that are complete or not there at all."""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from lexseg.errors import ConfigError
from lexseg.files import folder_beside, make_folder, replace_folder, usual_mode

REPORT, TABLE, PAGE, MASKS = "report.json", "cases.csv", "report.html", "masks"


@contextlib.contextmanager
def fresh_folder(path: Path, *, inputs: Iterable[Path] = ()) -> Iterator[Path]:
    """A temporary folder that takes its place at ``path`` if the block ends well, and vanishes if it does not.

    Args:
        path: may be missing, empty, or hold an earlier evaluation, which is replaced as a whole.
        inputs: files and folders that are read; they may not lie in a folder that is to be replaced.

    Raises:
        ConfigError: before anything is run, if ``path`` holds something else or one of the inputs.
    """
    path = path.resolve()
    _check_replaceable(path, inputs)
    make_folder(path.parent)
    # beside its later place, so that moving it there is one step of one file system
    with folder_beside(path) as temporary:
        yield temporary
        os.chmod(temporary, usual_mode())  # it was private
        replace_folder(temporary, path)


def _check_replaceable(path: Path, inputs: Iterable[Path]) -> None:
    if path.exists() and not path.is_dir():
        raise ConfigError(f"{path} is a file; --output names a folder")
    if not path.is_dir() or not any(path.iterdir()):
        return
    others = sorted(entry.name for entry in path.iterdir() if entry.name not in (REPORT, TABLE, PAGE, MASKS))
    if others or not _is_report(path / REPORT):
        held = ", ".join(others[:3]) or "no report of ours"
        raise ConfigError(
            f"{path} is not empty (it holds {held}); --output names a new folder or an earlier evaluation"
        )
    for entry in inputs:
        if entry.resolve().is_relative_to(path):
            raise ConfigError(f"{entry} is read, but lies in {path}, which would be replaced; choose another --output")


def _is_report(path: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        return isinstance(found, dict) and {"n", "empty_rule", "per_image", "pooled"} <= found.keys()
    return False

"""What a folder that ``lexseg segment`` is given holds: DICOM, and what is left out of it."""

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from lexseg.cases.problem import Problem
from lexseg.errors import DataError
from lexseg.scans.content import Content, kind_of, looks_like_dicom

_BESIDE_HEADERS = (".raw", ".zraw", ".raw.gz")  # the voxels of .nhdr and .mhd
_MOST_NAMED = 3


def holds_dicom(folder: Path) -> bool:
    """Whether any file of a folder, or of folders in it, begins as DICOM files do."""
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file():
                with open(path, "rb") as file:
                    if looks_like_dicom(file.read(132)):
                        return True
    return False


def left_out(folder: Path, taken: Sequence[Path]) -> list[Problem]:
    """A warning of what lies in a folder beside the images that are taken, by kinds; none where there are none."""
    if not taken:
        return []
    kinds: dict[str, list[str]] = {}
    for path in sorted(set(folder.iterdir()) - set(taken)):
        if not path.name.startswith(".") and not path.name.lower().endswith(_BESIDE_HEADERS):
            kinds.setdefault(_kind(path), []).append(path.name)
    if not kinds:
        return []
    listed = "; ".join(
        f"{kind}: {len(names)} ({', '.join(names[:_MOST_NAMED])}{', ...' if len(names) > _MOST_NAMED else ''})"
        for kind, names in kinds.items()
    )
    message = (
        f"of the folder only what is named as an image is segmented ({len(taken)}); left out: {listed}. Name what is "
        f"meant: lexseg segment {folder / 'FILE'} ..., and a DICOM series or more images by a folder of their own"
    )
    return [Problem("warning", None, None, message, folder)]


def _kind(path: Path) -> str:
    if path.is_dir():
        return "folders"
    try:
        kind = kind_of(Content.of(path))
    except (DataError, OSError):
        kind = None
    names = {
        "dicom": "DICOM",
        "nifti": "NIfTI",
        "nrrd": "NRRD",
        "metaimage": "MetaImage",
        "zip": "zip",
        "image": "image",
    }
    return f"{names[kind]} files" if kind is not None else "files of other kinds"


def empty(folder: Path, endings: Iterable[str]) -> Problem:
    """An error of a folder that holds no images."""
    within = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    deeper = f"; what lies in its folders is not looked for: name them, as {folder / within[0]}" if within else ""
    message = f"the folder holds no images ({', '.join(endings)} or DICOM){deeper}"
    return Problem("error", None, None, message, folder)

"""What a folder that ``lexseg segment`` is given holds: DICOM, and what is left out of it."""

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from shlex import quote

from lexseg.cases.problem import Problem
from lexseg.errors import DataError
from lexseg.scans.content import Content, kind_of, looks_like_dicom

_BESIDE_HEADERS = (".raw", ".zraw", ".raw.gz")  # the voxels of .nhdr and .mhd
_MOST_NAMED = 3
_AND = ", and its DICOM files as one series"
_SERIES = "only the series that --series names is segmented; images of other kinds are left out ({})"


def of_folder(folder: Path, endings: tuple[str, ...], series: str | None = None) -> tuple[list[Path], list[Problem]]:
    """What is segmented of a folder: its pictures and volumes, and itself where DICOM files lie there, as one series.

    Args:
        folder: the folder.
        endings: of the names of pictures and volumes.
        series: the one of DICOM that is asked for; nothing else is then.

    Returns:
        The pictures in the order of their names, then the folder; a warning of what is left out, or an error where
        there is nothing.
    """
    pictures = sorted(p for p in folder.iterdir() if p.name.lower().endswith(endings) and not p.name.startswith("."))
    if _hold_dicom(set(folder.iterdir()) - set(pictures) if pictures else folder.rglob("*")):
        taken = [] if series else pictures
        others = [Problem("warning", None, None, _SERIES.format(len(pictures)), folder)] if series and pictures else []
        return [*taken, folder], others or left_out(folder, pictures, series=True)
    return pictures, left_out(folder, pictures) if pictures else [_empty(folder, endings)]


def _hold_dicom(paths: Iterable[Path]) -> bool:
    """Whether any of these files begins as DICOM files do."""
    for path in paths:
        with contextlib.suppress(OSError):
            if path.is_file():
                with open(path, "rb") as file:
                    if looks_like_dicom(file.read(132)):
                        return True
    return False


def left_out(folder: Path, taken: Sequence[Path], *, series: bool = False) -> list[Problem]:
    """A warning of what lies in a folder beside the images that are taken, by kinds; none where there are none.

    Args:
        folder: the folder.
        taken: its pictures and volumes.
        series: whether its DICOM files are taken, too, with those of the folders in it.
    """
    if not taken:
        return []
    kinds: dict[str, list[str]] = {}
    for path in sorted(set(folder.iterdir()) - set(taken)):
        if not path.name.startswith(".") and not path.name.lower().endswith(_BESIDE_HEADERS):
            kinds.setdefault(_kind(path), []).append(path.name)
    if series:
        kinds.pop("DICOM files", None)
    if not kinds:
        return []
    listed = "; ".join(
        f"{kind}: {len(names)} ({', '.join(names[:_MOST_NAMED])}{', ...' if len(names) > _MOST_NAMED else ''})"
        for kind, names in kinds.items()
    )
    file = quote(str(folder / "FILE"))
    message = (
        f"of the folder only what is named as an image is segmented ({len(taken)}){_AND if series else ''}; left out: "
        f"{listed}. Name what is meant: lexseg segment {file} ..., and more images by a folder of their own"
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


def _empty(folder: Path, endings: Iterable[str]) -> Problem:
    """An error of a folder that holds no images."""
    within = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    deeper = f"; what lies in its folders is not looked for: name them, as {folder / within[0]}" if within else ""
    message = f"the folder holds no images ({', '.join(endings)} or DICOM){deeper}"
    return Problem("error", None, None, message, folder)

"""What is to be segmented: images, folders and tables as the command line names them, turned into requests."""

import contextlib
import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lexseg.errors import ConfigError
from lexseg.language.sides import Laterality
from lexseg.scans.content import looks_like_dicom
from lexseg.scans.pictures import SUFFIXES

if TYPE_CHECKING:
    from lexseg.cases.problem import Problem

TABLES = (".csv",)
_VOLUMES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")


@dataclass(frozen=True, slots=True)
class Request:
    """An image or volume and what is asked about it.

    Attributes:
        image: path of the image; of a DICOM series also the folder or zip that holds it.
        texts: the sentences; ``None`` is the null sentence.
        where: what messages call it.
        laterality: whose left the sentences' "left" is; ``None`` if not said.
        spacing: millimetres between pixel centres, (row, column).
        language: of the sentences, as ISO 639-1 code; ``None`` if not said.
    """

    image: Path
    texts: tuple[str | None, ...]
    where: str
    laterality: Laterality | None = None
    spacing: tuple[float, float] | None = None
    language: str | None = None

    @property
    def stem(self) -> str:
        """What the names of its results begin with: the name of the file or folder, without its ending."""
        name = self.image.resolve().name if self.image.name in ("", "..") else self.image.name
        for ending in _VOLUMES:
            if name.lower().endswith(ending) and len(name) > len(ending):
                return name[: -len(ending)]
        return name if self.image.is_dir() else self.image.stem


def collect(paths: Sequence[Path], texts: Sequence[str] = ()) -> "tuple[list[Request], list[Problem]]":
    """Find out what is asked.

    Args:
        paths: images and volumes; folders, whose PNGs, NIfTI files and the like are taken in the order of their names,
            or, where there are none, whose DICOM files are taken for one series; and CSV tables with the column
            ``image`` (relative to the table's folder and inside it) and optionally ``text``, ``laterality``,
            ``language`` and ``spacing``.
        texts: the sentences for all images; none is the null sentence.

    Returns:
        The requests, and what is wrong with the rest.

    Raises:
        ConfigError: if sentences are given beside a table that has its own.
    """
    requests: list[Request] = []
    problems: list[Problem] = []
    asked = tuple(texts) or (None,)
    for path in paths:
        if path.is_dir():
            endings = (*SUFFIXES, *_VOLUMES)
            found = sorted(p for p in path.iterdir() if _is_named(p, endings))
            found = found or ([path] if _holds_dicom(path) else [])
            requests += [Request(image, asked, str(image)) for image in found]
            if not found:
                problems.append(_empty(path, endings))
        elif path.suffix.lower() in TABLES:
            rows, wrong = _read_table(path, asked)
            requests += rows
            problems += wrong
        else:
            requests.append(Request(path, asked, str(path)))
    return requests, problems


def output_stems(requests: Iterable[Request]) -> list[list[str]]:
    """A name for each request's each sentence: the stem, with ``_2``, ``_3``, ... where it is taken.

    Names differ by more than capitals, as some file systems do not tell them apart. A sentence is never part of a name.
    """
    stems = [[request.stem] * len(request.texts) for request in requests]
    taken = {stem.casefold() for each in stems for stem in each}  # the first of a stem keeps it, whatever comes before
    kept: set[str] = set()
    names: list[list[str]] = []
    for each in stems:
        names.append([])
        for stem in each:
            name, n = stem, 2
            while name.casefold() in kept or (n > 2 and name.casefold() in taken):
                name, n = f"{stem}_{n}", n + 1
            kept.add(name.casefold())
            names[-1].append(name)
    return names


def _empty(folder: Path, endings: Iterable[str]) -> "Problem":
    from lexseg.cases.problem import Problem

    return Problem("error", None, None, f"the folder holds no images ({', '.join(endings)} or DICOM)", folder)


def _is_named(path: Path, endings: tuple[str, ...]) -> bool:
    return path.name.lower().endswith(endings) and not path.name.startswith(".")


def _holds_dicom(folder: Path) -> bool:
    """Whether any file of a folder, or of folders in it, begins as DICOM files do."""
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file():
                with open(path, "rb") as file:
                    if looks_like_dicom(file.read(132)):
                        return True
    return False


def _read_table(path: Path, texts: tuple[str | None, ...]) -> "tuple[list[Request], list[Problem]]":
    from lexseg.cases.delimiter import own_names, separator_of
    from lexseg.cases.problem import Problem
    from lexseg.cases.row import COLUMNS, RowReader

    requests: list[Request] = []
    problems: list[Problem] = []

    def wrong(row: int | None, message: str) -> None:
        problems.append(Problem("error", row, None, message, path))

    try:
        content = path.read_text(encoding="utf-8-sig")
        separator = separator_of(content, ("image",))
        rows = csv.DictReader(io.StringIO(content, newline=""), strict=True, delimiter=separator)
        columns = own_names([name.strip() for name in rows.fieldnames or ()], (*COLUMNS, "text"))
        rows.fieldnames = columns
        if "image" not in columns:
            wrong(
                1, f"the header lacks 'image'; expected the columns image,text, found {', '.join(columns) or 'nothing'}"
            )
            return [], problems
        if "text" in columns and texts != (None,):
            raise ConfigError(f"{path} has a column 'text', and --text is given too; use one of them")
        if (
            "text" not in columns
            and texts == (None,)
            and (set(columns) - {"image", "laterality", "language", "spacing"})
        ):
            wrong(
                1,
                f"the header lacks 'text' (found {', '.join(columns)}); name the column of the sentences "
                "'text', or give --text",
            )
            return [], problems
        reader = RowReader(path, ("text",))
        for row in rows:
            line = rows.line_num
            if None in row or None in row.values():
                wrong(
                    line, f"{len(columns)} fields were expected; a sentence with a comma must stand in quotation marks"
                )
                continue
            wanted = {name: row.get(name) for name in ("image", "text", "laterality", "language", "spacing")}
            case, found = reader.read(line, {"id": f"row {line}"} | wanted)
            problems += found
            if not any(problem.severity == "error" for problem in found):
                own = (case.text or None,) if "text" in columns else texts
                requests.append(Request(case.image, own, case.where, case.laterality, case.spacing, case.language))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        wrong(None, f"cannot be read as a UTF-8 CSV table: {getattr(error, 'strerror', None) or error}")
    if not requests and not problems:
        wrong(None, "the table has no rows")
    return requests, problems

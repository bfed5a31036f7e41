"""Tables of sentences: two columns, ``Image`` and ``Description``, as .xlsx or .csv."""

import csv
import io
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lexseg.cases.delimiter import separator_of
from lexseg.datasets.importers.record import Findings
from lexseg.errors import DataError


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table. Attributes: image: the file it names; text: the sentence; source, row: where it stands."""

    image: str
    text: str
    source: Path
    row: int


def read_table(path: Path, findings: Findings) -> list[Line]:
    """The lines of a table; what is wrong with it is noted in ``findings``.

    A line without a file name is an error, one without a sentence gives the null sentence. Of lines that name the same
    file the first counts, if they say the same; else that is an error.
    """
    try:
        rows = _xlsx(path) if path.suffix.lower() == ".xlsx" else _csv(path)
        numbered = iter(enumerate(rows, start=1))
        _, header = next(numbered, (1, ()))
        names = [str(cell).strip().lower() if cell is not None else "" for cell in header]
        missing = [name for name in ("image", "description") if names.count(name) != 1]
        if missing:
            shown = ", ".join(repr(str(cell)) for cell in header if cell is not None) or "nothing"
            raise DataError(f"expected one column 'Image' and one 'Description', found {shown}")
        image, text = names.index("image"), names.index("description")
        lines = list(_lines(path, numbered, image, text, findings))
    except DataError as error:
        findings.note("error", str(error), path)
        return []
    if not lines:
        findings.note("error", "the table holds no sentences", path)
    return _without_repeats(lines, findings)


def _lines(
    path: Path, rows: Iterable[tuple[int, Sequence[Any]]], image: int, text: int, findings: Findings
) -> Iterator[Line]:
    for number, cells in rows:
        if all(cell is None or not str(cell).strip() for cell in cells):
            continue
        if max(image, text) >= len(cells):
            findings.note("error", f"{len(cells)} fields, fewer than the header; is a comma not quoted?", path, number)
            continue
        name = "" if cells[image] is None else str(cells[image]).strip()
        if not name:
            findings.note("error", "the column 'Image' is empty", path, number)
            continue
        sentence = "" if cells[text] is None else " ".join(str(cells[text]).split())
        yield Line(name, sentence, path, number)


def _without_repeats(lines: Iterable[Line], findings: Findings) -> list[Line]:
    first: dict[str, Line] = {}
    for line in lines:
        other = first.setdefault(line.image, line)
        if other is line:
            continue
        if other.text == line.text:
            findings.note(
                "info",
                f"{line.image!r} stands in row {other.row} as well, with the same sentence",
                line.source,
                line.row,
            )
        else:
            findings.note("error", f"{line.image!r} has another sentence in row {other.row}", line.source, line.row)
    return list(first.values())


def _xlsx(path: Path) -> Iterator[tuple[Any, ...]]:
    import openpyxl

    try:
        # openpyxl warns of styles it does not know; only the words matter here
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(path, data_only=True)
        sheet = book.active
        rows = [] if sheet is None else [tuple(row) for row in sheet.iter_rows(values_only=True)]
    # a damaged workbook makes openpyxl raise nearly anything: of zip, XML, keys, values
    except Exception as error:
        raise DataError(f"the workbook cannot be read ({error}); save it as .xlsx again") from error
    yield from rows


def _csv(path: Path) -> Iterator[tuple[str, ...]]:
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError("the table is not UTF-8; save it as 'CSV UTF-8'") from error
    except OSError as error:
        raise DataError(f"the table cannot be read: {error.strerror or error}") from error
    separator = separator_of(content, ("image", "description"))
    reader = csv.reader(io.StringIO(content, newline=""), strict=True, delimiter=separator)
    while True:
        before = reader.line_num
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"row {before + 1}: the CSV cannot be read: {error}") from error
        yield tuple(row)
        # blank rows stand for the lines that a quoted line break takes, so that a row's number is its line
        yield from [()] * (reader.line_num - before - 1)

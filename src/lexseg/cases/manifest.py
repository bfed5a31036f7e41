"""Manifests: tables of cases, as CSV or JSON Lines, read strictly.

A manifest has the columns ``id`` and ``image``, a sentence in ``text`` (any column can serve), and optionally
``mask, present, split, patient, laterality, language, spacing, weight, label``. Rows of a referring data set name
instances of their mask in ``target_ids`` ("1 3") and how many of them in ``expression_kind``. Other columns are kept as
they are. Columns of a CSV are separated by commas, semicolons or tabs, as its header tells, and capitals in the names
of our own columns do not matter. Paths are relative to the manifest's folder and may not leave it, unless ``links``
says so: neither by ``..``, nor by an absolute path, nor through a link.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lexseg.cases.case import Case
from lexseg.cases.delimiter import own_names, separator_of
from lexseg.cases.problem import Problem, describe
from lexseg.cases.row import COLUMNS, RowReader
from lexseg.errors import DataError
from lexseg.files import replace_file

DEFAULT_TEXT = ("text",)


@dataclass(frozen=True, slots=True)
class ParsedManifest:
    """What a manifest holds.

    Attributes:
        path: the manifest.
        cases: its good rows.
        problems: what is wrong with the others.
        columns: all that occur.
        partial: the bad rows, as far as they can be read; a missing id is empty, a missing image ``Path()``.
    """

    path: Path
    cases: list[Case]
    problems: list[Problem]
    columns: tuple[str, ...]
    partial: list[Case] = field(default_factory=list)


def read_manifest(
    path: Path | str, *, text_columns: Sequence[str] = DEFAULT_TEXT, masks_may_miss: bool = False, links: bool = False
) -> list[Case]:
    """The cases of a manifest.

    Args:
        path: a ``.csv`` or ``.jsonl`` file, UTF-8 with or without byte-order mark.
        text_columns: the columns that hold the sentence. Of several, the wordings that are not blank become the case's
            ``texts``. A manifest without the column ``text`` gives null sentences; any other column named must exist.
        masks_may_miss: a mask that is named but not there is no problem yet: whoever draws labels looks for those alone
            that are drawn.
        links: its files may lie outside of its folder (:class:`lexseg.cases.row.RowReader`).

    Returns:
        The cases in the manifest's order, with absolute paths of files that exist.

    Raises:
        DataError: with every problem of the manifest, each with its row.
    """
    parsed = parse_manifest(path, text_columns=text_columns, masks_may_miss=masks_may_miss, links=links)
    problems = [*missing_columns([parsed], text_columns), *parsed.problems]
    _raise_if_any(problems)
    return parsed.cases


def read_manifests(
    paths: Sequence[Path | str],
    *,
    text_columns: Sequence[str] = DEFAULT_TEXT,
    masks_may_miss: bool = False,
    links: bool = False,
) -> list[Case]:
    """The cases of several manifests together.

    Ids and patients are prefixed by the name of the manifest's folder (``qata_covid19/covid_0001``), so that equal
    names in different sets stay apart; a single manifest keeps its own. A text column must exist in at least one.

    Raises:
        DataError: with every problem of all the manifests, each with its row.
    """
    parsed = parse_manifests(paths, text_columns=text_columns, masks_may_miss=masks_may_miss, links=links)
    problems = missing_columns(parsed, text_columns)
    for each in parsed:
        problems.extend(each.problems)
    _raise_if_any(problems)
    return [case for each in parsed for case in each.cases]


def parse_manifests(
    paths: Sequence[Path | str],
    *,
    text_columns: Sequence[str] = DEFAULT_TEXT,
    masks_may_miss: bool = False,
    links: bool = False,
) -> list[ParsedManifest]:
    """Like `read_manifests`, but problems are given back beside the good rows instead of raised."""
    if not paths:
        raise DataError("no manifest was given; name at least one .csv or .jsonl file")
    parsed = [
        parse_manifest(path, text_columns=text_columns, masks_may_miss=masks_may_miss, links=links) for path in paths
    ]
    if len(parsed) == 1:
        return parsed
    prefixes = _folder_names([each.path.resolve().parent for each in parsed])
    seen: dict[str, str] = {}
    joined = []
    for each, prefix in zip(parsed, prefixes, strict=True):
        cases, problems = [], list(each.problems)
        partial = [_prefixed(case, prefix) for case in each.partial]
        for case in each.cases:
            new = _prefixed(case, prefix)
            if new.id in seen:
                message = f"id {case.id!r} is also that of {seen[new.id]}; ids must differ"
                problems.append(Problem("error", case.row, "id", message, each.path))
                partial.append(new)
                continue
            seen[new.id] = case.where
            cases.append(new)
        joined.append(ParsedManifest(each.path, cases, problems, each.columns, partial))
    return joined


def _prefixed(case: Case, prefix: str) -> Case:
    return replace(case, id=f"{prefix}/{case.id}", patient=case.patient and f"{prefix}/{case.patient}")


def manifest_columns(path: Path | str) -> tuple[str, ...]:
    """The columns that occur in a manifest; none if it cannot be read. No file that its rows name is looked for."""
    path = Path(path)
    content, failure = _decode(path)
    if failure is not None:
        return ()
    return tuple(dict.fromkeys(c for row in _rows(path, content) if not isinstance(row, Problem) for c in row[1]))


def parse_manifest(
    path: Path | str, *, text_columns: Sequence[str] = DEFAULT_TEXT, masks_may_miss: bool = False, links: bool = False
) -> ParsedManifest:
    """Like `read_manifest`, but problems are given back beside the good rows instead of raised."""
    path = Path(path)
    content, failure = _decode(path)
    if failure is not None:
        return ParsedManifest(path, [], [failure], ())
    rows = _rows(path, content)
    reader = RowReader(path, text_columns, masks_may_miss=masks_may_miss, links=links)
    cases: list[Case] = []
    partial: list[Case] = []
    problems: list[Problem] = []
    columns: dict[str, None] = {}
    seen: dict[str, int] = {}
    for row in rows:
        if isinstance(row, Problem):
            problems.append(row)
            continue
        line, values = row
        columns.update(dict.fromkeys(values))
        case, found = reader.read(line, values)
        problems.extend(found)
        good = not found
        if case.id and seen.setdefault(case.id, line) != line:
            message = f"id {case.id!r} is also that of row {seen[case.id]}; ids must differ"
            problems.append(Problem("error", line, "id", message, path))
            good = False
        (cases if good else partial).append(case)
    if not cases and not problems:
        problems.append(Problem("error", None, None, "the manifest holds no cases", path))
    return ParsedManifest(path, cases, problems, tuple(columns), partial)


def write_manifest(path: Path | str, cases: Iterable[Case], *, text_columns: Sequence[str] = DEFAULT_TEXT) -> None:
    """Write cases as a manifest: CSV, or JSON Lines if ``path`` ends so. Whole or not at all.

    Args:
        path: where to write; images and masks must lie in this folder or below it.
        cases: what to write. Columns that no case fills are left out, except ``text``.
        text_columns: names for the wordings, in order; further ones are named ``text_2``, ``text_3``, ...

    Raises:
        DataError: if a file lies outside the manifest's folder.
        OSError: if it cannot be written, as when the disk is full.
    """
    path = Path(path)
    folder = path.resolve().parent
    rows = [_as_row(case, folder, text_columns) for case in cases]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    columns = [c for c in COLUMNS if c in columns] + [c for c in columns if c not in COLUMNS]
    buffer = io.StringIO(newline="")
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        for row in rows:
            buffer.write(json.dumps(row, ensure_ascii=False) + "\n")
    else:
        writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    replace_file(path, buffer.getvalue().encode("utf-8"))


def _as_row(case: Case, folder: Path, text_columns: Sequence[str]) -> dict[str, str]:
    row = {"id": case.id, "image": _relative(case.image, folder, case)}
    if case.mask is not None:
        row["mask"] = _relative(case.mask, folder, case)
    optional = {
        "split": case.split,
        "patient": case.patient,
        "laterality": case.laterality,
        "language": case.language,
        "spacing": None if case.spacing is None else ",".join(repr(float(s)) for s in case.spacing),
        "weight": None if case.weight == 1.0 else repr(float(case.weight)),
        "label": None if case.label is None else str(case.label),
        "present": case.present,
        "expression_kind": case.expression_kind,
        # blank where an expression names nothing, so that a set of such expressions has the column too
        "target_ids": None if case.target_ids is None else " ".join(map(str, case.target_ids)),
    }
    if case.target_ids == () and case.expression_kind is None:
        raise ValueError(f"{case.where}: names no target, so expression_kind must be 'none'")
    row.update({key: value for key, value in optional.items() if value is not None})
    names = list(text_columns) + [f"text_{k}" for k in range(len(text_columns) + 1, len(case.texts) + 1)]
    row.update(zip(names, case.texts, strict=False))
    for key, value in case.extra.items():
        if key in row:
            raise ValueError(f"{case.where}: column {key!r} is written twice; name it in text_columns")
        row[key] = value
    return row


def _relative(path: Path, folder: Path, case: Case) -> str:
    resolved = path.resolve()
    if not resolved.is_relative_to(folder):
        raise DataError(f"{case.where}: {path} lies outside the manifest's folder {folder}")
    return resolved.relative_to(folder).as_posix()


def _decode(path: Path) -> tuple[str, Problem | None]:
    def failed(message: str) -> tuple[str, Problem]:
        return "", Problem("error", None, None, message, path)

    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return failed("there is no such file")
    except OSError as error:
        if path.is_dir():
            return failed("a folder; name the table in it, such as 'cases.csv'")
        return failed(f"the file cannot be read: {error.strerror or error}")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return failed("the file is UTF-16; save it as UTF-8 (in a spreadsheet: 'CSV UTF-8')")
    if content.startswith(b"PK\x03\x04"):
        return failed("the file is a spreadsheet or an archive; save it as CSV in UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = (
            f"byte {content[error.start]:#04x} is not UTF-8; save the file as UTF-8 (in a spreadsheet: 'CSV UTF-8')"
        )
        return "", Problem("error", line, None, message, path)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        return "", Problem("error", line, None, "a NUL character; this is no text file", path)
    return (text, None) if text.strip() else failed("the file is empty")


def _rows(path: Path, content: str) -> Iterator[tuple[int, dict[str, Any]] | Problem]:
    return _jsonl_rows(path, content) if path.suffix.lower() in (".jsonl", ".ndjson") else _csv_rows(path, content)


def _csv_rows(path: Path, content: str) -> Iterator[tuple[int, dict[str, Any]] | Problem]:
    # strict: a quote that is never closed would otherwise swallow the rest of the file without a word
    separator = separator_of(content, ("id", "image"))
    lines = csv.reader(io.StringIO(content, newline=""), strict=True, delimiter=separator)
    header: list[str] | None = None
    while True:
        line = lines.line_num + 1
        try:
            fields = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            message = f"the CSV cannot be read from here on: {error}; is a quotation mark not closed or not doubled?"
            yield Problem("error", line, None, message, path)
            return
        if not any(field.strip() for field in fields):
            continue
        if header is None:
            written = [name.strip() for name in fields]
            header = own_names(written, (*COLUMNS, *DEFAULT_TEXT))
            problem = _header_problem(path, line, header, written)
            if problem is not None:
                yield problem
                return
            continue
        if len(fields) != len(header):
            message = (
                f"{len(fields)} fields, but the header names {len(header)}; "
                f"a sentence that holds a {_SEPARATORS[separator]} must stand in quotation marks"
            )
            yield Problem("error", line, None, message, path)
            continue
        # columns without a name come from spreadsheets and from saved row numbers; they say nothing
        yield line, {name: value for name, value in zip(header, fields, strict=True) if name}


_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}


def _header_problem(path: Path, line: int, header: list[str], written: list[str]) -> Problem | None:
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        return Problem("error", line, None, f"the header names {', '.join(map(repr, twice))} twice", path)
    missing = [name for name in ("id", "image") if name not in header]
    if not missing:
        return None
    message = f"the header lacks {' and '.join(map(repr, missing))}; it names {', '.join(map(repr, written))}: "
    if written[0].lower().startswith("sep="):  # a spreadsheet's hint to itself, before the header
        message += "remove this line"
    elif len(written) == 1:
        message += "separate the columns by commas, semicolons or tabs"
    else:
        message += (
            "rename the columns that hold them, or add them (of our columns 'mask', 'text', 'split', 'patient' too)"
        )
    return Problem("error", line, None, message, path)


def _jsonl_rows(path: Path, content: str) -> Iterator[tuple[int, dict[str, Any]] | Problem]:
    # not splitlines(): JSON strings may hold characters that it takes for line ends, such as U+2028
    for line, text in enumerate(content.split("\n"), start=1):
        if not text.strip():
            continue
        try:
            row = json.loads(text, object_pairs_hook=_unique_keys)
        except ValueError as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            yield Problem("error", line, None, f"not JSON: {reason}", path)
            continue
        except RecursionError:
            yield Problem("error", line, None, "not JSON of a manifest: nested too deeply", path)
            continue
        if not isinstance(row, dict):
            yield Problem("error", line, None, 'expected a JSON object such as {"id": ..., "image": ...}', path)
            continue
        yield line, row


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        raise ValueError("a key occurs twice")
    return row


def missing_columns(parsed: Sequence[ParsedManifest], text_columns: Sequence[str]) -> list[Problem]:
    """Text columns, other than ``text``, that none of the manifests has."""
    if not text_columns:
        raise ValueError("text_columns is empty; name at least one column")
    readable = [each for each in parsed if each.columns]
    if not readable:
        return []
    known = dict.fromkeys(column for each in readable for column in each.columns)
    absent = [column for column in text_columns if column not in known and column != "text"]
    path = readable[0].path if len(readable) == 1 else None
    names = ", ".join(map(repr, known))
    return [Problem("error", None, column, f"there is no such column; there are {names}", path) for column in absent]


def _folder_names(folders: Sequence[Path]) -> list[str]:
    """A name for each folder, equal for equal folders only: the last part of its path, or as many as it takes."""
    distinct = set(folders)
    depth: Mapping[Path, int] = dict.fromkeys(distinct, 1)
    while True:
        names = {folder: "/".join(folder.parts[-depth[folder] :]) for folder in distinct}
        taken = list(names.values())
        clash = {folder for folder in distinct if taken.count(names[folder]) > 1}
        if not clash:
            return [names[folder] for folder in folders]
        depth = {folder: depth[folder] + (folder in clash) for folder in distinct}


def _raise_if_any(problems: Sequence[Problem]) -> None:
    if problems:
        number = f"{len(problems)} problem" + ("s" if len(problems) > 1 else "")
        raise DataError(f"the cases cannot be read, {number}:\n{describe(problems)}")

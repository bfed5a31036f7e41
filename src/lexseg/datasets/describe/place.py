"""Where a manifest of the same images goes: beside them, or into a folder of its own, so that paths stay valid."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from lexseg.cases.case import Case
from lexseg.cases.manifest import write_manifest
from lexseg.errors import DataError
from lexseg.files import free_name, link_or_copy, new_folder

SUFFIXES = (".csv", ".jsonl", ".ndjson")
_NO_MANIFESTS = (".json", ".ods", ".tsv", ".txt", ".xls", ".xlsx", ".yaml")
Write = Callable[[Sequence[Case]], None]
_ORGAN = "organ"
"""The column of the manifest, beside image and mask, that holds a path."""


@contextmanager
def place(output: Path, cases: Sequence[Case]) -> Iterator[tuple[Path, Write]]:
    """Find out whether a manifest can be written before it is made.

    Args:
        output: a manifest, or a folder.
        cases: of which some will be its rows.

    Yields:
        the manifest to be, and what writes it; in a folder nothing is seen before the block ends without an error.

    Raises:
        DataError: if something is there already, or a manifest would not have the images below it.
    """
    if output.suffix.lower() in SUFFIXES:
        _check(output, cases)
        yield output, lambda rows: _write_beside(output, rows)
    elif output.suffix.lower() in _NO_MANIFESTS:
        raise DataError(f"{output}: a manifest ends in .csv or .jsonl; name such a file, or a folder to make")
    else:
        with new_folder(output) as folder:
            yield output / "cases.csv", lambda rows: _write_into(folder, rows)


def _check(output: Path, cases: Sequence[Case]) -> None:
    if output.exists() or output.is_symlink():
        raise DataError(f"{output}: is there already; name a new file, or remove it first")
    if not output.parent.is_dir():
        raise DataError(f"{output}: there is no folder {output.parent}")
    folder = output.resolve().parent
    for case in cases:
        for path in filter(None, (case.image, case.mask)):
            if not path.resolve().is_relative_to(folder):
                beside = (
                    "" if case.source is None else f", or a manifest beside it ({case.source.with_name(output.name)})"
                )
                raise DataError(
                    f"{output}: paths are relative to the manifest's folder and may not leave it, but {case.source} "
                    f"has its images elsewhere; name a folder as --output, into which they are linked{beside}"
                )


def _write_beside(output: Path, rows: Sequence[Case]) -> None:
    folder = output.resolve().parent
    moved = []
    for row in rows:
        organ = _organ(row)
        inside = organ is not None and organ.is_relative_to(folder)
        moved.append(_with_organ(row, organ.relative_to(folder).as_posix() if organ and inside else ""))
    write_manifest(output, moved)


def _write_into(folder: Path, rows: Sequence[Case]) -> None:
    placed: dict[Path, str] = {}
    taken: dict[str, set[str]] = {"images": set(), "masks": set(), "organs": set()}

    def put(path: Path, kind: str) -> str:
        if path not in placed:
            (folder / kind).mkdir(exist_ok=True)
            placed[path] = f"{kind}/{free_name(path.stem, path.suffix.lower(), taken[kind])}"
            link_or_copy(path, folder / placed[path])
        return placed[path]

    moved = []
    for row in rows:
        organ = _organ(row)
        image, mask = folder / put(row.image, "images"), None if row.mask is None else folder / put(row.mask, "masks")
        moved.append(_with_organ(replace(row, image=image, mask=mask), "" if organ is None else put(organ, "organs")))
    write_manifest(folder / "cases.csv", moved)


def _organ(row: Case) -> Path | None:
    value = row.extra.get(_ORGAN, "").strip()
    if not value or row.source is None:
        return None
    path = (row.source.resolve().parent / value.replace("\\", "/")).resolve()
    return path if path.is_file() else None


def _with_organ(row: Case, value: str) -> Case:
    return replace(row, extra={**row.extra, _ORGAN: value}) if _ORGAN in row.extra else row

"""From what an importer found to a data set of our own: copied, checked, and whole or not there at all."""

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lexseg.cases.case import Case, Split
from lexseg.cases.check import CheckReport, Progress, SentenceReader, check_manifest
from lexseg.cases.manifest import write_manifest
from lexseg.cases.mask_values import meaning, table, values_of
from lexseg.cases.problem import Problem, describe
from lexseg.cases.splits import DEFAULT_FRACTIONS, leaks, split_cases
from lexseg.datasets.importers.layouts import find_layout
from lexseg.datasets.importers.masks import store_any, store_mask, store_union
from lexseg.datasets.importers.present import label_cases
from lexseg.datasets.importers.record import Findings, Record
from lexseg.errors import ConfigError, DataError
from lexseg.files import free_name, new_folder
from lexseg.language.sides import Laterality

VALIDATION_SHARE = 0.2
"""Of the training cases, where a layout has no validation cases of its own; LanGuideMedSeg takes as many."""


DRAWN = "drawn"
"""The folder, gone in the end, in which importers draw what is not there as a file."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The manifest that an import wrote, what it left out or changed, and what the checker says of it.

    Attributes:
        manifest: the new one.
        notes: what was left out or changed.
        check: what the checker says of the result.
    """

    manifest: Path
    notes: list[Problem]
    check: CheckReport


def import_layout(
    layout: str,
    source: Path | str,
    output: Path | str,
    *,
    fractions: Sequence[float] | None = None,
    seed: int = 0,
    laterality: Laterality | None = None,
    leaks_mask: bool | None = None,
    patient: str | None = None,
    present: str | None = None,
    label: int | Literal["any"] | None = None,
    strict: bool = False,
    text_encoder: SentenceReader | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> ImportReport:
    """Turn another project's data layout into a folder with ``cases.csv``, ``images/`` and ``masks/``.

    Images and masks of two values are copied as they are, equal images once. Masks that only nearly have two values
    (saved as JPEG, or scaled smoothly) are cut at the middle and saved as PNG, with a warning; others are refused.
    Masks of instances are copied as they are. What a value means is decided once for all masks.

    Args:
        layout: one of `LAYOUTS`.
        source: the folder to read, or, where the layout allows it, the file.
        output: the folder to make; it may exist if it is empty.
        fractions: of train, val and test: divides all cases anew. ``None`` keeps the layout's own splits; where it has
            none 0.70, 0.15, 0.15 are drawn, and where only val is missing a fifth of train becomes val.
        seed: of the drawing.
        laterality: whose left the sentences mean; written in the manifest. ``None`` leaves it to the layout.
        leaks_mask: whether the sentences were written from the masks; noted in a column of this name. By default yes
            where the layout's published sentences were, and nothing where that is not known.
        patient: a regular expression that finds the patient in an image's name: its first group, or the whole match.
        present: whether the images hold what their sentences name: ``yes`` or ``no`` of all, or ``COLUMN=VALUE``, the
            value of a column by which an image holds nothing (:func:`lexseg.datasets.importers.present.label_cases`).
        label: the value of the masks that is foreground; ``any`` takes all but 0. ``None`` takes the larger of two, if
            all masks hold the same two.
        strict: refuse the data set if anything would be left out.
        text_encoder: whose limit the sentences are held against; ``None`` leaves that out.
        progress: is told how far copying and checking are.
        **options: what the layout's ``read`` takes beside the source; ``None`` counts as not given.

    Raises:
        DataError: with all problems; then there is no ``output``.
        ConfigError: for an unknown layout, or an option that is not the layout's.
        OSError: if the output cannot be written.
    """
    source, output = Path(source), Path(output)
    options = {name: value for name, value in options.items() if value is not None}
    chosen = find_layout(layout, source, options)
    if label is not None and chosen.draws:
        raise ConfigError(f"a label goes with layouts whose masks are files, not with {layout!r}")
    with new_folder(output) as building:
        drawn = building / DRAWN
        if chosen.draws:
            drawn.mkdir()
            options["drawn"] = drawn
        findings = chosen.find(source, options)
        if not findings.records and not findings.problems:
            findings.note("error", "there is nothing to import", source)
        grave = ("error", "warning") if strict else ("error",)
        problems = [problem for problem in findings.problems if problem.severity in grave]
        if problems or not findings.records:
            _refuse(source, problems or findings.problems)
        leaks_mask = chosen.leaks_mask if leaks_mask is None else leaks_mask
        records = _named_apart(findings.records)
        cases = _copy(records, building, findings, label, _part(progress, 0))
        cases = _one_meaning(cases, label, findings)
        shutil.rmtree(drawn, ignore_errors=True)
        if present is not None:
            cases = label_cases(cases, present, findings)
        name = source.resolve().stem if source.is_file() and chosen.draws else _folder(source).name
        cases = [replace(case, extra={"source": name, **case.extra}) for case in cases]
        if leaks_mask is not None:
            note = {"leaks_mask": "yes" if leaks_mask else "no"}
            cases = [replace(case, extra={**case.extra, **note}) for case in cases]
        patients = _patients(records, patient, findings)
        cases = [
            replace(case, laterality=laterality or case.laterality, patient=found)
            for case, found in zip(cases, patients, strict=True)
        ]
        cases = _split(cases, fractions, seed, findings)
        crossing = _leaks(cases, records)
        if crossing:
            _refuse(source, crossing)
        write_manifest(building / "cases.csv", cases)
        check = check_manifest(building / "cases.csv", text_encoder=text_encoder, progress=_part(progress, 1))
        check = CheckReport([_traced(problem, records) for problem in check.problems], check.summary)
        problems = [problem for problem in (*findings.problems, *check.problems) if problem.severity == "error"]
        if problems:
            _refuse(source, problems)
    return ImportReport(output / "cases.csv", findings.problems, check)


def _named_apart(records: Sequence[Record]) -> list[Record]:
    """Equal names in two splits get the split before them, and what is then still equal a number."""
    counts = Counter(record.name for record in records)
    splits = Counter({name: len({r.split for r in records if r.name == name}) for name, n in counts.items() if n > 1})
    taken: set[str] = set()
    named = []
    for record in records:
        name = f"{record.split}_{record.name}" if splits[record.name] > 1 else record.name
        name = free_name(name, "", taken)
        named.append(replace(record, name=name))
    return named


def _copy(
    records: Sequence[Record],
    folder: Path,
    findings: Findings,
    label: int | Literal["any"] | None,
    progress: Progress,
) -> list[Case]:
    images, masks = _Store(folder / "images"), _Store(folder / "masks")
    further: dict[str, _Store] = {}
    for path in (images.folder, masks.folder):
        path.mkdir(parents=True)
    cases = []
    for number, record in enumerate(records, start=1):
        extra = dict(record.columns)
        for column, path in record.files.items():
            store = further.setdefault(column, _Store(folder / f"{column}s"))
            extra[column] = store.keep(path).relative_to(folder).as_posix()
        case = Case(
            record.name,
            images.keep(record.image),
            (record.text, *record.wordings),
            None if record.mask is None else masks.keep_mask(record.mask, record, findings, label),
            split=record.split,
            laterality=record.laterality,
            spacing=record.spacing,
            present=record.present,
            language=record.language,
            weight=record.weight,
            label=record.label,
            target_ids=record.target_ids,
            expression_kind=record.kind,
            extra=extra,
        )
        cases.append(case)
        progress(number, len(records))
    return cases


class _Store:
    """A folder that files are copied into, equal files once; but what an importer has drawn is never united.

    (Two blank slices are equal pictures of different places, with masks of their own.)
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._drawn = folder.parent / DRAWN
        self._copied: dict[Path, Path] = {}
        self._contents: dict[str, Path] = {}
        self._taken: set[str] = set()

    def keep(self, path: Path) -> Path:
        """Copy a file and give back where it is now."""
        if path not in self._copied:
            if path.is_relative_to(self._drawn):
                digest = str(path)
            else:
                with open(path, "rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest not in self._contents:
                self.folder.mkdir(exist_ok=True)
                self._contents[digest] = self.folder / free_name(path.stem, path.suffix.lower(), self._taken)
                shutil.copyfile(path, self._contents[digest])
            self._copied[path] = self._contents[digest]
        return self._copied[path]

    def keep_mask(
        self, path: Path, record: Record, findings: Findings, label: int | Literal["any"] | None = None
    ) -> Path:
        """Copy a mask, mended where it has nearly two values; one of instances or labels as it is."""
        if path not in self._copied:
            name = free_name(path.stem, "", self._taken)
            if record.parts:
                try:
                    self._copied[path] = store_union((path, *record.parts), self.folder / name, label)
                except DataError as error:
                    findings.note("error", str(error), record.source, record.row)
                    self._copied[path] = self.folder / f"{name}{path.suffix.lower()}"
                    shutil.copyfile(path, self._copied[path])
            elif record.target_ids is None and record.label is None and not isinstance(label, int):
                store = store_any if label == "any" else store_mask
                self._copied[path] = store(path, self.folder / name, record, findings)
            else:
                self._copied[path] = self.folder / f"{name}{path.suffix.lower()}"
                shutil.copyfile(path, self._copied[path])
        return self._copied[path]


def _one_meaning(cases: list[Case], label: int | Literal["any"] | None, findings: Findings) -> list[Case]:
    """The cases, their masks' foreground named where no file alone tells it."""
    plain = [case for case in cases if case.mask is not None and case.target_ids is None and case.label is None]
    values = values_of(case.mask for case in plain if case.mask is not None)
    if isinstance(label, int):
        if values and not any(label in each for each in values.values()):
            findings.note("error", f"no mask holds the label {label}; there are {table(values)}")
    else:
        found = meaning(values)
        if found.open:
            findings.note(
                "error",
                f"what the values of the masks mean is open. {found.open}. Say which is foreground by --label N, or "
                "--label any for all but 0",
            )
        label = found.label
        if label is not None:
            findings.note("info", f"the masks hold no 0: {label} is taken for the foreground of all ({table(values)})")
    if label is None:
        return cases
    named = {case.id for case in plain}
    return [replace(case, label=label) if case.id in named else case for case in cases]


def _folder(source: Path) -> Path:
    return source.resolve().parent if source.is_file() else source.resolve()


def _patients(records: Sequence[Record], pattern: str | None, findings: Findings) -> list[str | None]:
    if pattern is None:
        return [record.patient for record in records]
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"{pattern!r} is no regular expression: {error}") from error
    patients: list[str | None] = []
    for record in records:
        match = compiled.search(record.image.stem)
        found = match and (match.group(1) if compiled.groups else match.group())
        if not found:
            message = f"{pattern!r} finds no patient in the image's name {record.image.stem!r}"
            findings.note("error", message, record.source, record.row)
        patients.append(found or None)
    return patients


def _split(cases: list[Case], fractions: Sequence[float] | None, seed: int, findings: Findings) -> list[Case]:
    stated = {case.split for case in cases}
    if fractions is not None:
        if stated != {None}:
            findings.note("warning", "the layout's own splits are given up for new ones, as asked for")
        return split_cases(cases, fractions, seed)
    try:
        if stated == {None}:
            findings.note("info", f"the layout has no splits: 70/15/15, drawn with seed {seed}")
            return split_cases(cases, DEFAULT_FRACTIONS, seed)
        if "train" in stated and "val" not in stated:
            train = [index for index, case in enumerate(cases) if case.split == "train"]
            shares: dict[Split, float] = {"train": 1 - VALIDATION_SHARE, "val": VALIDATION_SHARE}
            drawn = split_cases([cases[index] for index in train], shares, seed)
            chosen = dict(zip(train, drawn, strict=True))
            message = f"the layout has no val cases: {VALIDATION_SHARE:.0%} of train, drawn with seed {seed}"
            findings.note("info", message)
            return [chosen.get(index, case) for index, case in enumerate(cases)]
    except DataError as error:
        findings.note("warning", f"no splits were drawn: {error}")
    return cases


def _leaks(cases: Sequence[Case], records: Sequence[Record]) -> list[Problem]:
    """Images and patients of two splits, both rows being those of the file that the user has."""
    theirs = [
        case if record.row is None else replace(case, source=record.source, row=record.row)
        for case, record in zip(cases, records, strict=True)
    ]
    return [replace(each, message=f"{each.message}; --split divides all anew") for each in leaks(theirs)]


def _traced(problem: Problem, records: Sequence[Record]) -> Problem:
    """A problem of the new manifest as one of the file that the user has."""
    if problem.row is None:
        return replace(problem, source=None)
    record = records[problem.row - 2]
    return replace(problem, source=record.source, row=record.row)


def _part(progress: Progress | None, half: int) -> Progress:
    """Copying is the first half of the work, checking the second."""

    def told(done: int, total: int) -> None:
        if progress is not None:
            progress(half * total + done, 2 * total)

    return told


def _refuse(source: Path, problems: Sequence[Problem]) -> None:
    number = f"{len(problems)} problem" + ("s" if len(problems) != 1 else "")
    raise DataError(f"{source} was not imported, {number}:\n{describe(problems)}")

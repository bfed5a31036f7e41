"""Which cases are scored, and whether they can be."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from lexseg.cases.case import Case
from lexseg.cases.languages import in_model_words
from lexseg.cases.problem import Problem, describe
from lexseg.cases.truth import truth_of
from lexseg.datasets.phantoms.mark import all_phantoms
from lexseg.errors import DataError, LexSegError, TextError
from lexseg.files import portable
from lexseg.metrics.listening import check_region
from lexseg.scans.images import read_image

ALL = "all"

MOST_GROUPS = 200
"""How many values of a column are scored as groups; more are a mistake, such as the column of ids."""


def select_cases(cases: Sequence[Case], split: str | None = None) -> list[Case]:
    """The cases of a split, in the language of the models.

    Args:
        cases: of one or several manifests.
        split: ``train``, ``val`` or ``test``; ``all`` takes every case; ``None`` means ``test``.

    Raises:
        DataError: if there is no such split; the message lists those that are there; or if there is no lexicon of the
            language that a case names.
    """
    chosen = [case for case in cases if split == ALL or case.split == (split or "test")]
    if chosen:
        return in_model_words(chosen)
    if not cases:
        raise DataError("there are no cases to score")
    found = Counter(case.split for case in cases if case.split is not None)
    if not found:
        raise DataError(
            f"no case names a split, so there is no {split or 'test'!r}; give --split all to score them all"
        )
    listed = ", ".join(f"{name} ({number})" for name, number in sorted(found.items()))
    raise DataError(f"no case is of the split {split or 'test'!r}; there are {listed}; choose with --split")


def group_values(cases: Sequence[Case], column: str) -> list[str]:
    """The value of a manifest's column for each case; "" where it is blank.

    Args:
        cases: the cases.
        column: any but those that name a file, a case or a sentence; ``source`` is the data set
            (``Case.origin``) also where the manifest has no such column.

    Raises:
        DataError: if no case has that column, or it holds too many values to be groups.
    """
    own = (
        "patient", "split", "laterality", "language", "spacing", "weight", "label", "present", "expression_kind",
        "target_ids",
    )  # fmt: skip
    if column == "source":
        values = [case.origin for case in cases]
    elif column in own:
        values = ["" if (value := getattr(case, column)) is None else _cell(value) for case in cases]
    else:
        values = [case.extra.get(column, "").strip() for case in cases]
    if not any(values):
        known = (
            {"source"}
            | {name for case in cases for name in case.extra}
            | {name for name in own if any(getattr(case, name) is not None for case in cases)}
        )
        raise DataError(f"no case has a value in the column {column!r}; there are {', '.join(sorted(known)) or 'none'}")
    if (number := len(set(values))) > MOST_GROUPS:
        raise DataError(f"the column {column!r} holds {number} values; at most {MOST_GROUPS} are scored as groups")
    return values


def _cell(value: object) -> str:
    """As a manifest writes it."""
    return (
        " ".join(map(_cell, value))
        if isinstance(value, tuple)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def check_cases(cases: Sequence[Case], check_text: Callable[[str], None] | None = None, *, wordings: int = 1) -> None:
    """Reads every image, mask and sentence before anything is run, so that a long run does not end in an error.

    Args:
        cases: those to be scored.
        check_text: raises TextError for a sentence that the model cannot read; ``None`` for models that read none.
        wordings: how many wordings of an expression are asked.

    Raises:
        DataError: with all problems, each with its row: neither a mask nor an answer, an unreadable file, a mask of
            another size; or if some are phantoms and others are not.
        TextError: where sentences are all that is wrong.
    """
    all_phantoms(cases)
    problems: list[tuple[Problem, type[LexSegError]]] = []
    sizes: dict[Path, tuple[int, int]] = {}  # of images that have been read, as many expressions share one
    for case in cases:
        for column, error in _problems(case, check_text, wordings, sizes):
            kind = TextError if isinstance(error, TextError) else DataError
            problems.append((Problem("error", case.row, column, str(error), case.source), kind))
    if problems:
        number = f"{len(problems)} problem" + ("s" if len(problems) > 1 else "")
        message = f"the cases cannot be scored, {number}:\n{describe(p for p, _ in problems)}"
        raise (TextError if all(kind is TextError for _, kind in problems) else DataError)(message)


def _problems(
    case: Case, check_text: Callable[[str], None] | None, wordings: int, sizes: dict[Path, tuple[int, int]]
) -> list[tuple[str, LexSegError]]:
    found: list[tuple[str, LexSegError]] = []
    try:
        if case.image not in sizes:
            height, width = read_image(case.image).shape[:2]
            sizes[case.image] = (height, width)
    except DataError as error:
        found.append(("image", error))
    size = sizes.get(case.image)
    nothing = DataError(f"case {case.id!r} has no mask to score against, nor 'present' yes or no")
    if not case.is_answered:
        found.append(("mask", nothing))
    elif case.mask is not None:
        try:
            truth = truth_of(case)
            shape = truth.mask.shape
            if truth.present is None:
                found.append(("mask", nothing))
            elif size is not None and shape != size:
                found.append(("mask", DataError(f"{case.mask}: {_words(shape)}, but the image is {_words(size)}")))
        except DataError as error:
            found.append(("mask", error))
    if case.expression_kind is not None:
        try:
            check_region(case.extra.get("region", ""))
        except ValueError as error:
            found.append(("region", DataError(str(error))))
    if check_text is not None:
        for text in case.texts[: wordings if case.expression_kind is not None else 1]:
            try:
                if text.strip():
                    check_text(text)
            except TextError as error:
                found.append(("text", error))
    return found


def _words(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]} pixels"


def fingerprint(cases: Sequence[Case]) -> str:
    """SHA-256 of what is scored: ids, sentences, bytes of images and masks, whatever the order and the folder."""
    digests: dict[Path | None, str] = {}

    def digest(path: Path | None) -> str:
        if path not in digests:
            digests[path] = _digest(path)
        return digests[path]

    rows = []
    for case in cases:
        parts = [case.id, case.text, str(case.label), digest(case.image), digest(case.mask)]
        if case.present is not None:
            parts.append(f"present {case.present}")
        if case.target_ids is not None:
            parts.append(f"{case.expression_kind} {case.target_ids}")
        if case.expression_kind is not None:
            parts += case.texts[1:]
        rows.append(hashlib.sha256("\0".join(parts).encode()).hexdigest())
    return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()


def _digest(path: Path | None) -> str:
    if path is None:
        return "-"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_names(cases: Sequence[Case]) -> dict[str, str]:
    """A safe and distinct file name, without suffix, for each case's id.

    Ids may hold anything, a path out of the folder included; letters, digits, ``.``, ``_`` and ``-`` stay, the rest
    becomes ``_``, and a number sets apart what that makes equal (also on systems that ignore capitals).
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for case in cases:
        plain = portable(re.sub(r"[^\w.-]", "_", case.id).strip(".")[:120] or "case")
        name, number = plain, 1
        while name.lower() in taken:
            number += 1
            name = f"{plain}_{number}"
        taken.add(name.lower())
        names[case.id] = name
    return names

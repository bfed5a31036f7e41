"""Everything that is wrong with a data set, found before anything runs on it and told at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lexseg.cases.case import NAMES_NOTHING, Case
from lexseg.cases.manifest import DEFAULT_TEXT, ParsedManifest, missing_columns, parse_manifests
from lexseg.cases.problem import Problem, Severity
from lexseg.cases.splits import leaks
from lexseg.cases.summary import Summary, summarise
from lexseg.cases.together import (
    FEW,
    SIZE,
    UNTRAINABLE,
    exchanged,
    holds_border,
    meanings,
    nowhere_located,
    pixels_at,
    shown_path,
    turns,
    vanishing,
)
from lexseg.cases.truth import truth_of
from lexseg.errors import DataError, TextError
from lexseg.language.foreign import MODELS, to_model_words
from lexseg.language.lexicon import languages, lexicon
from lexseg.language.sides import mentions_side
from lexseg.language.vocabulary import language_to_name, looks_foreign
from lexseg.scans.images import read_image

Progress = Callable[[int, int], None]
"""Called with the number of cases read so far, and of all."""

_NOTHING = ("nan", "none", "null", "n/a", "#n/a", "<na>")
"""What programs write where a field holds nothing; as a patient it would be one whom all these cases share."""
_RANK: dict[Severity, int] = {"error": 0, "warning": 1, "info": 2}


class SentenceReader(Protocol):
    """What of a text encoder the check needs; every ``TextEncoder`` has it."""

    name: str
    max_length: int

    def count_tokens(self, text: str) -> int:
        """Tokens of a sentence, special ones included."""

    def unknown_share(self, text: str) -> float:
        """Share, 0..1, of a sentence's tokens that are not in the vocabulary."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found. Attributes: problems: errors first, then by manifest and row; summary: the set in numbers."""

    problems: list[Problem]
    summary: Summary

    @property
    def ok(self) -> bool:
        """No errors; warnings there may be."""
        return not self.count("error")

    def count(self, severity: Severity) -> int:
        """How many problems are of this severity."""
        return sum(problem.severity == severity for problem in self.problems)

    def to_dict(self) -> dict[str, Any]:
        """What was found, as plain JSON values."""
        counts = {f"{severity}s": self.count(severity) for severity in ("error", "warning")}
        listed = [
            {
                "severity": problem.severity,
                "source": None if problem.source is None else str(problem.source),
                "row": problem.row,
                "column": problem.column,
                "message": problem.message,
            }
            for problem in self.problems
        ]
        return {**counts, "infos": self.count("info"), "problems": listed, "summary": self.summary.to_dict()}


def check_manifest(
    paths: Path | str | Sequence[Path | str],
    *,
    text_encoder: SentenceReader | None = None,
    text_columns: Sequence[str] = DEFAULT_TEXT,
    progress: Progress | None = None,
    links: bool = False,
) -> CheckReport:
    """Read every row and every file of one or several manifests.

    Errors: rows, images and masks that cannot be read; an image and a mask of different size; a mask of more than two
    values where the row does not say which of them it means, or without the one it names, or that says otherwise than
    the row's ``present``; masks of which no file alone tells what a value means; a label that no mask holds; a sentence
    longer than the text encoder reads; an id that occurs twice; a patient or an image (also an equal copy of its file)
    in two splits.
    Warnings: a missing sentence; a patient or a sentence that is called nan or none; words the text encoder does not
    know; left or right where the laterality is not stated; an image of a single value; an image that is turned by its
    EXIF orientation, and a mask that is not; targets that are smaller than a pixel of the network; masks whose
    foreground is all around; what `lexseg train` refuses: a case of which neither a mask nor ``present`` says whether
    its target is there, and a split of which no case says where. Infos: a case of which it is not known where its
    target is.

    Args:
        paths: the manifests.
        text_encoder: whose limit and vocabulary the sentences are held against; ``None`` leaves that out.
        text_columns: the columns that hold the sentence.
        progress: is told how far the reading is.
        links: files may lie outside of the manifests' folders.

    Raises:
        DataError: no manifest is named. What is wrong with one is not raised: it is in the report.
    """
    named = [paths] if isinstance(paths, (str, Path)) else paths
    manifests = parse_manifests(named, text_columns=text_columns, links=links)
    cases = sorted(
        (case for each in manifests for case in (*each.cases, *each.partial)),
        key=lambda case: (str(case.source), case.row or 0),
    )
    check = _Check(text_encoder)
    check.problems += missing_columns(manifests, text_columns)
    for each in manifests:
        check.problems += each.problems
        check.lost_masks.update((problem.source, problem.row) for problem in each.problems if problem.column == "mask")
        check.sentence_column(each, text_columns)
    for number, case in enumerate(cases, start=1):
        check.case(case)
        if progress is not None:
            progress(number, len(cases))
    check.problems += [
        *meanings(cases),
        *turns(cases),
        *vanishing(check.small),
        *exchanged(check.around),
        *nowhere_located(cases, check.lost_masks),
    ]
    check.problems += leaks(case for case in cases if case.image != Path())
    order = {each.path: index for index, each in enumerate(manifests)}
    check.problems.sort(key=lambda p: (_RANK[p.severity], order.get(p.source or Path(), -1), p.row or 0))
    summary = summarise(
        cases,
        sizes=[found.size for found in check.images.values() if found.size is not None],
        foreground=check.foreground,
        tokens=check.tokens,
        unknown=check.unknown,
        token_limit=None if text_encoder is None else text_encoder.max_length,
    )
    return CheckReport(check.problems, summary)


@dataclass(slots=True)
class _Image:
    """What reading an image found out."""

    size: tuple[int, int] | None = None
    constant: bool = False
    failure: str = ""


@dataclass(slots=True)
class _Check:
    """Collects problems, case by case."""

    encoder: SentenceReader | None
    problems: list[Problem] = field(default_factory=list)
    images: dict[Path, _Image] = field(default_factory=dict)
    foreground: list[float] = field(default_factory=list)
    tokens: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, float] = field(default_factory=dict)
    silent: set[Path | None] = field(default_factory=set)
    lost_masks: set[tuple[Path | None, int | None]] = field(default_factory=set)
    small: dict[Path | None, list[tuple[Case, int]]] = field(default_factory=dict)
    around: dict[Path | None, list[Case]] = field(default_factory=dict)

    def note(self, severity: Severity, case: Case, column: str, message: str) -> None:
        self.problems.append(Problem(severity, case.row, column, message, case.source))

    def sentence_column(self, manifest: ParsedManifest, text_columns: Sequence[str]) -> None:
        """One warning for a manifest that has no sentences at all, in place of one for each row."""
        if not manifest.columns or set(text_columns) & set(manifest.columns):
            return
        self.silent.add(manifest.path)
        if "text" in text_columns:
            names = ", ".join(map(repr, manifest.columns))
            message = f"there is no such column; there are {names}: all cases have the null sentence"
            self.problems.append(Problem("warning", None, "text", message, manifest.path))

    def case(self, case: Case) -> None:
        self.sentences(case)
        self.nothing(case)
        size = self.image(case) if case.image != Path() else None
        self.mask(case, size)

    def sentences(self, case: Case) -> None:
        if not any(case.texts) and case.source not in self.silent:
            self.note("warning", case, "text", "the sentence is empty: it counts as the null sentence")
        if case.laterality is None and any(mentions_side(text) for text in case.texts):
            message = (
                "the sentence names a side, but 'laterality' does not say whose: "
                "'image' if left means the left of the picture, 'patient' if the patient's"
            )
            self.note("warning", case, "laterality", message)
        if case.language and case.language.lower() != MODELS:
            self.language(case)
        elif any(looks_foreign(text) for text in case.texts):
            message = (
                "the sentence does not look English: mirrored in training it keeps its left and right, so train with "
                "--augment.mirror 0, and what it denies is not understood"
            )
            likely = next(filter(None, map(language_to_name, case.texts)), None)
            if likely in languages():
                message += f"; if it is {lexicon(likely).name}, say so in a column 'language': {likely}"
            self.note("warning", case, "text", message)
        if self.encoder is None:
            return
        for text in filter(None, case.texts):
            if text not in self.tokens:
                self.tokens[text] = self.encoder.count_tokens(text)
                self.unknown[text] = self.encoder.unknown_share(text)
            if self.tokens[text] > self.encoder.max_length:
                message = (
                    f"the sentence has {self.tokens[text]} tokens, but the text encoder {self.encoder.name!r} reads at "
                    f"most {self.encoder.max_length}; shorten it (nothing is cut silently)"
                )
                self.note("error", case, "text", message)
            if self.unknown[text] > 0:
                message = f"the text encoder {self.encoder.name!r} does not know {self.unknown[text]:.0%} of the tokens"
                self.note("warning", case, "text", message)

    def nothing(self, case: Case) -> None:
        """Fields that were meant to be empty."""
        patient = (case.patient or "").rpartition("/")[2]  # behind the name of its manifest's folder
        for column, values, what in (("patient", (patient,), "one patient"), ("text", case.texts, "a sentence")):
            for said in values:
                if said.strip().lower() in _NOTHING:
                    message = f"{said!r} counts as {what}; where nothing is known, leave the field empty"
                    self.note("warning", case, column, message)

    def language(self, case: Case) -> None:
        """Whether sentences in another language than the models' can be put into theirs."""
        try:
            doubts = [doubt for text in case.texts if text for doubt in to_model_words(text, case.language).doubts]
        except TextError as error:
            self.note("error", case, "language", str(error))
            return
        for doubt in dict.fromkeys(doubts):
            self.note("warning", case, "text", f"{doubt}: they are asked as they stand, or left out")

    def image(self, case: Case) -> tuple[int, int] | None:
        found = self.images.get(case.image)
        if found is None:
            found = self.images[case.image] = _read(case.image)
        if found.failure:
            self.note("error", case, "image", _local(found.failure, case.image, case))
        elif found.constant:
            self.note("warning", case, "image", f"{shown_path(case.image, case)}: all pixels have the same value")
        return found.size

    def mask(self, case: Case, size: tuple[int, int] | None) -> None:
        if case.mask is None:
            # a mask that was named and could not be read has been reported with its row
            if (case.source, case.row) not in self.lost_masks and not case.is_located:
                use = "trained on" if case.split == "train" else "scored"
                if case.is_answered:
                    self.note("info", case, "mask", f"there is no mask: the case can be {use} for presence alone")
                elif case.split == "test":
                    self.note("info", case, "mask", f"there is no mask: the case cannot be {use}")
                else:
                    self.note("warning", case, "mask", f"there is no mask: the case cannot be {use}, and {UNTRAINABLE}")
            return
        try:
            truth = truth_of(case)
        except DataError as error:
            self.note("error", case, "mask", _local(str(error), case.mask, case))
            return
        mask = truth.mask
        if not truth.located:
            self.note("info", case, "mask", "the mask is empty and 'present' is unknown: it counts as no mask at all")
        elif case.expression_kind not in NAMES_NOTHING:  # whose masks are empty as they should be
            self.foreground.append(float(mask.mean()))
            if (left := pixels_at(mask, SIZE)) < FEW and mask.any():
                self.small.setdefault(case.source, []).append((case, left))
            if case.label is None and case.target_ids is None and holds_border(mask):
                self.around.setdefault(case.source, []).append(case)
        if size is not None and mask.shape != size:
            message = f"the mask is {mask.shape[0]} x {mask.shape[1]} pixels, but the image is {size[0]} x {size[1]}"
            self.note("error", case, "mask", f"{message} (height x width)")


def _read(path: Path) -> _Image:
    try:
        pixels = read_image(path)
    except DataError as error:
        return _Image(failure=str(error))
    constant = pixels.size > 3 and bool((pixels == pixels.flat[0]).all())
    return _Image((pixels.shape[0], pixels.shape[1]), constant)


def _local(message: str, path: Path, case: Case) -> str:
    return message.replace(str(path), shown_path(path, case), 1)

"""One row of a manifest, turned into a case."""

import difflib
import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal, cast, get_args

from lexseg.cases.case import NAMES_NOTHING, Case, ExpressionKind, Presence, Split
from lexseg.cases.problem import Problem
from lexseg.errors import check_flags
from lexseg.files import same_name
from lexseg.language.sides import Laterality

COLUMNS = (
    "id", "image", "mask", "split", "patient", "laterality", "language", "spacing", "weight", "label",
    "present", "expression_kind", "target_ids",
)  # fmt: skip
# notes that a column is wrong, and how
Wrong = Callable[[str, str], None]
_PRESENCE: Mapping[str, Presence] = {
    **dict.fromkeys(("yes", "true", "1", "1.0"), "yes"),
    **dict.fromkeys(("no", "false", "0", "0.0"), "no"),
    "unknown": "unknown",
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class RowReader:
    """Reads the rows of one manifest.

    Args:
        source: the manifest; paths are relative to its folder.
        text_columns: the columns that hold the sentence.
        masks_may_miss: a mask that is not there is no problem yet: its case may be used without it.
        links: files may lie outside of the manifest's folder, by a link in it or by their path. Only for manifests of
            one's own: another's could name any file of this machine.
    """

    def __init__(
        self, source: Path, text_columns: Sequence[str], *, masks_may_miss: bool = False, links: bool = False
    ) -> None:
        check_flags(masks_may_miss=masks_may_miss, links=links)
        self.source, self.masks_may_miss, self.links = source, masks_may_miss, links
        self.text_columns = tuple(text_columns)
        self._folder = source.resolve().parent
        self._parents: dict[str, Path] = {}
        self._files: dict[str, tuple[Path | None, str]] = {}

    def read(self, line: int, values: Mapping[str, Any]) -> tuple[Case, list[Problem]]:
        """The case of a row, as far as it can be read, and all that is wrong with the row."""
        problems: list[Problem] = []

        def wrong(column: str, message: str) -> None:
            problems.append(Problem("error", line, column, message, self.source))

        def plain(column: str) -> str:
            value = values.get(column)
            if value is None:
                return ""
            if isinstance(value, str):
                return value.strip()
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return str(value)
            wrong(column, f"expected text, found {_excerpt(value)}")
            return ""

        def choice(column: str, allowed: tuple[str, ...]) -> str | None:
            value = plain(column)
            if value and value not in allowed:
                near = meant(value, allowed)
                guess = f"; did you mean {near}?" if near else ""
                wrong(column, f"{_excerpt(value)} is none of {', '.join(allowed)}{guess}")
                return None
            return value or None

        name = plain("id")
        if not name:
            wrong("id", "the id is empty")
        elif _CONTROL.search(name):
            wrong("id", f"{_excerpt(name)} holds control characters")
        image = self._path("image", plain("image"), wrong)
        if image is None and not any(problem.column == "image" for problem in problems):
            wrong("image", "the path of the image is empty")
        mask = self._path("mask", plain("mask"), wrong)
        given = values.get("target_ids")
        case = Case(
            id=name,
            image=image or Path(),
            texts=self._texts(values, wrong),
            mask=mask,
            split=cast(Split | None, choice("split", get_args(Split))),
            patient=plain("patient") or None,
            laterality=cast(Laterality | None, choice("laterality", get_args(Laterality))),
            language=plain("language") or None,
            spacing=_spacing(values.get("spacing"), wrong),
            weight=_weight(plain("weight"), wrong),
            label=_label(plain("label"), wrong),
            expression_kind=(kind := cast(ExpressionKind | None, choice("expression_kind", get_args(ExpressionKind)))),
            present=_present(values.get("present"), wrong),
            target_ids=_target_ids(given if isinstance(given, list) else plain("target_ids").split(), kind, wrong),
            extra=_extra(values, {*COLUMNS, *self.text_columns}),
            source=self.source,
            row=line,
        )
        if case.label is not None and case.target_ids is not None:
            wrong("label", "a row names either a label or, by target_ids and expression_kind, instances; leave one out")
        if contradiction := _contradiction(case):
            wrong("present", contradiction)
        return case, problems

    def _texts(self, values: Mapping[str, Any], wrong: Wrong) -> tuple[str, ...]:
        texts: list[str] = []
        for column in self.text_columns:
            value = values.get(column)
            wordings = value if isinstance(value, list) else [value]
            for wording in wordings:
                if wording is None:
                    continue
                if not isinstance(wording, str):
                    wrong(column, f"expected a sentence, found {_excerpt(wording)}")
                elif wording.strip():
                    texts.append(wording.strip())
        return tuple(dict.fromkeys(texts)) or ("",)

    def _path(self, column: Literal["image", "mask"], value: str, wrong: Wrong) -> Path | None:
        if not value:
            return None
        if value not in self._files:  # rows that share a file are many in referring sets
            self._files[value] = self._reached(value)
        path, problem = self._files[value]
        if column == "mask" and self.masks_may_miss and problem == no_file(value):
            return self._folder / value.replace("\\", "/")
        if problem:
            wrong(column, problem)
        return path

    def _reached(self, value: str) -> tuple[Path | None, str]:
        """The file that a row names; or what is wrong with it."""
        if _CONTROL.search(value):
            return None, f"{_excerpt(value)} is no path: it holds control characters"
        # manifests written on Windows
        given = PurePosixPath(value.replace("\\", "/"))
        try:
            parent = self._parent(str(given.parent))
            path = same_name(parent / given.name)
            if given.name == ".." or path.is_symlink():
                path = path.resolve()
            inside = self.links or path.is_relative_to(self._folder)
            exists = inside and path.is_file()
        except (OSError, RuntimeError) as error:
            return None, f"{_excerpt(value)} cannot be reached: {getattr(error, 'strerror', None) or error}"
        if not inside:
            return None, (
                f"{_excerpt(value)} leads out of the manifest's folder; keep the files in it or below it, or allow "
                "it if the manifest is your own: --links of check, import and evaluate, data.links of train"
            )
        if exists:
            return path, ""
        if path.is_dir():
            return None, f"{_excerpt(value)} is a folder, and a file was expected"
        near = _in_other_capitals(path)
        return None, no_file(value) + (f", but {near!r}: capitals count here" if near else "")

    def _parent(self, parent: str) -> Path:
        # resolved once for each folder, not once for each file
        if parent not in self._parents:
            self._parents[parent] = Path(os.path.realpath(same_name(self._folder / parent)))
        return self._parents[parent]


def meant(value: str, allowed: Sequence[str]) -> str | None:
    """Which of the values was probably meant: in other capitals, longer ("Training"), misspelt, or another's word."""
    low = value.lower()
    low = {"dev": "val", "eval": "val", "holdout": "test", "hold-out": "test"}.get(low, low)
    longer = (each for each in allowed if len(low) > 1 and (low.startswith(each) or each.startswith(low)))
    near = next(longer, None) or next(iter(difflib.get_close_matches(low, allowed, 1)), None)
    return near if near in allowed else None


def _in_other_capitals(path: Path) -> str:
    """The file of the same name in other capitals, which Windows and macOS would have taken; empty if there is none."""
    try:
        return next((each.name for each in path.parent.iterdir() if each.name.lower() == path.name.lower()), "")
    except OSError:
        return ""


def no_file(value: str) -> str:
    """What is wrong with a path that leads to no file."""
    return f"there is no file {_excerpt(value)}"


def millimetres(value: Any) -> list[float]:
    """The lengths of a spacing, 'row,column' or a list; none where one of them is no length above 0."""
    parts = value if isinstance(value, list) else str(value).split(",")
    try:
        numbers = [float(part) for part in parts]
    except (TypeError, ValueError):
        return []
    return numbers if all(0 < number < math.inf for number in numbers) else []


def _spacing(value: Any, wrong: Wrong) -> tuple[float, float] | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if len(numbers := millimetres(value)) != 2:
        wrong("spacing", f"{_excerpt(value)} is not a spacing; expected millimetres as 'row,column', such as '0.5,0.5'")
        return None
    return numbers[0], numbers[1]


def _weight(value: str, wrong: Wrong) -> float:
    if not value:
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        weight = math.nan
    if not math.isfinite(weight) or weight < 0:
        wrong("weight", f"{_excerpt(value)} is not a weight; expected a number of 0 or more")
        return 1.0
    return weight


def _label(value: str, wrong: Wrong) -> int | None:
    if not value:
        return None
    # "3.0" is what a spreadsheet or pandas makes of a column of whole numbers with gaps
    if not re.fullmatch(r"\d{1,10}(\.0+)?", value):
        wrong("label", f"{_excerpt(value)} is not a pixel value; expected a whole number of 0 or more")
        return None
    return int(value.split(".")[0])


def _target_ids(given: Sequence[Any], kind: ExpressionKind | None, wrong: Wrong) -> tuple[int, ...] | None:
    """The instances that a row names, held against how many it says that it names."""
    texts = [str(value) for value in given]
    # "3.0": as for labels
    if not all(re.fullmatch(r"0*[1-9]\d{0,9}(\.0+)?", text) for text in texts):
        shown = _excerpt(" ".join(texts))
        wrong("target_ids", f"{shown} names no targets; expected pixel values of 1 or more with spaces between: '1 3'")
        return None
    targets = tuple(int(text.split(".")[0]) for text in texts)
    if len(set(targets)) < len(targets):
        wrong("target_ids", f"{_excerpt(' '.join(texts))} names a target twice")
        return None
    n = len(targets)
    wanted = {"none": n == 0, "foreign": n == 0, "one": n == 1, "several": n > 1}
    if kind is not None and not wanted[kind]:
        number = {"one": "exactly one target", "several": "two targets or more"}.get(kind, "no target")
        wrong("target_ids", f"names {len(targets)}, but expression_kind {kind!r} means {number}")
        return None
    return targets if targets or kind is not None else None


def _present(value: Any, wrong: Wrong) -> Presence | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    # JSON has truths and numbers of its own
    word = str(value).strip().lower()
    if word not in _PRESENCE:
        wrong("present", f"{_excerpt(value)} is none of yes, no, unknown; leave it blank where the mask says it")
        return None
    return _PRESENCE[word]


def _contradiction(case: Case) -> str:
    """What of a row says otherwise than its ``present``; a mask is held against it where it is read."""
    if case.present is None or case.expression_kind is None:
        return ""
    if case.present == "unknown" or (case.present == "no") != (case.expression_kind in NAMES_NOTHING):
        return f"{case.present!r}, but expression_kind is {case.expression_kind!r}; leave 'present' blank"
    return ""


def _extra(values: Mapping[str, Any], known: set[str]) -> dict[str, str]:
    extra = {}
    for column, value in values.items():
        if column not in known and value is not None:
            extra[column] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return extra


def _excerpt(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:100]}... ({len(text)} characters)"

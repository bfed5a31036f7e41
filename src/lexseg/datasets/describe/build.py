"""``lexseg describe``: from images with masks to a manifest with sentences, whole or not there at all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lexseg.cases.case import Case
from lexseg.cases.manifest import read_manifests
from lexseg.cases.problem import Problem
from lexseg.cases.problem import describe as listed
from lexseg.cases.truth import read_truth
from lexseg.datasets.describe import lvit, medvlsm
from lexseg.datasets.describe.areas import areas_of
from lexseg.datasets.describe.place import place
from lexseg.datasets.describe.settings import DescribeSettings
from lexseg.errors import DataError
from lexseg.language.sides import convert_laterality, mentions_side
from lexseg.scans.images import image_size

Progress = Callable[[int, int], None]
OWN_TEXT = "text_own"
"""The column that keeps the sentence that a row had before."""


@dataclass(frozen=True, slots=True)
class DescribeReport:
    """The manifest that `describe` wrote, and what became of the rows it was given.

    Attributes:
        manifest: the new one.
        cases: its rows.
        sentences: how many of them differ.
        empty: rows whose mask is empty.
        left_out: rows without a mask, where the style needs one.
        notes: what was left out or assumed.
    """

    manifest: Path
    cases: int
    sentences: int
    empty: int
    left_out: int
    notes: list[Problem]


def describe(
    paths: Sequence[Path | str],
    output: Path | str,
    settings: DescribeSettings,
    *,
    progress: Progress | None = None,
) -> DescribeReport:
    """Write sentences for images with masks.

    Args:
        paths: manifests.
        output: a manifest to make (``.csv``, ``.jsonl``), in the folder of the images or above it; or a folder to make,
            into which images and masks are linked.
        settings: how.
        progress: is told how far it is.

    Raises:
        DataError: with all problems; then nothing is written.
        ConfigError: for options that do not fit the style or the manifest.
        OSError: if the output cannot be written.
    """
    cases = read_manifests(paths)
    settings.check(cases)
    rows: list[Case] = []
    problems: list[Problem] = []
    left_out: list[Problem] = []
    empty = unsided = 0
    with place(Path(output), cases) as (manifest, write):
        for number, case in enumerate(cases, start=1):
            try:
                found = _sentence(case, settings)
            except DataError as error:
                message = str(error).removeprefix(f"{case.where}: ")  # a problem tells where by itself
                problems.append(Problem("error", case.row, None, message, case.source))
                continue
            finally:
                if progress is not None:
                    progress(number, len(cases))
            if found is None:
                message = f"left out: there is no mask, from which style {settings.name} is written"
                left_out.append(Problem("warning", case.row, "mask", message, case.source))
                continue
            text, nothing_there = found
            empty += nothing_there
            row = _row(case, text, settings)
            unsided += case.laterality != row.laterality
            rows.append(row)
        if problems:
            number_of = f"{len(problems)} problem" + ("s" if len(problems) > 1 else "")
            raise DataError(f"nothing was written, {number_of}:\n{listed(problems)}")
        if not rows:
            raise DataError(
                f"style {settings.name} is written from masks, and none of the {len(cases)} rows has one; the styles "
                "p0, p1 and p7 need none"
            )
        write(rows)
    notes = left_out + _notes(settings, empty, unsided)
    return DescribeReport(manifest, len(rows), len({row.text for row in rows}), empty, len(left_out), notes)


def _sentence(case: Case, settings: DescribeSettings) -> tuple[str, bool] | None:
    """The sentence of a case, and whether nothing is there to speak of; ``None`` without a mask that it needs."""
    subject = settings.subject(case)
    if not settings.style.leaks_mask:
        return medvlsm.prompt(settings.name, subject), False
    if case.mask is None:
        return None
    mask = read_truth(case)
    size = image_size(case.image)
    if mask.shape != size:
        raise DataError(
            f"{case.where}: the mask is {mask.shape[0]} x {mask.shape[1]} pixels, but the image is "
            f"{size[0]} x {size[1]} (height x width)"
        )
    areas = areas_of(mask, min_area=settings.min_area)
    shape = (mask.shape[0], mask.shape[1])
    if settings.name == "lvit":
        text = convert_laterality(lvit.sentence(areas, shape), "image", case.laterality)
    else:
        text = medvlsm.prompt(settings.name, subject, areas, shape, laterality=case.laterality or "image")
    return text, not areas


def _row(case: Case, text: str, settings: DescribeSettings) -> Case:
    """The case with its new sentence."""
    leaks = "true" if settings.style.leaks_mask else "false"
    extra = {**case.extra, "text_style": settings.name, "leaks_mask": leaks}
    if case.text:
        extra.setdefault(OWN_TEXT, case.text)
    placed = "places" in settings.style.leaks and mentions_side(text)  # sides in the user's own words are the user's
    laterality = case.laterality or ("image" if placed else None)
    return replace(case, texts=(text,), language="en", laterality=laterality, extra=extra)


def _notes(settings: DescribeSettings, empty: int, unsided: int) -> list[Problem]:
    said = []
    if unsided:
        rows = "1 row does" if unsided == 1 else f"{unsided} rows do"
        said.append(f"{rows} not say whose left is left; it is the image's here, and the new manifest says so")
    if empty:
        masks = "1 mask is" if empty == 1 else f"{empty} masks are"
        said.append(f"{masks} empty; the sentence says that nothing is there")
    if settings.style.color and settings.color_column is None:
        said.append(f"no colours are known, and style {settings.name} names none (--color_column NAME)")
    return [Problem("info", None, None, message) for message in said]

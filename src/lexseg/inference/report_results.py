"""A report's answers as files: a mask for each finding that was looked for, an index, and one picture of all."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexseg import __version__
from lexseg.inference.overlay import draw_findings
from lexseg.inference.report import FindingResult
from lexseg.inference.results import (
    NOTE,
    describe,
    in_words,
    json_bytes,
    png,
    result_contents,
    result_files,
    whose_left,
)
from lexseg.inference.writing import write_files
from lexseg.text.wording import mentions_side

# what the index says of a finding, out of what its own JSON says
_INDEXED = ("state", "presence", "presence_threshold", "threshold", "laterality", "area", "box", "n_components")


def report_files(folder: Path, stem: str) -> dict[str, Path]:
    """The files about the whole report, by what they hold."""
    return {"index": folder / f"{stem}_report.json", "overlay": folder / f"{stem}_report_overlay.png"}


def finding_stems(stem: str, n: int) -> list[str]:
    """``film_01``, ``film_02``, ... for n findings; no words of the report are part of a name."""
    digits = max(2, len(str(n)))
    return [f"{stem}_{i:0{digits}d}" for i in range(1, n + 1)]


def write_report(
    folder: Path,
    stem: str,
    image: NDArray[np.float32],
    answers: Sequence[FindingResult],
    record: Mapping[str, Any],
    *,
    include_text: bool = False,
) -> dict[str, Any]:
    """Write ``<stem>_01_mask.png``, ``_01_overlay.png``, ``_01.json`` and so on, index and picture, all or none.

    A negated finding gets an entry in the index and no files of its own.

    Args:
        folder: where to write.
        stem: the beginning of the names.
        image: float32[H, W] or [H, W, 3] in 0..1.
        answers: of :func:`lexseg.inference.report.segment_report`.
        record: what else the JSON files are to say, first.
        include_text: whether the report's words may be written, into JSON and on overlays. They may tell of a patient.

    Returns:
        what the index holds.
    """
    contents: dict[Path, bytes] = {}
    entries: list[dict[str, Any]] = []
    for answer, name in zip(answers, finding_stems(stem, len(answers)), strict=True):
        values, files = _finding_contents(folder, name, image, answer, record, include_text)
        contents |= files
        entries.append(values)
    states = [answer.result.state for answer in answers]
    whole = report_files(folder, stem)
    index = dict(record) | {
        "size": list(image.shape[:2]),
        "findings": entries,
        "counts": {state.replace(" ", "_"): states.count(state) for state in ("found", "not found", "negated")},
        "overlay": whole["overlay"].name,
        "lexseg": __version__,
        "note": NOTE,
    }
    found = {answer.number: answer.result.mask for answer in answers if answer.result.found}
    contents[whole["overlay"]] = png(draw_findings(image, found, caption=_caption(answers, include_text)))
    contents[whole["index"]] = json_bytes(index)
    write_files(contents)
    return index


def _finding_contents(
    folder: Path,
    name: str,
    image: NDArray[np.float32],
    answer: FindingResult,
    record: Mapping[str, Any],
    include_text: bool,
) -> tuple[dict[str, Any], dict[Path, bytes]]:
    """What the index says of a finding, and its files."""
    finding, result = answer.finding, answer.result
    place = {"sentence": finding.sentence, "section": finding.section, "start": finding.start, "end": finding.end}
    words = {"text": finding.text} if include_text else {}
    files: dict[Path, bytes] = {}
    if finding.negated:
        values = describe(result, result.mask)
    else:
        own = dict(record) | {"finding": answer.number, **place}
        values, files = result_contents(folder, name, image, result, own, include_text=include_text)
    entry = {"number": answer.number, **place, **words} | {key: values[key] for key in _INDEXED}
    names = {} if finding.negated else {kind: path.name for kind, path in result_files(folder, name).items()}
    return entry | {"files": names}, files


def _caption(answers: Sequence[FindingResult], include_text: bool) -> list[str]:
    """A line for each finding, by its number; and whose left "left" is where it matters."""
    lines = []
    for answer in answers:
        words = f" - {answer.finding.text}" if include_text else ""
        lines.append(f"{answer.number}: {in_words(answer.result)}{words}")
    conventions = {a.result.laterality for a in answers if mentions_side(a.finding.text)} - {None}
    return lines + [whose_left(convention) for convention in sorted(filter(None, conventions))]

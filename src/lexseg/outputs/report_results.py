"""A report's answers as files: a mask for each finding that was looked for, an index, and one picture of all."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexseg._version import __version__
from lexseg.files import write_files
from lexseg.language.sides import mentions_side
from lexseg.outputs.formats import FORMATS, Encode, result_contents
from lexseg.outputs.overlay import draw_findings, png, preview
from lexseg.predict.answered import NOTE, describe, in_words, json_bytes, whose_left
from lexseg.predict.whole_report import FindingResult

# what the index says of a finding, out of what its own JSON says
_INDEXED = (
    *("state", "reason", "explanation", "anyway", "presence", "presence_threshold", "threshold", "laterality"),
    *("area", "box", "n_components"),
)


def report_files(folder: Path, stem: str) -> dict[str, Path]:
    """The files about the whole report, by what they hold."""
    return {"index": folder / f"{stem}_report.json", "overlay": folder / f"{stem}_report_overlay.png"}


def finding_stems(stem: str, n: int) -> list[str]:
    """``film_01``, ``film_02``, ... for n findings; no words of the report are part of a name."""
    digits = max(2, len(str(n)))
    return [f"{stem}_{i:0{digits}d}" for i in range(1, n + 1)]


class ReportFiles:
    """Takes a report's answers one by one, and writes them at the end: all files or none.

    Files are ``<stem>_01_mask.png``, ``_01_overlay.png``, ``_01.json`` and so on, but none of a negated finding; the
    index ``<stem>_report.json``; and ``<stem>_report_overlay.png`` with all that was found. Of each answer only what
    goes into files is kept: maps of large images are large.

    Args:
        folder: where to write.
        stem: the beginning of the names.
        image: float32[H, W] or [H, W, 3] in 0..1.
        n: how many findings there are.
        include_text: whether the report's words may be written, into JSON and on overlays. They may tell of a patient.
        encode: gives the files that hold the masks; ``None`` is PNG.
        caption: stands below each finding's overlay, after what always does.
    """

    def __init__(
        self,
        folder: Path,
        stem: str,
        image: NDArray[np.float32],
        n: int,
        *,
        include_text: bool = False,
        encode: Encode | None = None,
        caption: Sequence[str] = (),
    ) -> None:
        self.folder, self.stem, self.include_text = folder, stem, include_text
        self._image, self._names, self._encode = image, finding_stems(stem, n), encode
        self._below = tuple(caption)
        self._contents: dict[Path, bytes] = {}
        self._entries: list[dict[str, Any]] = []
        self._found: dict[int, NDArray[np.bool_]] = {}
        self._caption: list[str] = []
        self._conventions: set[str] = set()

    def add(self, answer: FindingResult, record: Mapping[str, Any]) -> dict[str, Any]:
        """Note the answer to the report's next finding, and what its files are to hold.

        Args:
            answer: the next one.
            record: what else its JSON is to say, first.

        Returns:
            what the index says of it.
        """
        finding, result, name = answer.finding, answer.result, self._names[answer.number - 1]
        place = {"sentence": finding.sentence, "section": finding.section, "start": finding.start, "end": finding.end}
        words = {"text": finding.text} if self.include_text else {}
        names: dict[str, str | None] = {}
        if finding.negated:
            values = describe(result)
        else:
            own = dict(record) | {"finding": answer.number, **place}
            values, contents = result_contents(
                self.folder,
                name,
                self._image,
                result,
                own,
                include_text=self.include_text,
                encode=self._encode,
                caption=self._below,
            )
            self._contents |= contents
            names = _names_of(contents, name)
        if result.found:
            self._found[answer.number] = preview(result.mask)
        self._caption.append(f"{answer.number}: {in_words(values)}" + (f" - {finding.text}" if words else ""))
        if result.laterality and mentions_side(finding.text):
            self._conventions.add(result.laterality)
        entry = {"number": answer.number, **place, **words} | {key: values[key] for key in _INDEXED} | {"files": names}
        self._entries.append(entry)
        return entry

    def write(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Write the files of all findings and the index of the report, all of them or none.

        Args:
            record: what else the index is to say, first.

        Returns:
            what the index holds.
        """
        states = [entry["state"] for entry in self._entries]
        counted = ["found", "not found", "negated", *(["not in scope"] if "not in scope" in states else [])]
        files = report_files(self.folder, self.stem)
        index = dict(record) | {
            "size": list(self._image.shape[:2]),
            "findings": self._entries,
            "counts": {state.replace(" ", "_"): states.count(state) for state in counted},
            "overlay": files["overlay"].name,
            "lexseg": __version__,
            "note": NOTE,
        }
        caption = [*self._caption, *map(whose_left, sorted(self._conventions))]
        picture = png(draw_findings(self._image, self._found, caption=caption))
        write_files(self._contents | {files["overlay"]: picture, files["index"]: json_bytes(index)})
        return index


def _names_of(contents: Mapping[Path, bytes], stem: str) -> dict[str, str | None]:
    """The names of a result's files, by what they hold."""
    views = {format.ending: format.name for format in FORMATS.values() if format.holds != "mask"}
    found: dict[str, str | None] = {"mask": None}
    for path in contents:
        kind = views.get(path.name[len(stem) :], "mask")
        found[kind] = found.get(kind) or path.name
    return found

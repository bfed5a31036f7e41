"""The demonstration: the bundled example images, asked with the bundled model."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

import numpy as np

from lexseg.cases.case import Case
from lexseg.cases.manifest import read_manifest
from lexseg.cases.truth import read_truth
from lexseg.files import write_files
from lexseg.metrics.overlap import dice
from lexseg.outputs.formats import result_contents
from lexseg.outputs.gallery import Shown, gallery_page
from lexseg.outputs.overlay import draw_overlay
from lexseg.predict.answered import NOTE
from lexseg.predict.segmentation import Segmentation
from lexseg.predict.segmenter import Segmenter
from lexseg.scans.images import read_image

Verdict = Literal["right", "wrong", "unknown"]
OVERLAP = 0.5
"""Dice with the expert's outline from which on a lesion counts as found."""


@dataclass(frozen=True, slots=True)
class DemoAnswer:
    """One answer of the demonstration.

    Attributes:
        case: the example, with its sentence.
        result: what was found.
        dice: agreement with the expert's mask, 0..1; ``None`` where nobody has drawn one.
        left: share of what was found that lies in the left half of the image, 0..1; ``None`` if nothing was found.
    """

    case: Case
    result: Segmentation
    dice: float | None
    left: float | None

    @property
    def verdict(self) -> Verdict:
        """Whether the answer is right, as far as anybody knows.

        A lesion that is outlined is found where the answer overlaps it by half; of the others it is known whether they
        are there, and not where.
        """
        if self.dice is not None:
            return "right" if self.dice >= OVERLAP else "wrong"
        if self.case.present not in ("yes", "no"):
            return "unknown"
        return "right" if self.result.found == (self.case.present == "yes") else "wrong"


def examples() -> list[Case]:
    """The bundled example cases."""
    return read_manifest(Path(str(files("lexseg"))) / "assets" / "examples" / "cases.csv")


def run_demo(segmenter: Segmenter, output: Path) -> Iterator[DemoAnswer]:
    """Ask about every example, and write masks, overlays, numbers and ``index.html`` into ``output``."""
    shown: dict[str, list[Shown]] = {}
    for case in examples():
        image = read_image(case.image)
        session = segmenter.set_image(image, spacing=case.spacing)
        result = session.segment(case.text or None, laterality=case.laterality)
        truth = None if case.mask is None else read_truth(case)
        finding = DemoAnswer(case, result, None if truth is None else dice(result.mask, truth), _left(result))
        record = {"image": case.image.name, "model": segmenter.name, "source": case.extra.get("source")}
        # the examples are public, so the sentences may be written
        write_files(result_contents(output, case.id, image, result, record, include_text=True)[1])
        overlay = draw_overlay(image, result.mask, truth=truth)
        plain = draw_overlay(image, np.zeros_like(result.mask))
        heading = _HEADINGS["foreign" if case.expression_kind == "foreign" else case.id.partition("_")[0]]
        shown.setdefault(heading, []).append(Shown(plain, overlay, case.text, tuple(_lines(finding))))
        yield finding
    write_files({output / "index.html": _page(segmenter, shown).encode()})


_HEADINGS = {
    "cxr": "Chest films: healthy ones beside ill ones",
    "breast": "Breast ultrasound",
    "foreign": "Words that the model cannot know on such an image",
}


def summary(finding: DemoAnswer) -> str:
    """What share of the image was found and, for the films that are asked for a side, in which half it lies."""
    return summary_of(finding.result, halves=finding.dice is None)


def summary_of(result: Segmentation, *, halves: bool = True) -> str:
    """The answer in a few words: its state where nothing was found, else the share of the image and in which half."""
    if not result.found:
        return "nothing found" if result.state == "not found" else result.state
    area, left = f"{float(result.mask.mean()):.1%}", _left(result)
    if left is None or not halves:
        return area
    return f"{area}, {max(left, 1 - left):.0%} {'left' if left >= 0.5 else 'right'}"


def _lines(finding: DemoAnswer) -> Iterator[str]:
    case = finding.case
    yield f"answer: {summary(finding)}"
    if finding.dice is not None:
        yield f"{finding.verdict}: Dice with the expert's outline is {finding.dice:.2f}"
    elif finding.verdict == "unknown":
        yield "right or wrong: unknown"
    else:
        drawn = ", as far as is known: nobody has drawn where it is" if finding.result.found else ""
        yield f"{finding.verdict}{drawn if finding.verdict == 'right' else ''}"
    yield f"this image shows {case.extra['shows']}"
    yield case.extra["source"]


def _left(result: Segmentation) -> float | None:
    mask = result.mask
    return float(mask[:, : mask.shape[1] // 2].sum() / mask.sum()) if result.found else None


def _page(segmenter: Segmenter, shown: dict[str, list[Shown]]) -> str:
    introduction = [
        f"{NOTE} The answers below are a demonstration of software and are wrong in places.",
        f"Model: {segmenter.name}. Left and right are those of the image. The sentences are questions, not findings. "
        "Below each answer stands whether it was right, wrong, or cannot be known, and what the image shows.",
        "Chest films: NIH Clinical Center, ChestX-ray14 (Wang et al., CVPR 2017). Breast ultrasound: BrEaST-Lesions-"
        "USG (Pawłowska et al., 2024, The Cancer Imaging Archive), CC BY 4.0, reduced in size.",
    ]
    return gallery_page("LexSeg: segment with a sentence", introduction, list(shown.items()))

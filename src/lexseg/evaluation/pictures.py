"""Pictures on the report's page."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lexseg.cases.truth import read_truth
from lexseg.evaluation.gallery import Kept
from lexseg.evaluation.markup import Cell
from lexseg.outputs.overlay import draw_overlay
from lexseg.scans.images import read_image

if TYPE_CHECKING:
    from lexseg.evaluation.measured import Measured

_LARGEST = 320
PROBE_WORDS = {
    "given": "the case's own sentence",
    "none": "no sentence",
    "shuffled": "the sentence of another case",
    "swapped": "left and right swapped",
    "irrelevant": "words about something else",
    "other": "another target of the image",
    "absent": "what the image does not hold",
    "class-free": "its sentence without the finding",
}
"""What each question is, in words."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture on the page. Attributes: picture: a PNG file; alt: what it shows; lines: said below it."""

    picture: bytes
    alt: str
    lines: Sequence[Cell]


def figure(report: "Measured", kept: Kept, name: str, lines: Sequence[Cell]) -> Figure:
    """A case's image with what was found and what is true.

    Args:
        report: with the case.
        kept: the case's masks.
        name: of the mask to show.
        lines: said below it.
    """
    case = report.scores[kept.index].case
    truth = None if case.mask is None else read_truth(case)
    picture = _overlay(read_image(case.image), kept.mask(name), truth)
    return Figure(picture, f"{case.id}: found and reference, {PROBE_WORDS[name]}", lines)


def _overlay(image: NDArray[np.float32], mask: NDArray[np.bool_], truth: NDArray[np.bool_] | None) -> bytes:
    file = io.BytesIO()
    draw_overlay(image, mask, truth=truth, largest=_LARGEST).save(file, format="png", optimize=True)
    return file.getvalue()

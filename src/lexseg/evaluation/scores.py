"""The scores of one case."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lexseg.data.case import Case
from lexseg.evaluation.sources import Answer
from lexseg.metrics.overlap import Counts, counts
from lexseg.metrics.surface import surface_scores

TOLERANCE = 2.0
"""Of the normalised surface Dice, in pixels."""


@dataclass(frozen=True, slots=True)
class CaseScore:
    """How well the mask of one case fits.

    Attributes:
        case: the case.
        pixels: of the image at the size that is scored.
        given: pixel counts of the mask that the case's own sentence gives.
        hd95: in the unit of the report.
        nsd: at a tolerance of 2 px, 0..1.
        probes: pixel counts of the masks that the probes give.
    """

    case: Case
    pixels: int
    given: Counts
    hd95: float
    nsd: float
    probes: Mapping[str, Counts]

    @property
    def has_foreground(self) -> bool:
        """Whether there is anything to be found."""
        return self.given.reference > 0

    @property
    def missed(self) -> bool:
        """There is something, and nothing was found."""
        return self.has_foreground and self.given.predicted == 0

    @property
    def false_alarm(self) -> bool:
        """There is nothing, and something was found."""
        return not self.has_foreground and self.given.predicted > 0

    @property
    def one_empty(self) -> bool:
        """Whether HD95 is the image diagonal, for want of one of the outlines."""
        return self.missed or self.false_alarm


def score_case(
    case: Case,
    answers: Mapping[str, Answer],
    reference: NDArray[np.bool_],
    *,
    threshold: float,
    size: int | None = None,
    in_mm: bool = False,
) -> CaseScore:
    """Scores what was answered about one case.

    Args:
        case: the case.
        answers: ``given`` and the probes, at native size.
        reference: bool[H, W], at native size.
        threshold: probability from which on a pixel is foreground.
        size: side of the square that everything is resized to before scoring, as papers do; ``None`` is native.
        in_mm: HD95 in millimetres, of a case whose spacing is known, instead of pixels.
    """
    truth = resize_mask(reference, size)
    masks = {name: to_mask(answer, threshold, size) for name, answer in answers.items()}
    spacing = case.spacing if in_mm else None
    if spacing is not None and size is not None:
        spacing = (spacing[0] * reference.shape[0] / size, spacing[1] * reference.shape[1] / size)
    outline = surface_scores(masks["given"], truth, tolerance=TOLERANCE, spacing=spacing)
    tallies = {name: counts(mask, truth) for name, mask in masks.items()}
    given = tallies.pop("given")
    return CaseScore(case, truth.size, given, outline.hd95, outline.nsd, tallies)


def to_mask(answer: Answer, threshold: float, size: int | None = None) -> NDArray[np.bool_]:
    """The mask of an answer: probabilities are resized linearly and then cut, masks resized by nearest neighbour."""
    if answer.dtype == np.bool_:
        return resize_mask(answer.astype(np.bool_, copy=False), size)
    if size is not None and answer.shape != (size, size):
        picture = Image.fromarray(answer.astype(np.float32)).resize((size, size), Image.Resampling.BILINEAR)
        answer = np.asarray(picture, dtype=np.float32)
    mask: NDArray[np.bool_] = answer >= threshold
    return mask


def resize_mask(mask: NDArray[np.bool_], size: int | None) -> NDArray[np.bool_]:
    """The mask at (size, size), by nearest neighbour; unchanged if there is no size."""
    if size is None or mask.shape == (size, size):
        return mask
    picture = Image.fromarray(mask.astype(np.uint8)).resize((size, size), Image.Resampling.NEAREST)
    return np.asarray(picture) > 0

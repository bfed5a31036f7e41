"""The scores of one case."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lexseg.cases.case import Case
from lexseg.cases.truth import Truth
from lexseg.evaluation.sources import Found
from lexseg.metrics.listening import follow_rate, within
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
        presence: probability that the target is there, as the model says it; ``None`` where it does not.
        wordings: pixel counts of the masks that other wordings of the sentence give.
        follow: share of the found area that lies where the sentence points; ``None`` where it names no place, or no
            target.
        present: whether there is anything to be found.
        located: whether it is known where; if not, pixel counts hold what was found and nothing of the truth, and the
            scores of masks mean nothing.
        side: ``one of both`` where the whole of one side is asked for and the other has findings too, ``clear`` where
            the sentence asks for a side without any, while the other has some; empty otherwise.
    """

    case: Case
    pixels: int
    given: Counts
    hd95: float
    nsd: float
    probes: Mapping[str, Counts]
    presence: float | None = None
    wordings: tuple[Counts, ...] = ()
    follow: float | None = None
    present: bool = True
    located: bool = True
    side: str = ""

    @property
    def kind(self) -> str:
        """How many targets the sentence names: one, several, none; empty for a sentence about the whole image."""
        return self.case.expression_kind or ""

    @property
    def region(self) -> str:
        """The place that an expression asks for, such as ``left upper``, of the image's left; empty if none."""
        return region_of(self.case)

    @property
    def has_foreground(self) -> bool:
        """Whether there is anything to be found, drawn or not."""
        return self.present

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


@dataclass(frozen=True, slots=True)
class Cut:
    """How an answer becomes a mask.

    Attributes:
        threshold: probability from which on a pixel is foreground.
        presence: presence below which the whole mask is empty; ``None`` where nothing is answered "not found".
        size: side of the square that everything is resized to before scoring, as papers do; ``None`` is native.
    """

    threshold: float
    presence: float | None = None
    size: int | None = None

    def native(self) -> "Cut":
        """The same at the image's own size."""
        return replace(self, size=None)

    def mask(self, answer: Found) -> NDArray[np.bool_]:
        """The mask: probabilities are resized linearly and then cut, masks resized by nearest neighbour."""
        size = self.size
        if self.presence is not None and answer.presence is not None and answer.presence < self.presence:
            return np.zeros(answer.found.shape if size is None else (size, size), dtype=np.bool_)
        found = self.found(answer)
        if found.dtype == np.bool_:
            return found.astype(np.bool_, copy=False)
        mask: NDArray[np.bool_] = found >= self.threshold
        return mask

    def found(self, answer: Found) -> NDArray[np.bool_] | NDArray[np.float32]:
        """What was found at the size that is scored, before it is cut; presence is not heeded."""
        found, size = answer.found, self.size
        if found.dtype == np.bool_:
            return resize_mask(found.astype(np.bool_, copy=False), size)
        if size is None or found.shape == (size, size):
            return found
        picture = Image.fromarray(found.astype(np.float32)).resize((size, size), Image.Resampling.BILINEAR)
        return np.asarray(picture, dtype=np.float32)


def score_case(
    case: Case, answers: Mapping[str, Found], truth: Truth, masks: Mapping[str, NDArray[np.bool_]], *, in_mm: bool
) -> CaseScore:
    """Scores what was answered about one case.

    Args:
        case: the case.
        answers: ``given``, the probes and the other wordings.
        truth: what is true, at the size of the masks.
        masks: those of the answers.
        in_mm: HD95 in millimetres, of a case whose spacing is known, instead of pixels.
    """
    shape = truth.mask.shape
    spacing = case.spacing if in_mm else None
    native = answers["given"].found.shape
    if spacing is not None and native != shape:
        spacing = (spacing[0] * native[0] / shape[0], spacing[1] * native[1] / shape[1])
    hd95 = nsd = float("nan")
    if truth.located:
        outline = surface_scores(masks["given"], truth.mask, tolerance=TOLERANCE, spacing=spacing)
        hd95, nsd = outline.hd95, outline.nsd
    tallies = {name: counts(mask, truth.mask) for name, mask in masks.items()}
    given = tallies.pop("given")
    place = region_of(case)
    return CaseScore(
        case,
        truth.mask.size,
        given,
        hd95,
        nsd,
        {name: one for name, one in tallies.items() if not name.startswith("wording_")},
        presence=answers["given"].presence,
        wordings=tuple(one for name, one in tallies.items() if name.startswith("wording_")),
        follow=follow_rate(masks["given"], place) if place and given.reference else None,
        present=bool(truth.mask.any() if truth.located else truth.present),
        located=truth.located,
        side=_side(place, truth),
    )


def region_of(case: Case) -> str:
    """The place that an expression asks for, such as ``left upper``, of the image's left; empty if none."""
    return " ".join(case.extra.get("region", "").split()) if case.expression_kind is not None else ""


def _side(place: str, truth: Truth) -> str:
    if place not in ("left", "right") or truth.others is None or not truth.others.any():
        return ""
    if within(truth.others, place).any():
        return ""  # part of that side, or not of it
    return "one of both" if truth.mask.any() else "clear"


def resize_truth(truth: Truth, size: int | None) -> Truth:
    """Both masks as `resize_mask` makes them."""
    others = None if truth.others is None else resize_mask(truth.others, size)
    return replace(truth, mask=resize_mask(truth.mask, size), others=others)


def resize_mask(mask: NDArray[np.bool_], size: int | None) -> NDArray[np.bool_]:
    """The mask at (size, size), by nearest neighbour; unchanged if there is no size."""
    if size is None or mask.shape == (size, size):
        return mask
    picture = Image.fromarray(mask.astype(np.uint8)).resize((size, size), Image.Resampling.NEAREST)
    return np.asarray(picture) > 0

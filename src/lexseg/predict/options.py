"""What can be asked, and how. Imports neither numpy nor torch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from lexseg.language.sides import Laterality

if TYPE_CHECKING:
    from lexseg.scans.window import Window

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Denied:
    """What a report says is not there; the words alone need not say it: "... except the upper zone"."""

    text: str


Sentence = str | Denied | None
"""What can be asked; ``None`` is the null sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a question is asked: of an image, and in the second part of a scan.

    Attributes:
        threshold: probability from which on a pixel is found, between 0 and 1; ``None`` takes the model's.
        laterality: whose left the sentences' "left" is, ``image`` or ``patient``; ``None`` takes the patient's where
            the image knows its sides, else the model's own.
        anyway: look also for what is not in the model's scope: the answer then says so, and means little.
        language: of the sentences, as ISO 639-1 code (``de``): they are read with its lexicon and asked in the model's
            words; ``None`` is English.
        frames: which frames of the scan are asked, counted from 0, without gaps; ``None`` takes all.
        window: what is black and what white; ``None`` takes the scan's own.
        tta: look at the mirrored frames too, ask with left and right swapped, and average.
        batch: how many frames are encoded together.
        progress: called as ``progress(done, total)`` after each batch; what it raises ends the work.
    """

    threshold: float | None = None
    laterality: Laterality | None = None
    anyway: bool = False
    language: str | None = None

    frames: range | None = None
    window: "Window | None" = None
    tta: bool = False
    batch: int = 8
    progress: Progress | None = None


AS_IT_IS = Options()


class Asked(TypedDict, total=False):
    """The first part of :class:`Options`, by keyword."""

    threshold: float | None
    laterality: Laterality | None
    anyway: bool
    language: str | None

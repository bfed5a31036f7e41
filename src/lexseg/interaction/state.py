"""What a mask is while it is corrected: evidence for each pixel, and what the words and the hand have said so far."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lexseg.predict.segmentation import Segmentation

Side = Literal["left", "right"]
Evidence = NDArray[np.float32]
Mask = NDArray[np.bool_]
Box = tuple[int, int, int, int]
"""Row, column, height and width, in pixels."""

FARTHEST = 30.0
"""How far the network's own evidence lies from the threshold at most, as a logit. What the user takes away is moved by
more than all of it, and so comes back last."""
CORRECTED = "the mask was corrected by the user"


@dataclass(frozen=True, slots=True, eq=False)
class Click:
    """Where the user pointed. Attributes: row, column: of a pixel, from 0; wanted: whether it belongs to the mask."""

    row: int
    column: int
    wanted: bool


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """A mask in the making. It never changes: an operation makes another one.

    Attributes:
        evidence: float32[H, W]; a pixel at or above 0 belongs to the mask. At first it is the logit of the network's
            probability less that of the threshold, so that a stricter mask is a part of a more generous one; operations
            move it, for all pixels or some.
        threshold: probability from which on a pixel belongs to the mask, as far as nothing else has been said, 0..1.
        answer: what the model said of the sentence that is asked now.
        left: the side of the picture that the user's "left" is.
        clicks: where the user pointed, in order.
        box: row, column, height, width of what the first mask was made from; ``None`` where it was no box.
    """

    evidence: Evidence
    threshold: float
    answer: Segmentation
    left: Side = "left"
    clicks: tuple[Click, ...] = ()
    box: Box | None = None

    @classmethod
    def of(cls, answer: Segmentation, left: Side = "left") -> "State":
        """The state in which a mask is as a model gave it.

        Where nothing was found the mask is empty, and the evidence keeps its order: "more generous" shows what came
        nearest.
        """
        evidence = evidence_of(answer.probability, answer.threshold, answer.mask)
        return cls(evidence, answer.threshold, answer, left)

    @property
    def sentence(self) -> str | None:
        """What was asked; ``None`` is the null sentence."""
        return self.answer.text

    @property
    def spacing(self) -> tuple[float, float] | None:
        """Millimetres between pixel centres, (row, column); ``None`` if unknown."""
        return self.answer.spacing

    @property
    def segmentation(self) -> Segmentation:
        """The answer with this mask: what is written to files.

        Its probability is the network's, lifted or lowered to the right side of the threshold where the two differ. Of
        a mask that the user has changed the network says no presence, and whether the question is in its scope no
        longer matters.
        """
        answer, mask = self.answer, self.mask
        if np.array_equal(answer.mask, mask):
            return answer
        below = np.nextafter(np.float32(answer.threshold), np.float32(0))
        at = np.nextafter(np.float32(answer.threshold), np.float32(1))
        return replace(
            answer,
            probability=np.where(mask, np.maximum(answer.probability, at), np.minimum(answer.probability, below)),
            presence=None,
            presence_threshold=None,
            negated=False,
            outside=None,
            doubts=(*answer.doubts, CORRECTED),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the image, in pixels."""
        return self.evidence.shape[0], self.evidence.shape[1]

    @property
    def mask(self) -> Mask:
        """What is marked now: bool[H, W]."""
        inside: Mask = self.evidence >= 0
        return inside

    @property
    def area(self) -> int:
        """Of the mask, in pixels."""
        return int(np.count_nonzero(self.evidence >= 0))

    def with_evidence(self, evidence: Evidence) -> "State":
        """The same with other evidence."""
        return replace(self, evidence=evidence)


def evidence_of(probability: NDArray[np.float32], threshold: float, mask: Mask) -> Evidence:
    """Evidence in the order of the probability, at or above 0 in the mask and nowhere else.

    Args:
        probability: float32[H, W] in 0..1.
        threshold: from which on a pixel was found, 0 < t < 1.
        mask: bool[H, W]; may be empty where pixels reach the threshold, as where the model says "not found".
    """
    clipped = np.clip(probability, 1e-12, 1 - 1e-7).astype(np.float32)
    evidence = np.log(clipped) - np.log1p(-clipped) - np.float32(np.log(threshold / (1 - threshold)))
    np.clip(evidence, -FARTHEST, FARTHEST, out=evidence)
    if not mask.any() and evidence.size:
        evidence -= max(0.0, float(evidence.max()))
    # rounding must move no pixel across the threshold
    tiny = np.float32(1e-6)
    return np.where(mask, np.maximum(evidence, 0), np.minimum(evidence, -tiny)).astype(np.float32)

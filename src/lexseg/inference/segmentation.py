"""The answer to one sentence about one image."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lexseg.data.case import Laterality

State = Literal["found", "not found", "negated"]


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """Where in the image is what the sentence names.

    Attributes:
        probability: float32[H, W] at the image's own size.
        threshold: a pixel at or above it belongs to the mask, 0..1.
        presence: probability that what the words name is in the image; ``None`` where the model does not say, or the
            sentence names nothing that is there to be looked for (``negated``).
        presence_threshold: below it the mask is empty; ``None`` where the model does not say.
        negated: the sentence says of all it names that it is not there ("no infection"): nothing was looked for.
        text: the sentence as it was asked; ``None`` for the null sentence.
        laterality: whose left the sentence's "left" was taken to be; ``None`` where neither caller nor model says.
        spacing: millimetres between pixel centres, (row, column); ``None`` if unknown.
        doubts: why the answer may not be what the user expects; the sentence is not quoted.
    """

    probability: NDArray[np.float32]
    threshold: float
    text: str | None = None
    presence: float | None = None
    presence_threshold: float | None = None
    negated: bool = False
    laterality: Laterality | None = None
    spacing: tuple[float, float] | None = None
    doubts: tuple[str, ...] = ()

    @property
    def absent(self) -> bool:
        """Whether the model says that what the words name is not in the image."""
        return self.presence is not None and self.presence < (self.presence_threshold or 0.0)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """bool[H, W] at the image's own size; empty where what the words name is absent or negated."""
        if self.negated or self.absent:
            return np.zeros(self.probability.shape, np.bool_)
        mask: NDArray[np.bool_] = self.probability >= self.threshold
        return mask

    @property
    def found(self) -> bool:
        """Whether any pixel belongs to the mask."""
        return not self.negated and not self.absent and bool(self.probability.max() >= self.threshold)

    @property
    def state(self) -> State:
        """``found``, ``not found``, or ``negated`` where nothing was looked for."""
        return "negated" if self.negated else "found" if self.found else "not found"

    def describe(self) -> dict[str, Any]:
        """Area, boxes and components as plain JSON values (:func:`lexseg.inference.components.describe_mask`)."""
        from lexseg.inference.components import describe_mask

        return describe_mask(self.mask, self.probability, self.spacing)

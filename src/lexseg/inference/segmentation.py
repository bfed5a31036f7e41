"""The answer to one sentence about one image."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexseg.data.case import Laterality


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """Where in the image is what the sentence names.

    Attributes:
        probability: float32[H, W] at the image's own size.
        threshold: a pixel at or above it belongs to the mask, 0..1.
        presence: probability that what the words name is in the image; ``None`` where the model does not say.
        text: the sentence as it was asked; ``None`` for the null sentence.
        laterality: whose left the sentence's "left" was taken to be; ``None`` where neither caller nor model says.
        spacing: millimetres between pixel centres, (row, column); ``None`` if unknown.
    """

    probability: NDArray[np.float32]
    threshold: float
    text: str | None = None
    presence: float | None = None
    laterality: Laterality | None = None
    spacing: tuple[float, float] | None = None

    @property
    def mask(self) -> NDArray[np.bool_]:
        """bool[H, W] at the image's own size."""
        mask: NDArray[np.bool_] = self.probability >= self.threshold
        return mask

    @property
    def found(self) -> bool:
        """Whether any pixel belongs to the mask."""
        return bool(self.probability.max() >= self.threshold)

    def describe(self) -> dict[str, Any]:
        """Area, boxes and components as plain JSON values (:func:`lexseg.inference.components.describe_mask`)."""
        from lexseg.inference.components import describe_mask

        return describe_mask(self.mask, self.probability, self.spacing)

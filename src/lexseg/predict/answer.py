"""What a model answers to one of many sentences, before it is cut into a mask."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lexseg.predict.segmentation import Segmentation


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Where, and whether at all.

    Attributes:
        probability: float32[H, W] in 0..1 at the image's own size; zero where nothing was looked for.
        presence: probability that what the words name is in the image, calibrated; ``None`` where the model does not
            say.
    """

    probability: NDArray[np.float32]
    presence: float | None

    @classmethod
    def of(cls, said: Segmentation) -> "Answer":
        """What is said of one sentence; what is not looked for is not there."""
        return cls(said.probability, 0.0 if said.state in ("negated", "not in scope") else said.presence)

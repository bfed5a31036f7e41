"""Whether an exported model answers as the model that it was made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lexseg.errors import DataError
from lexseg.export.precision import Precision
from lexseg.predict.ask import probability
from lexseg.predict.segmenter import Segmenter
from lexseg.scans.images import read_image

AskedCase = tuple[Path, str | None]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far apart two answers may lie.

    Attributes:
        near: how near the threshold a pixel's probability must be for the masks to differ there.
        presence: of the calibrated probabilities.
        dice: of all masks together, at least.
    """

    near: float
    presence: float
    dice: float


BOUNDS: dict[Precision, Bounds] = {
    "fp32": Bounds(1e-3, 1e-4, 0.999),
    "fp16": Bounds(2e-2, 1e-2, 0.995),
    "int8": Bounds(1.0, 0.3, 0.99),
}


@dataclass(frozen=True, slots=True)
class Checked:
    """How far apart they lie.

    Attributes:
        asked: questions.
        differing: pixels of all masks that differ.
        farthest: of these, how far from the threshold the farthest is.
        probability: the largest difference of any pixel's probability.
        presence: the largest difference of the calibrated probabilities; ``None`` where the model does not say.
        dice: of all masks of both together; 1 where both are empty.
        precision: of the exported model.
    """

    asked: int
    differing: int
    farthest: float
    probability: float
    presence: float | None
    dice: float
    precision: Precision

    @property
    def faults(self) -> list[str]:
        """What lies farther apart than it may."""
        bounds = BOUNDS[self.precision]
        faults = []
        if self.farthest > bounds.near:
            faults.append(f"masks differ {self.farthest:.2g} from the threshold; at most {bounds.near:g} was expected")
        if self.presence is not None and self.presence > bounds.presence:
            faults.append(f"presence differs by {self.presence:.2g}; at most {bounds.presence:g} was expected")
        if self.dice < bounds.dice:
            faults.append(f"Dice of the masks is {self.dice:.4f}; at least {bounds.dice:g} was expected")
        return faults


def check_export(
    model: str | Path,
    exported: Path,
    asked: Sequence[AskedCase],
    *,
    precision: Precision,
    progress: Callable[[int, int], None] | None = None,
) -> Checked:
    """Ask both the same questions, the whole way from the file to the mask at the image's own size.

    Args:
        model: that was exported; torch answers.
        exported: the folder; ONNX Runtime answers.
        asked: images and sentences in the model's own words; ``None`` asks without.
        precision: of the exported model.
        progress: called with how many are done, and all.

    Raises:
        DataError: nothing is asked.
    """
    if not asked:
        raise DataError("there is nothing to check with: no image and sentence")
    one, other = Segmenter.from_pretrained(model, engine="torch", device="cpu"), Segmenter.from_pretrained(exported)
    differing, farthest, largest, apart, sums = 0, 0.0, 0.0, 0.0, np.zeros(2)
    for done, (path, text) in enumerate(asked):
        image = read_image(path)
        (first, there), (second, too) = (_answer(each, image, text) for each in (one, other))
        masks = first >= one.threshold, second >= one.threshold
        differ = masks[0] != masks[1]
        differing += int(differ.sum())
        farthest = max(farthest, float(np.abs(first - one.threshold)[differ].max(initial=0)))
        largest = max(largest, float(np.abs(first - second).max()))
        sums += (2 * int((masks[0] & masks[1]).sum()), int(masks[0].sum() + masks[1].sum()))
        if there is not None and too is not None:
            apart = max(apart, abs(there - too))
        if progress is not None:
            progress(done + 1, len(asked))
    dice = float(sums[0] / sums[1]) if sums[1] else 1.0
    says = one.presence_threshold is not None
    return Checked(len(asked), differing, farthest, largest, apart if says else None, dice, precision)


def _answer(
    segmenter: Segmenter, image: NDArray[np.float32], text: str | None
) -> tuple[NDArray[np.float32], float | None]:
    """What the network says, whatever the words deny and the scope holds."""
    session = segmenter.set_image(image)
    ((_, logits, presence),) = segmenter.answers(session.features, [(0, text)], tta=False)
    return probability(logits, session.shape, segmenter.fit), presence

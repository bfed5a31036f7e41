"""Several answers about one image or volume on one map: a number for each, and which of them a pixel belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lexseg.errors import ConfigError
from lexseg.outputs.formats import AnyAnswer
from lexseg.outputs.overlay import colour_of
from lexseg.predict.answered import judged
from lexseg.predict.segmentation import Segmentation
from lexseg.predict.volume_segmentation import VolumeSegmentation

MOST = 255
"""Sentences that a map of 8 bits can hold."""

_RULES = {
    "image": "a pixel that several sentences found belongs to the most probable, of equals to the first",
    "volume": "a voxel that several sentences found belongs to the first of them",
}


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """What several sentences found: the first is 1, the second 2, and so on; 0 is what none of them found.

    A pixel has one number. Of an image it is that of the sentence with the highest probability there; of a volume, of
    which no probabilities are kept, that of the first sentence.

    Attributes:
        answers: about one image, or about one volume; at least one.
    """

    answers: Sequence[AnyAnswer]

    def __post_init__(self) -> None:
        if not 1 <= len(self.answers) <= MOST:
            raise ConfigError(f"{len(self.answers)} sentences on one map: it holds 1 to {MOST}")
        if len({_shape(answer) for answer in self.answers}) > 1:
            raise ValueError("the answers are about images of different sizes")

    @property
    def values(self) -> NDArray[np.uint8]:
        """uint8[H, W] of an image; uint8[frames, H, W] of a whole volume."""
        first = self.answers[0]
        if isinstance(first, Segmentation):
            return self.frame(0)
        return np.stack([self.frame(n) for n in range(first.shape[0])])

    def frame(self, number: int) -> NDArray[np.uint8]:
        """uint8[H, W] of a frame, counted from 0; an image has one."""
        shape = _shape(self.answers[0])[-2:]
        values, best = np.zeros(shape, np.uint8), np.zeros(shape, np.float32)
        for value, answer in enumerate(self.answers, start=1):
            if isinstance(answer, VolumeSegmentation):
                if number in answer.bits:
                    values[answer.mask(number) & (values == 0)] = value
            elif answer.found:
                taken = answer.mask & (answer.probability > best)
                values[taken] = value
                best[taken] = answer.probability[taken]
        return values

    def legend(self, *, include_text: bool = False) -> dict[str, Any]:
        """What the numbers mean, as plain JSON values.

        Args:
            include_text: whether the sentences are named. They may tell of a patient.

        Returns:
            ``background``, ``rule`` and ``labels``: of each ``value``, ``colour``, ``pixels`` (of the map), ``found``
                (by
            its sentence alone, overlaps included), and what became of the question.
        """
        pixels, found = np.zeros(len(self.answers) + 1, np.int64), np.zeros(len(self.answers), np.int64)
        for number in self._frames():
            pixels += np.bincount(self.frame(number).ravel(), minlength=len(pixels))
            for place, answer in enumerate(self.answers):
                found[place] += _mask(answer, number).sum()
        first = self.answers[0]
        kept = ("state", "explanation", "presence", "presence_threshold", "threshold")
        labels = []
        for value, answer in enumerate(self.answers, start=1):
            words = {"text": answer.text} if include_text else {}
            said = {name: each for name, each in judged(answer).items() if name in kept}
            area = {"pixels": int(pixels[value]), "found": int(found[value - 1])}
            labels.append({"value": value, **words, "colour": list(colour_of(value)), **area, **said})
        rule = _RULES["image" if isinstance(first, Segmentation) else "volume"]
        return {"background": 0, "rule": rule, "labels": labels}

    def picture(self, frame: int = 0) -> Image.Image:
        """A palette picture of a frame: its values are the numbers, its colours the legend's."""
        picture = Image.fromarray(self.frame(frame))
        colours = [(0, 0, 0), *(colour_of(value) for value in range(1, MOST + 1))]
        picture.putpalette([part for colour in colours for part in colour])
        return picture

    def _frames(self) -> Sequence[int]:
        """Those in which there may be anything."""
        if isinstance(self.answers[0], Segmentation):
            return (0,)
        return sorted({n for answer in self.answers if isinstance(answer, VolumeSegmentation) for n in answer.bits})


def _mask(answer: AnyAnswer, frame: int) -> NDArray[np.bool_]:
    return answer.mask(frame) if isinstance(answer, VolumeSegmentation) else answer.mask


def _shape(answer: AnyAnswer) -> tuple[int, ...]:
    return answer.shape if isinstance(answer, VolumeSegmentation) else answer.probability.shape

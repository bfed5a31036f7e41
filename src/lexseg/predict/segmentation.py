"""The answer to one sentence about one image."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexseg.language.sides import Laterality
from lexseg.predict.answered import Answerer, Outside, State, state_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from PIL import Image


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """Where in the image is what the sentence names.

    Attributes:
        probability: float32[H, W] at the image's own size; where presence says that the target is there, given that it
            is (:func:`given_present`).
        threshold: a pixel at or above it belongs to the mask, 0..1.
        presence: probability that what the words name is in the image, below ``presence_threshold`` if and only if the
            mask is empty (:func:`lexseg.predict.answered.consistent`); ``None`` where the model does not say, or
            nothing was looked for (``negated``, ``not in scope``).
        presence_threshold: below it the mask is empty; ``None`` where the model does not say.
        negated: the sentence says of all it names that it is not there ("no infection"): nothing was looked for.
        text: the sentence as it was asked; ``None`` for the null sentence.
        laterality: whose left the sentence's "left" was taken to be; ``None`` where neither caller nor model says.
        spacing: millimetres between pixel centres, (row, column); ``None`` if unknown.
        doubts: why the answer may not be what the user expects; the sentence is not quoted.
        outside: why the question is not in the model's scope; ``None`` where it is, or the scope is unknown.
        anyway: it was looked for although it is not in scope, as the user wished: a mask of it means little.
        model: what answered.
        language: of ``text``, as ISO 639-1 code; ``None`` is English.
        shown: the image, for pictures of the answer: uint8[h, w] or [h, w, 3], as
            :func:`lexseg.scans.window.shown` gives it; ``None`` where it was not kept.
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
    outside: Outside | None = None
    anyway: bool = False
    model: Answerer = field(default_factory=Answerer)
    language: str | None = None
    shown: NDArray[np.uint8] | None = field(default=None, repr=False)

    @property
    def absent(self) -> bool:
        """Whether the model says that what the words name is not in the image."""
        return self.presence is not None and self.presence < (self.presence_threshold or 0.0)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """bool[H, W] at the image's own size; empty unless the state is ``found``."""
        if not self.found:
            return np.zeros(self.probability.shape, np.bool_)
        mask: NDArray[np.bool_] = self.probability >= self.threshold
        return mask

    @property
    def found(self) -> bool:
        """Whether any pixel belongs to the mask."""
        return self.state == "found"

    @property
    def state(self) -> State:
        """``not in scope``, ``negated``, ``not found`` or ``found``: the first that applies.

        Of what is neither in scope nor affirmed nothing was looked for.
        """
        return state_of(
            outside=self.outside is not None and not self.anyway,
            negated=self.negated,
            absent=self.absent,
            highest=float(self.probability.max()),
            threshold=self.threshold,
        )

    @property
    def highest_presence(self) -> float | None:
        """That of the one image: :attr:`presence`."""
        return self.presence

    def extent(self) -> dict[str, Any]:
        """``size`` and ``spacing``, as plain JSON values."""
        spacing = None if self.spacing is None else list(self.spacing)
        return {"size": list(self.probability.shape), "spacing": spacing}

    def certainty(self) -> dict[str, Any]:
        """The probabilities of pixels: ``max``, and ``mean_inside`` the mask or null, as plain JSON values."""
        inside = self.probability[self.mask]
        return {
            "max": round(float(self.probability.max()), 4),
            "mean_inside": round(float(inside.mean(dtype=np.float64)), 4) if inside.size else None,
        }

    def describe(self) -> dict[str, Any]:
        """Area, boxes and components as plain JSON values (:func:`lexseg.predict.components.describe_mask`)."""
        from lexseg.predict.components import describe_mask

        return describe_mask(self.mask, self.probability, self.spacing)

    def overlay(self, *, include_text: bool = False) -> "Image.Image":
        """The image with the mask over it, and below it what became of the question.

        Args:
            include_text: whether the sentence stands there too. It may tell of a patient.
        """
        from lexseg.outputs.notebook import overlay

        return overlay(self, include_text=include_text)

    def plot(self, ax: "Axes | None" = None, *, probability: bool = False) -> "Axes":
        """Draw the answer with matplotlib, the sentence above it.

        Args:
            ax: where to; ``None`` makes a figure of its own.
            probability: draw the map of probabilities instead of the mask.

        Returns:
            the axes.
        """
        from lexseg.outputs.notebook import plot

        return plot(self, ax, probability=probability)

    def save(self, path: Path | str, *, include_text: bool = False) -> list[Path]:
        """Write the answer: ``out/film.png`` the mask alone; ``out/film`` what ``lexseg segment`` writes.

        That is ``out/film_mask.png`` (0 and 255), ``out/film_overlay.png`` and ``out/film.json``, all of them or none.

        Args:
            path: of the mask, ending in ``.png``; or the beginning of the names of all three, without an ending.
                Missing folders are made, older files replaced.
            include_text: whether the sentence may be written. It may tell of a patient.

        Returns:
            what was written.

        Raises:
            ConfigError: for another ending.
        """
        from lexseg.outputs.notebook import save

        return save(self, Path(path), include_text=include_text)

    def _repr_png_(self) -> bytes:
        """The overlay as a PNG file, which a notebook shows."""
        from lexseg.outputs.formats import png

        return png(self.overlay())


def given_present(probability: NDArray[np.float32], peak: float) -> NDArray[np.float32]:
    """The probability of each pixel, once it is known that the target is there (OURS).

        logit p' = logit p + max(0, peak - logit max p)

    A network that is in doubt whether its target is there lowers the whole map with its doubt: of targets that are
    there and whose highest pixel has 0.6, a mask from 0.5 on has a Dice of 0.1, and one that reaches five logits down
    from the highest pixel of 0.7. Whether it is there, presence has decided; the map says where.

    Args:
        probability: float32[...], 0..1, of all that belongs to one question; it is not changed.
        peak: how far above one half the highest pixel lies at least, in logits; as far below it a mask may reach.

    Returns:
        the same where the highest pixel is as high, else a copy.
    """
    tiny = np.float32(1e-7)
    highest = min(max(float(probability.max()), 1e-7), 1 - 1e-7)
    lift = peak - math.log(highest / (1 - highest))
    if lift <= 0:
        return probability
    kept = probability.clip(tiny, 1 - tiny)
    odds = kept / (1 - kept) * np.float32(math.exp(lift))
    return np.asarray(odds / (1 + odds), np.float32)

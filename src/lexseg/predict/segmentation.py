"""The answer to one sentence about one image, and its mask in numbers: area, boxes, connected components."""

from collections.abc import Callable
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
            is (:func:`lexseg.predict.ask.given_present`).
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
        untold: of what the words name, what the answer does not tell: kinds, and findings that were not learnt.
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
    untold: tuple[str, ...] = ()

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
        """Area, boxes and components as plain JSON values (:func:`describe_mask`)."""
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
        from lexseg.outputs.notebook import overlay_png

        return overlay_png(self)


Box = tuple[slice, slice]


def describe_mask(
    mask: NDArray[np.bool_],
    probability: NDArray[np.float32] | None = None,
    spacing: tuple[float, float] | None = None,
    most: int = 50,
) -> dict[str, Any]:
    """Measure a mask.

    Args:
        mask: bool[H, W].
        probability: float[H, W] in 0..1, for the mean probability of each component.
        spacing: millimetres between pixel centres, (row, column), for areas in mm2.
        most: how many components are described; the rest are only counted.

    Returns:
        plain JSON values: ``area`` (``px``, ``mm2`` or null, ``fraction`` of the image), ``box`` around everything or
        null, ``n_components`` (touching corners connect) and ``components``, the largest first, each with ``area``,
        ``box``, ``centroid`` and mean ``probability``. Boxes are ``[row, column, height, width]``, centroids
        ``[row, column]``; both count pixels from 0 at the top left.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return {"area": _area(0, mask.size, spacing), "box": None, "n_components": 0, "components": []}
    # all that follows looks at the box around the mask alone: most of an image is outside
    box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    labels, sizes, slices = labelled(mask[box])
    largest = np.argsort(-sizes, kind="stable")[:most]
    components = [
        _component(labels[where] == i + 1, _within(box, where), probability, spacing, mask.size)
        for i, where in ((i, slices(i)) for i in largest)
    ]
    return {
        "area": _area(int(sizes.sum()), mask.size, spacing),
        "box": _box(box),
        "n_components": len(sizes),
        "components": components,
    }


def labelled(
    mask: NDArray[np.bool_],
) -> tuple[NDArray[np.int32], NDArray[np.int64], Callable[[int], Box]]:
    """Connected components of a mask, by numpy alone: to import SciPy takes a fifth of a cold start.

    Runs of pixels in a row that touch runs of the row above, corners included, are joined under the first of them.

    Args:
        mask: bool[H, W], some of it true.

    Returns:
        int32[H, W], 0 where nothing is, else the number of the component, from 1 in the order of their first pixels;
        the size of each; and what gives the box around each, by its number from 0.
    """
    height, width = mask.shape[0], mask.shape[1] + 2  # no run goes on in the next row, nor touches one across the edge
    padded = np.zeros((height, width), np.bool_)
    padded[:, 1:-1] = mask
    flat = padded.ravel()
    change = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts, ends = change[::2], change[1::2]
    below = np.searchsorted(ends, starts + width)
    count = np.searchsorted(starts, ends + width, "right") - below
    upper = np.repeat(np.arange(len(starts)), count)
    lower = np.arange(len(upper)) - np.repeat(np.cumsum(count) - count - below, count)
    root = np.arange(len(starts))
    while (apart := root[upper] != root[lower]).any():
        upper, lower = upper[apart], lower[apart]
        one, other = root[upper], root[lower]
        np.minimum.at(root, np.maximum(one, other), np.minimum(one, other))
        while (root[root] != root).any():
            root = root[root]
    _, first, number = np.unique(root, return_index=True, return_inverse=True)
    step = np.zeros(height * width, np.int32)
    step[starts], step[ends] = number + 1, -1 - number
    row, left, right = starts // width, starts % width - 1, ends - starts // width * width - 1

    def box(i: int) -> Box:
        own = number == i
        return (
            slice(int(row[first[i]]), int(row[own][-1]) + 1),
            slice(int(left[own].min()), int(right[own].max())),
        )

    sizes = np.bincount(number, ends - starts).astype(np.int64)
    return np.cumsum(step, dtype=np.int32).reshape(height, width)[:, 1:-1], sizes, box


def _within(box: Box, part: Box) -> Box:
    """Where in the image a part of a box lies."""
    (top, left), (rows, columns) = (each.start for each in box), part
    return slice(top + rows.start, top + rows.stop), slice(left + columns.start, left + columns.stop)


def _component(
    inside: NDArray[np.bool_],
    where: Box,
    probability: NDArray[np.float32] | None,
    spacing: tuple[float, float] | None,
    pixels: int,
) -> dict[str, Any]:
    rows, columns = np.nonzero(inside)
    centroid = [round(float(rows.mean()) + where[0].start, 2), round(float(columns.mean()) + where[1].start, 2)]
    return {
        "area": _area(len(rows), pixels, spacing),
        "box": _box(where),
        "centroid": centroid,
        "probability": None if probability is None else round(float(probability[where][inside].mean()), 4),
    }


def _area(pixels: int, total: int, spacing: tuple[float, float] | None) -> dict[str, Any]:
    mm2 = None if spacing is None else round(pixels * spacing[0] * spacing[1], 4)
    return {"px": pixels, "mm2": mm2, "fraction": round(pixels / total, 6)}


def _box(where: Box) -> list[int]:
    rows, columns = where
    return [rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start]

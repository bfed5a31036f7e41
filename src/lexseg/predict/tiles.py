"""Large images piece by piece: each tile is asked by itself, and overlapping answers are blended."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lexseg.errors import ConfigError
from lexseg.language.sides import mentions_side
from lexseg.predict.answered import SEVERAL, TURNED, consistent
from lexseg.predict.ask import Options, Question, questions, segment_together
from lexseg.predict.asker import Looked
from lexseg.predict.images import ImageLike, check_spacing, load_image
from lexseg.predict.segmentation import Segmentation
from lexseg.predict.segmenter import ImageSession, Segmenter
from lexseg.predict.words import Sides

SMALLEST = 32
"""Pixels: the least side of a tile."""

_TOGETHER = 16  # tiles that are encoded at once
_SIDES = "tile by tile a network sees no whole image: places that the sentence names may be taken for those of a tile"
_MANY = "presence is the highest of all tiles, and more tiles find more that is not there"


@dataclass(frozen=True, slots=True)
class Tiles:
    """How an image is cut.

    Attributes:
        side: of a tile, in pixels of the image.
        overlap: the share of a tile, along each side, that the next one repeats, 0 to 0.9.
    """

    side: int
    overlap: float = 0.25

    def __post_init__(self) -> None:
        if self.side < SMALLEST or not 0 <= self.overlap <= 0.9:
            raise ConfigError(
                f"tiles of {self.side} pixels with an overlap of {self.overlap:g}: sides of {SMALLEST} pixels or more "
                "and an overlap of 0 to 0.9 were expected"
            )

    def starts(self, length: int) -> list[int]:
        """Where tiles begin along a side of the image: evenly, from 0 on, the last ending where the image does."""
        if length <= self.side:
            return [0]
        step = max(1, round(self.side * (1 - self.overlap)))
        count = -(-(length - self.side) // step) + 1
        return [round(place) for place in np.linspace(0, length - self.side, count)]

    def boxes(self, shape: tuple[int, int]) -> Iterator[tuple[slice, slice]]:
        """Rows and columns of each tile of an image of (H, W)."""
        for top in self.starts(shape[0]):
            for left in self.starts(shape[1]):
                yield slice(top, min(top + self.side, shape[0])), slice(left, min(left + self.side, shape[1]))


def segment_tiled(
    segmenter: Segmenter,
    image: ImageLike,
    text: str | None,
    tiles: Tiles,
    options: Options | None = None,
    *,
    spacing: tuple[float, float] | None = None,
    sides: Sides | None = None,
) -> Segmentation:
    """Find in a large image what a sentence names, in finer detail than the network's size allows.

    Whether the question is in scope is judged by the whole image; the sentence is then asked about each tile.
    Probabilities are blended with weights that fall towards a tile's border; tiles that deny the target count as
    zero.

    Args:
        segmenter: what answers.
        image: a path, array or Pillow image.
        text: the sentence; ``None`` is the null sentence.
        tiles: how the image is cut.
        options: how the question is asked.
        spacing: millimetres between pixel centres, (row, column).
        sides: where the header says that the patient's left lies.

    Returns:
        the answer; an image no larger than a tile is asked as a whole.

    Raises:
        DataError: if the image cannot be read, or the spacing is none.
        TextError, ConfigError: as :func:`lexseg.predict.ask.ask`.
    """
    options = options or Options()
    where = sides or Sides()
    if spacing is not None:
        check_spacing(spacing)
    pixels = load_image(image)
    (whole,) = segmenter.sessions([(pixels, spacing, where)], tta=options.tta)
    (asked,) = questions(whole, [text], options)
    how = (segmenter, tiles, where)
    if not whole.panels or asked.settled is not None:
        return _tiled(pixels, asked, *how)
    from lexseg.predict.panels import joined

    places: dict[Looked, tuple[slice, slice]] = {panel.session: panel.inside for panel in whole.panels}
    said = {one.session: _tiled(pixels[places[one.session]], one, *how) for one in asked.of_panels()}
    return joined(whole, asked.answer(None, None), said)


def _tiled(
    pixels: NDArray[np.float32], asked: Question, segmenter: Segmenter, tiles: Tiles, sides: Sides
) -> Segmentation:
    """The answer to a question about an image, or a picture of several, tile by tile where it is larger than one."""
    whole, tta = asked.session, asked.session.tta
    boxes = list(tiles.boxes((pixels.shape[0], pixels.shape[1])))
    if len(boxes) == 1 or asked.settled is not None:
        return next(segment_together([asked]))
    total = np.zeros(pixels.shape[:2], np.float32)
    weights = np.zeros(pixels.shape[:2], np.float32)
    presences: list[float] = []
    for start in range(0, len(boxes), _TOGETHER):
        part = boxes[start : start + _TOGETHER]
        images = ((pixels[box], whole.spacing, sides) for box in part)
        sessions = segmenter.sessions(images, tta=tta, alone=True)
        for box, answer in zip(part, segment_together(_about(sessions, asked)), strict=True):
            weight = _weight(*answer.probability.shape)
            weights[box] += weight
            if not answer.absent:
                total[box] += weight * answer.probability
            if answer.presence is not None:
                presences.append(answer.presence)
    probability = total / weights
    sure, threshold, text = segmenter.presence_threshold, asked.heard.threshold, asked.text
    presence = max(presences) if presences else None
    highest = float(probability.max())
    doubts = [*asked.heard.doubts_of(whole.world, looked=True)]
    doubts += [doubt for doubt in whole.doubts if doubt in (TURNED, SEVERAL)]
    doubts += [*([_SIDES] if text and mentions_side(text) else []), *([_MANY] if presences else [])]
    answer = asked.answer(None, None)
    return replace(
        answer,
        probability=probability,
        presence=consistent(presence, highest, threshold=threshold, presence_threshold=sure),
        doubts=tuple(dict.fromkeys(doubts)),
        untold=asked.heard.untold_of(whole.world),
    )


def _about(sessions: list[ImageSession], asked: Question) -> list[Question]:
    """The same question about each tile; that it is in scope is known of the whole image."""
    return [Question(session, asked.heard) for session in sessions]


def _weight(height: int, width: int) -> NDArray[np.float32]:
    """float32[H, W], 1 in the middle, near 0 at the border."""
    rows, columns = (np.minimum(np.arange(n) + 1, n - np.arange(n)) / ((n + 1) / 2) for n in (height, width))
    weight: NDArray[np.float32] = np.minimum.outer(rows, columns).astype(np.float32)
    return weight

"""What a question needs of the segmenter and of the image that it is put to: no more than is written here."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lexseg.encoders.text.base import TextEncoder
from lexseg.language.sides import Laterality
from lexseg.models.base import Features
from lexseg.predict.answered import Answerer, Outside, State
from lexseg.predict.picture_sides import Sides

if TYPE_CHECKING:
    from lexseg.models.scope import WordsScope


class Asker(Protocol):
    """What answers: :class:`lexseg.predict.segmenter.Segmenter`, where what each member does is told."""

    threshold: float
    laterality: Laterality | None
    text_encoder: TextEncoder | None

    @property
    def presence_threshold(self) -> float | None: ...

    @property
    def peak(self) -> float | None: ...

    @property
    def answerer(self) -> Answerer: ...

    def heard(self, text: str | None) -> tuple[str | None, State | None]: ...

    def known_words(self, text: str | None) -> "WordsScope | None": ...

    def answers(
        self, features: Features, asked: Sequence[tuple[int, str | None]], tta: bool
    ) -> Iterator[tuple[tuple[int, str | None], Tensor, float | None]]: ...


class Looked(Protocol):
    """An image that was looked at: :class:`lexseg.predict.segmenter.ImageSession`."""

    features: Features
    shape: tuple[int, int]
    spacing: tuple[float, float] | None
    tta: bool
    sides: Sides
    shown: NDArray[np.uint8] | None

    @property
    def segmenter(self) -> Asker: ...

    def outside(self, words: "WordsScope | None") -> Outside | None: ...

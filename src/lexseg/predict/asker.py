"""What a question needs of the segmenter and of the image that it is put to: no more than is written here."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from lexseg.models.place import Fit
from lexseg.predict.answered import Answerer, Outside
from lexseg.predict.engine import Encoded
from lexseg.predict.words import Hears, Sides

if TYPE_CHECKING:
    from lexseg.models.scope import ImageScope, Scope, WordsScope


class Asker(Hears, Protocol):
    """What answers: :class:`lexseg.predict.network.Network`, where what each member does is told."""

    fit: Fit

    @property
    def presence_threshold(self) -> float | None: ...

    @property
    def peak(self) -> float | None: ...

    @property
    def answerer(self) -> Answerer: ...

    def answers(
        self, features: Encoded, asked: Sequence[tuple[int, str | None]], tta: bool
    ) -> Iterator[tuple[tuple[int, str | None], NDArray[np.float32], float | None]]: ...

    def stacked(self, images: Sequence[Encoded], views: int) -> Encoded: ...


class Looked(Protocol):
    """An image that was looked at: :class:`lexseg.predict.segmenter.ImageSession`."""

    features: Encoded
    shape: tuple[int, int]
    spacing: tuple[float, float] | None
    tta: bool
    sides: Sides
    shown: NDArray[np.uint8] | None
    inside: tuple[slice, slice] | None
    doubts: tuple[str, ...]
    panels: "tuple[Panel, ...]"
    known: "ImageScope | None"

    @property
    def segmenter(self) -> Asker: ...

    @property
    def world(self) -> str | None: ...

    @property
    def nbytes(self) -> int: ...

    def outside(self, words: "WordsScope | None") -> Outside | None: ...


class Panel(NamedTuple):
    """A picture of several. Attributes: session: the picture; inside: its rows and columns of the whole image."""

    session: Looked
    inside: tuple[slice, slice]


Session = TypeVar("Session", bound=Looked)


class Looks(Asker, Protocol[Session]):
    """What answers, and looks at images first: :class:`lexseg.predict.segmenter.Segmenter`."""

    scope: "Scope | None"

    def sessions(
        self,
        images: Iterable[tuple[NDArray[np.float32], tuple[float, float] | None, Sides]],
        *,
        tta: bool = False,
        keep: bool = False,
        alone: bool = False,
    ) -> list[Session]: ...

"""The contract of engines: pixels to maps, maps and sentences to logits. Imports no torch."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from lexseg.encoders.text.reader import Reader

if TYPE_CHECKING:
    from lexseg.models.scope import EncodedWords

EngineName = Literal["torch", "onnx"]
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """What an engine keeps of images between two sentences.

    Attributes:
        maps: float[B, ...] each: tensors where torch runs the network, arrays where ONNX Runtime does.
        size: (H, W) of the input.
        ready: by name, what the decoder makes of the maps alone, as they are.
    """

    maps: list[Any]
    size: tuple[int, int]
    ready: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.maps[0].shape[0])

    @property
    def nbytes(self) -> int:
        """The memory that they take."""
        return sum(int(m.nbytes) for m in (*self.maps, *self.ready.values()))

    def rows(self, index: Sequence[int]) -> "Encoded":
        """A copy of some of the images, in this order, each as often as it is named."""
        chosen = list(index)
        ready = {name: r[chosen] for name, r in self.ready.items()}
        return Encoded([m[chosen] for m in self.maps], self.size, ready)


class Engine(ABC):
    """Runs a network. It never changes, so that threads may share it.

    Attributes:
        kind: which one it is.
        method: of the network, a key of :data:`lexseg.models.MODELS`.
        device: where it runs, such as ``cpu``.
        reader: what reads the sentences; ``None`` for an image-only model.
        says_presence: whether the network says that what is named is there.
    """

    kind: ClassVar[EngineName]
    method: str
    device: str
    reader: Reader | None
    says_presence: bool

    @abstractmethod
    def look(self, images: NDArray[np.float32]) -> Encoded:
        """Run all that the words do not touch.

        Args:
            images: float32[B, 3, H, W] in 0..1, of the network's size.
        """

    @abstractmethod
    def answer(
        self, encoded: Encoded, rows: Sequence[int], texts: Sequence[str | None]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Answer sentences about encoded images.

        Args:
            encoded: of :meth:`look`.
            rows: which image each sentence is about.
            texts: the sentences, in the model's own words; ``None`` and "" are the null sentence.

        Returns:
            logits float32[N, 1, H, W]; and float32[N], logits of "it is there", where the network says so.
        """

    @abstractmethod
    def words(self, texts: Sequence[str | None]) -> "EncodedWords":
        """Sentences as :meth:`lexseg.models.scope.Scope.words` takes them."""

    @abstractmethod
    def join(self, parts: Sequence[Encoded]) -> Encoded:
        """Several images' maps as those of a batch."""

    def open_all(self) -> None:
        """Open now what else is opened when the first sentence needs it, and fails then; here nothing is.

        Raises:
            ModelError: what would be opened is damaged, or another than the model was trained with.
        """
        return None

    def both(self, look: Callable[[], T], read: Callable[[], R]) -> tuple[T, R]:
        """What two calls give, of which one looks at images and one reads sentences: here one after the other.

        An engine that gains by it makes them at the same time. Where one of them raises, so does this, and what the
        first raises comes first.
        """
        return look(), read()

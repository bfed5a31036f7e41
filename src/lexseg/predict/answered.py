"""What every answer says, of an image or a volume: all that results are written of. Imports neither numpy nor torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from lexseg.language.sides import Laterality

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

State = Literal["found", "not found", "negated", "not in scope"]
Reason = Literal["image", "words", "world"]


@dataclass(frozen=True, slots=True)
class Outside:
    """Why a question is not in a model's scope.

    Attributes:
        reason: ``image``: the image is none that the model knows; ``words``: they name nothing that it has learnt;
            ``world``: they belong to images of another kind than this one.
        why: the same as a sentence for the user, without a full stop; the words are not quoted.
    """

    reason: Reason
    why: str


@dataclass(frozen=True, slots=True)
class Answerer:
    """What answered. Attributes: name: of the model; sha256: of its weights, ``None`` if unknown."""

    name: str = ""
    sha256: str | None = None


class Answered(Protocol):
    """The answer to one sentence. What a property means stands with the classes that have it."""

    @property
    def text(self) -> str | None:
        """The sentence as it was asked; ``None`` for the null sentence."""
        ...

    @property
    def laterality(self) -> Laterality | None:
        """Whose left the sentence's "left" was taken to be."""
        ...

    @property
    def state(self) -> State:
        """``found``, ``not found``, ``negated`` or ``not in scope``."""
        ...

    @property
    def found(self) -> bool:
        """Whether anything belongs to the mask."""
        ...

    @property
    def outside(self) -> Outside | None:
        """Why the question is not in scope."""
        ...

    @property
    def anyway(self) -> bool:
        """Whether it was looked for although it is not in scope."""
        ...

    @property
    def highest_presence(self) -> float | None:
        """Probability that what the words name is there."""
        ...

    @property
    def presence_threshold(self) -> float | None:
        """Below it nothing is found."""
        ...

    @property
    def threshold(self) -> float:
        """From which on a pixel is found."""
        ...

    @property
    def model(self) -> Answerer:
        """Name and SHA-256 of what answered."""
        ...

    def extent(self) -> Mapping[str, Any]:
        """How large what was asked about is, as plain JSON values."""
        ...

    def certainty(self) -> Mapping[str, Any]:
        """Probabilities of pixels, as plain JSON values."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """The mask in numbers, as plain JSON values."""
        ...


class AnsweredImage(Answered, Protocol):
    """The answer about one image, which can be drawn."""

    @property
    def mask(self) -> "NDArray[np.bool_]":
        """What was found: bool[H, W] at the image's own size."""
        ...

    @property
    def probability(self) -> "NDArray[np.float32]":
        """Of each pixel to be meant: float32[H, W] in 0..1, at the image's own size."""
        ...

    @property
    def shown(self) -> "NDArray[np.uint8] | None":
        """The image, uint8[h, w] or [h, w, 3]; ``None`` where it was not kept."""
        ...


def state_of(*, outside: bool, negated: bool, absent: bool, highest: float, threshold: float) -> State:
    """``not in scope``, ``negated``, ``not found`` or ``found``: the first that applies.

    Args:
        outside: the question is not in the model's scope, and was not asked anyway.
        negated: the sentence says of all it names that it is not there.
        absent: the model says that what the words name is not in the image.
        highest: probability of a pixel, 0..1.
        threshold: from which on a pixel is found.
    """
    if outside:
        return "not in scope"
    if negated:
        return "negated"
    return "not found" if absent or highest < threshold else "found"


def consistent(
    presence: float | None, highest: float, *, threshold: float, presence_threshold: float | None
) -> float | None:
    """The probability of presence to be told, which never contradicts the mask.

    A network may take its target for there and place it nowhere. Nothing is found then, and what is told is the
    threshold of presence, less by as much as the highest pixel lacks: the higher that is, the nearer it comes.

    Args:
        presence: what the model says, calibrated, 0..1.
        highest: the highest probability of a pixel, 0..1.
        threshold: from which on a pixel is found.
        presence_threshold: below which nothing is found.

    Returns:
        ``presence`` where the two agree; else what lies below ``presence_threshold``.
    """
    if presence is None or presence_threshold is None or presence < presence_threshold or highest >= threshold:
        return presence
    return presence_threshold * highest / threshold

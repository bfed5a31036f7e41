"""What every answer says, of an image or a volume: its state, why where it is not in scope, and how that is told.

All that results are written of: as values, and in words. Imports neither numpy nor torch.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from lexseg._version import __version__
from lexseg.language.sides import Laterality, mentions_side
from lexseg.models.config import ImageScope, Reason, WordsScope, World, verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lexseg.scans.scan import Scan

NOTE = "Research use only: not a medical device."
PNG_MASK, OVERLAY_PNG, NUMBERS_JSON = "_mask.png", "_overlay.png", ".json"
"""Of an image, and as `lexseg segment` writes by default."""
WITHOUT_FRAME = (
    "the image as it is is none that the model knows: it was looked at without the frame around it or the tint over it"
)
AS_NEGATIVE = "the image looks like a negative: it was looked at with black and white exchanged"
TURNED = "the image looks as if it lay on its side or its head: turn it upright and ask again"
SEVERAL = (
    "the image looks like several pictures put together: it was read as one, and left, right, upper and lower are "
    "those of the whole; cut it, and ask about each picture alone"
)
"""Why in doubt of an answer about an image that was not looked at as it is, or should not be: see
:meth:`lexseg.predict.network.Network.look_at` and :func:`lexseg.models.place.has_panels`."""
State = Literal["found", "not found", "negated", "not in scope"]


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
    def untold(self) -> Sequence[str]:
        """Of what the words name, what the answer does not tell."""
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


class KnowsWorlds(Protocol):
    """What a model has learnt: :class:`lexseg.models.scope.Scope`, as far as it is asked here."""

    @property
    def worlds(self) -> Sequence[World]: ...


_BLANK = Outside("image", "all pixels of the image are equal, so that it shows nothing")
_WORDS = Outside("words", "the words name nothing that the model has learnt to find")


def outside(
    scope: KnowsWorlds | None, image: ImageScope | None, words: WordsScope | None, *, blank: bool = False
) -> Outside | None:
    """Why a question is not in scope: the image first, then the words, then whether the two belong together.

    Args:
        scope: what the model has learnt; ``None`` if unknown.
        image: where the image lies in it.
        words: where what is looked for lies in it; ``None`` judges the image alone.
        blank: whether all the image's pixels are equal; whatever the model has learnt, that is no image of it.

    Returns:
        why not; ``None`` where it is in scope, or nobody knows.
    """
    if scope is None or image is None:
        return None
    if blank:
        return _BLANK
    if words is None:
        return None if image.known else _unknown_image(scope)
    reason = verdict(image, words)
    if reason == "world":
        own, theirs = image.world or "", max(words.worlds, key=lambda name: words.worlds[name])
        why = f"the words are nearest to what the model has learnt of {_named(scope, theirs)}, and the image looks like"
        return Outside("world", f"{why} {_named(scope, own)}, where it has not learnt to find that")
    return {"image": _unknown_image(scope), "words": _WORDS}[reason] if reason is not None else None


def _unknown_image(scope: KnowsWorlds) -> Outside:
    known = ", ".join(_named(scope, world.name) for world in scope.worlds)
    return Outside("image", f"the image is of no kind that the model has learnt (it has learnt {known})")


def _named(scope: KnowsWorlds, name: str) -> str:
    """A world as users know it: "breast (US)"."""
    world = next((world for world in scope.worlds if world.name == name), None)
    if world is None:
        return name
    return f"{world.anatomy} ({', '.join(world.modalities)})" if world.modalities else world.anatomy


def unfamiliar(modality: str | None, modalities: Sequence[str]) -> str | None:
    """What is to be said where a model has never met an image of this kind: its masks mean little.

    Args:
        modality: of the image, as DICOM names it; ``None`` if unknown.
        modalities: of the model's training images; empty if unknown.
    """
    if not modalities or modality is None or modality in modalities:
        return None
    return f"the model was trained on {', '.join(modalities)} and not on {modality}: it will paint, but not know what"


def noted(scan: "Scan", modalities: Sequence[str]) -> "Scan":
    """The scan, with :func:`unfamiliar` among its notes where it applies."""
    note = unfamiliar(scan.modality, modalities)
    return scan if note is None else replace(scan, notes=(*scan.notes, note))


# --- how an answer is told ----------------------------------------------------------


def describe(result: Answered, *, include_text: bool = False) -> dict[str, Any]:
    """An answer as plain JSON values: the one description of a result, of which all that is told of it is taken.

    Args:
        result: the answer, about an image or a volume.
        include_text: whether the sentence is among them. It may tell of a patient.
    """
    words = {"text": result.text} if include_text else {}
    return {
        **words,
        "text_given": result.text is not None,
        "laterality": result.laterality,
        **result.extent(),
        **judged(result),
        "probability": result.certainty(),
        **result.describe(),
        "note": NOTE,
    }


def judged(result: Answered) -> dict[str, Any]:
    """What became of a question, and what answered it, as plain JSON values: the same wherever it is told.

    ``presence`` lies below ``presence_threshold``, as written, if and only if nothing was found.
    """
    least = rounded(result.presence_threshold)
    told = rounded(result.highest_presence)
    if told is not None and least is not None and result.state == "not found":
        told = min(told, max(0.0, round(least - 0.0001, 4)))  # rounding must not lift it to the threshold
    outside = result.outside
    return {
        "state": result.state,
        "found": result.found,
        "reason": None if outside is None else outside.reason,
        "explanation": None if outside is None else outside.why,
        "anyway": result.anyway,
        "presence": told,
        "presence_threshold": least,
        "threshold": result.threshold,
        "model": result.model.name,
        "model_sha256": result.model.sha256,
        "lexseg": __version__,
    }


def in_words(values: Mapping[str, Any]) -> str:
    """``found``, ``not found (probability 0.07)``, ``negated`` or ``not in scope: the words ...``: a line of print.

    Args:
        values: of :func:`judged`.
    """
    state, presence = values["state"], values["presence"]
    if state == "not in scope":
        return f"{state}: {values['explanation']}"
    told = f"{state} (probability {presence:.2f})" if state == "not found" and presence is not None else str(state)
    return f"{told}; {marked(values)}" if values["anyway"] else told


def marked(values: Mapping[str, Any]) -> str:
    """How what was made anyway is marked, of the values of :func:`judged`."""
    return f"asked anyway, and not in scope: {values['explanation']}"


def cannot_tell(untold: Sequence[str]) -> str:
    """How it is said of a mask what its answer does not tell; without words of the sentence where there are none."""
    return (
        f"Whether it is {' or '.join(untold)} the model cannot tell." if untold else "The model cannot tell its kind."
    )


def whose_left(laterality: str) -> str:
    """What a caption says of the convention."""
    whose = "left side of the image" if laterality == "image" else "patient's left"
    return f"'left' means the {whose}"


def rounded(value: float | None) -> float | None:
    """Four digits are enough for a probability."""
    return None if value is None else round(value, 4)


def caption_of(result: Answered, values: Mapping[str, Any], include_text: bool) -> Sequence[str]:
    """What stands on the overlay: the sentence where it may, why there is none, what it does not tell, whose left."""
    lines = [result.text] if include_text and result.text else []
    lines += cautions_of(result, values, include_text) if result.found else [in_words(values)]
    if result.text and result.laterality and mentions_side(result.text):
        lines.append(whose_left(result.laterality))
    return lines


def cautions_of(result: Answered, values: Mapping[str, Any], include_text: bool = True) -> list[str]:
    """What is to be said wherever a mask is shown: that it was made anyway, and what it does not tell."""
    anyway = [marked(values)] if result.anyway else []
    return [*anyway, *([cannot_tell(result.untold if include_text else ())] if result.found and result.untold else [])]


def json_bytes(values: Mapping[str, Any]) -> bytes:
    """Values as the bytes of a JSON file."""
    return (json.dumps(values, indent=2) + "\n").encode()

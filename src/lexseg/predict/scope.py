"""Whether an image and a question are in a model's scope, and what the user is told where they are not."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from lexseg.models.worlds import ImageScope, Reason, WordsScope, World
from lexseg.predict.answered import Outside

if TYPE_CHECKING:
    from lexseg.scans.scan import Scan


class Learnt(Protocol):
    """What a model has learnt: :class:`lexseg.models.scope.Scope`, as far as it is asked here."""

    @property
    def worlds(self) -> Sequence[World]: ...

    def verdict(self, image: ImageScope, words: WordsScope) -> Reason | None: ...


_BLANK = Outside("image", "all pixels of the image are equal, so that it shows nothing")
_WORDS = Outside("words", "the words name nothing that the model has learnt to find")


def outside(
    scope: Learnt | None, image: ImageScope | None, words: WordsScope | None, *, blank: bool = False
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
    reason = scope.verdict(image, words)
    if reason == "world":
        own, theirs = image.world or "", max(words.worlds, key=lambda name: words.worlds[name])
        return Outside("world", f"the words belong to {_named(scope, theirs)}, and the image to {_named(scope, own)}")
    return {"image": _unknown_image(scope), "words": _WORDS}[reason] if reason is not None else None


def _unknown_image(scope: Learnt) -> Outside:
    known = ", ".join(_named(scope, world.name) for world in scope.worlds)
    return Outside("image", f"the image is of no kind that the model has learnt (it has learnt {known})")


def _named(scope: Learnt, name: str) -> str:
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

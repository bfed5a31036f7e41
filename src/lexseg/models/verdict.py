"""Where images and words lie in what a model has learnt, and what follows from it. Imports nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Reason = Literal["image", "words", "world"]
"""Why a question is not in scope: the image is none that the model knows, the words are none, or they are of another
world than the image."""


@dataclass(frozen=True, slots=True)
class WordsScope:
    """Whether a sentence asks for something that the model has learnt.

    Attributes:
        known: whether it does, in any world; true of the null sentence, and where the model cannot tell.
        worlds: by world, how likely the words belong to it, 0..1; from one half on they do. Empty: to any.
        distance: of the sentence from the nearest that the model was trained on, 0..2 (one less the cosine).
    """

    known: bool
    worlds: Mapping[str, float]
    distance: float


@dataclass(frozen=True, slots=True)
class ImageScope:
    """Whether an image is of a kind that the model has learnt.

    Attributes:
        known: whether it is; true where the model cannot tell.
        world: the one it is most like; ``None`` where it is like none, or the model cannot tell.
        distance: from the training images of that world, in units of what is still known: above 1 it is not.
    """

    known: bool
    world: str | None
    distance: float


def verdict(image: ImageScope, words: WordsScope) -> Reason | None:
    """Why a question is not in scope; ``None`` where it is."""
    if not image.known:
        return "image"
    if not words.known:
        return "words"
    if image.world is not None and words.worlds and words.worlds[image.world] < 0.5:
        return "world"
    return None

"""What a model has learnt, where images and words lie in it, and what follows: by its folder. Needs no numpy."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lexseg.errors import ModelError

FORMAT = 1
CONFIG = "config.json"


@dataclass(frozen=True, slots=True)
class World:
    """One kind of image that a model has learnt, and what it finds there.

    Attributes:
        name: chest, breast, ...
        anatomy: what is imaged.
        modalities: as DICOM names them (CR, US, ...); empty if unknown.
        findings: what it was taught to find.
        examples: sentences that it understands; empty where none may be told.
        terms: on which its training data, and so its weights, may be used; empty if nobody said.
    """

    name: str
    anatomy: str
    modalities: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    terms: str = ""


def read_worlds(folder: Path | str) -> tuple[tuple[World, ...], str] | None:
    """What a model's ``config.json`` says of its worlds, and the SHA-256 of their data; ``None`` where it says nothing.

    Raises:
        ModelError: it cannot be read, or is of a later version.
    """
    path = Path(folder) / CONFIG
    try:
        told: Any = json.loads(path.read_text(encoding="utf-8")).get("scope")
        if told is None:
            return None
        if told["format"] != FORMAT:
            raise ModelError(f"{path}: scope of format {told['format']!r}, this version of LexSeg reads {FORMAT}")
        worlds = tuple(_world(each) for each in told["worlds"])
        return worlds, str(told["sha256"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: 'scope' cannot be read: {error}") from error


def _world(values: Mapping[str, Any]) -> World:
    lists = {key: tuple(map(str, values.get(key) or ())) for key in ("modalities", "findings", "examples")}
    return World(str(values["name"]), str(values["anatomy"]), terms=str(values.get("terms") or ""), **lists)


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
    if image.world is not None and words.worlds and words.worlds.get(image.world, 0.0) < 0.5:
        return "world"
    return None

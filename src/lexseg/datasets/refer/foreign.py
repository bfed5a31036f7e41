"""Questions that a model cannot know an answer to: of other organs, of findings it never learnt, of nothing at all.

Training asks them so that a network learns to leave what they name alone, and :mod:`lexseg.models.scope` so that it is
said. They stand in the same sentences and name the same places as true questions: only what they name is foreign.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, TypeVar, get_args

import numpy as np
import yaml

from lexseg.datasets.refer import frames
from lexseg.errors import ConfigError

ForeignKind = Literal["everyday", "nonsense", "other-organ", "never-learnt", "other-world"]
"""Everyday words; strings without meaning; findings of organs that no world shows; findings and structures that such
an image could show and none was taught; what another of the model's worlds was taught."""

KINDS: tuple[ForeignKind, ...] = get_args(ForeignKind)
RATES = {"everyday": 0.2, "nonsense": 0.1, "other-organ": 0.2, "never-learnt": 0.3, "other-world": 0.2}
"""How often each kind is drawn."""

_T = TypeVar("_T")
_KEPT = 4
PLACES = {
    "lungs": (
        *("in the left lung", "in the right lung", "in both lungs", "on the left", "on the right", "bilaterally"),
        *("in the left upper zone", "in the right lower lobe", "at the right base", "in the left mid zone"),
    ),
    "image": (
        *("on the left", "on the right", "in the upper left", "at the bottom", "in the center of the image"),
        *("in the lower right of the image", "at the top of the picture", "in the middle"),
    ),
    "brain": (
        *("in the left frontal lobe", "in the right temporal lobe", "in the parietal lobe", "on the left"),
        *("on the right", "in the left hemisphere", "near the midline", "in the occipital lobe"),
    ),
}  # fmt: skip
_PICTURES = ("a picture of {a}", "picture of {np}", "a photo of {a}", "{A} in the image.", "I am looking for {a}")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SYMBOLS = "!?#%&*/=+;:,.<>[]()$@~^"


@dataclass(frozen=True, slots=True)
class ForeignWorld:
    """What can be asked beside the matter in one world.

    Attributes:
        name: of the world: chest, breast, colon, chest-ct, brain or skin.
        anatomy: what is imaged.
        modalities: as DICOM names them.
        layout: how its places are called: lungs, image or brain.
        images: what its images are called.
        near: worlds that share findings with it, so that theirs are not foreign here.
        learnt: what the bundled model was taught there.
        also: taught too, by names that other worlds may share (lesion, mass).
        adjectives: that go with these.
        beside: places told by what lies there, which itself is not looked for.
        natural: true questions as people type them, that nothing is fitted to.
        never: findings and structures that it was not, each with its forms.
    """

    name: str
    anatomy: str
    modalities: tuple[str, ...]
    layout: str
    images: tuple[str, ...]
    near: tuple[str, ...]
    learnt: tuple[str, ...]
    also: tuple[str, ...]
    adjectives: tuple[str, ...]
    beside: tuple[str, ...]
    natural: tuple[str, ...]
    never: tuple[tuple[str, ...], ...]


def foreign_worlds() -> dict[str, ForeignWorld]:
    """The worlds that foreign questions can be asked in, by name."""
    return dict(_worlds())


def foreign_question(
    world: str, rng: np.random.Generator, *, kinds: Sequence[ForeignKind] = KINDS
) -> tuple[str, ForeignKind]:
    """Ask for something that a model of this world has not learnt.

    Args:
        world: one of :func:`foreign_worlds`.
        rng: what decides; equal generators give equal questions.
        kinds: those that may be drawn, at the rates of ``RATES``.

    Returns:
        the question, and of which kind what it names is.

    Raises:
        ConfigError: there is no such world.
    """
    known = _worlds()
    if world not in known:
        raise ConfigError(f"foreign questions for {world!r}: unknown; known are {', '.join(known)}")
    rates = np.array([RATES[kind] for kind in kinds])
    kind = kinds[int(rng.choice(len(kinds), p=rates / rates.sum()))]
    return ask_for(foreign_name(world, kind, rng), known[world].layout, rng, kind), kind


def foreign_name(world: str | ForeignWorld, kind: ForeignKind, rng: np.random.Generator) -> str:
    """The bare name of something foreign to a world; of another organ where nothing of the kind is known."""
    here = world if isinstance(world, ForeignWorld) else _worlds()[world]
    if kind == "nonsense":
        return _nonsense(rng)
    if kind == "everyday":
        return pick(_everyday() if rng.random() < 0.35 else vocabulary(), rng)
    if kind == "other-world":
        others = [each for each in _worlds().values() if each.name != here.name and each.name not in here.near]
        return pick(pick(others, rng).learnt, rng)
    return pick(pick(here.never if kind == "never-learnt" and here.never else _organs(), rng), rng)


def ask_for(name: str, layout: str, rng: np.random.Generator, kind: ForeignKind | None = None) -> str:
    """Put a name into a sentence as true questions have it, mostly bare or with a place of the layout."""
    draw = rng.random()
    if kind == "nonsense" and draw < 0.5:
        return name
    place = pick(PLACES[layout], rng) if draw > 0.55 else ""
    if kind == "everyday" and rng.random() < 0.3:
        return _fill(pick(_PICTURES, rng), name, place)
    rates = np.array([share for _, share in frames.KINDS[:-1]])
    frame = pick(frames.KINDS[int(rng.choice(len(rates), p=rates / rates.sum()))][0], rng)
    return _fill(frame, name, place)


def kept_apart(word: str) -> bool:
    """Whether an everyday word is of the quarter, drawn by its hash, that no question is ever made of.

    What a model does with words that nobody taught it can only be measured on words that nobody did.
    """
    stems = (re.sub(r"(?:es|s)$", "", part).removesuffix("e") for part in word.casefold().split())
    return any(hashlib.sha256(f"everyday 175/{stem}".encode()).digest()[0] % _KEPT == 0 for stem in stems)


@cache
def vocabulary() -> tuple[str, ...]:
    """Whole English words of the packaged tokenizer, less what true questions hold and what is kept apart."""
    from lexseg.encoders.text.reader import minilm_folder

    tokens = json.loads((minilm_folder() / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    words = sorted(t for t in tokens if t.isascii() and t.isalpha() and len(t) >= 4)
    known = _known_words()
    return tuple(w for w in words if w not in known and w.removesuffix("s") not in known and not kept_apart(w))


@cache
def general_words() -> frozenset[str]:
    """Words that a true question of any world may hold."""
    return frozenset(_asset()["general"])


@cache
def _known_words() -> frozenset[str]:
    from lexseg.datasets.refer.nouns import CLASSES, NOUNS
    from lexseg.language import side_words, synonyms

    said = [name for nouns in (*NOUNS.values(), *CLASSES.values()) for name in (*nouns.mass, *sum(nouns.count, ()))]
    said += [
        *synonyms.FILM_NOUNS,
        *synonyms.FILM_PLURALS,
        *synonyms.COUNTED,
        *side_words.LEFT_RIGHT,
        *side_words.UP_DOWN,
    ]
    groups = (
        synonyms.FILM_WORDS,
        synonyms.CT_WORDS,
        synonyms.BREAST_WORDS,
        synonyms.POLYP_WORDS,
        synonyms.COMMON_WORDS,
    )
    said += [name for group in groups for words in group for name in words]
    said += [
        name for world in _worlds().values() for name in (*world.learnt, *world.also, *world.adjectives, *world.images)
    ]
    said += [frame for kind, _ in frames.KINDS for frame in kind]
    return frozenset(re.findall(r"[a-z]+", " ".join([*said, *general_words()]).lower()))


@cache
def _asset() -> dict[str, Any]:
    text = (files("lexseg") / "assets" / "words" / "findings.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@cache
def _worlds() -> dict[str, ForeignWorld]:
    return {name: _world(name, values) for name, values in _asset()["worlds"].items()}


def _world(name: str, values: Mapping[str, Any]) -> ForeignWorld:
    keys = ("modalities", "images", "near", "learnt", "also", "adjectives", "beside", "natural")
    lists = {key: tuple(values[key]) for key in keys}
    return ForeignWorld(name, values["anatomy"], layout=values["layout"], never=_forms(values["never"]), **lists)


@cache
def _organs() -> tuple[tuple[str, ...], ...]:
    return tuple(forms for organ in _asset()["organs"].values() for forms in _forms(organ["findings"]))


@cache
def _everyday() -> tuple[str, ...]:
    return tuple(word for word in _asset()["everyday"] if not kept_apart(word))


def _forms(entries: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(form.strip() for form in entry.split("|")) for entry in entries)


def _nonsense(rng: np.random.Generator) -> str:
    """Letters at random, syllables, digits or symbols."""
    kind = rng.random()
    if kind < 0.35:
        return " ".join(_syllables(rng) for _ in range(int(rng.integers(1, 3))))
    if kind < 0.65:
        return "".join(_LETTERS[i] for i in rng.integers(26, size=int(rng.integers(4, 11))))
    if kind < 0.8:
        mixed = _LETTERS + _LETTERS.upper() + "0123456789"
        return "".join(mixed[i] for i in rng.integers(len(mixed), size=int(rng.integers(5, 12))))
    if kind < 0.9:
        return "".join(_SYMBOLS[i] for i in rng.integers(len(_SYMBOLS), size=int(rng.integers(3, 10))))
    return " ".join(str(n) for n in rng.integers(10000, size=int(rng.integers(1, 4))))


def _syllables(rng: np.random.Generator) -> str:
    return "".join(
        "bcdfghjklmnprstvwz"[int(rng.integers(18))]
        + "aeiou"[int(rng.integers(5))]
        + ("", "", "n", "r", "k")[int(rng.integers(5))]
        for _ in range(int(rng.integers(2, 4)))
    )


def _fill(frame: str, name: str, place: str) -> str:
    many = bool(re.search(r"(?<![sui])s$", name)) and name[:1].islower()
    article = "" if many else "an " if name[:1].lower() in "aeio" else "a "
    full = f"{name} {place}".strip()
    values = {"np": full, "the": f"the {full}", "a": article + full, "any": f"any {full}"}
    values |= {key.capitalize(): value[:1].upper() + value[1:] for key, value in values.items() if key != "any"}
    sentence = frame.format(**values, **{"is": "are" if many else "is"})
    return sentence.replace("Is there ", "Are there ") if many else sentence


def pick(choices: Sequence[_T], rng: np.random.Generator) -> _T:
    """One of the choices, each as likely."""
    return choices[int(rng.integers(len(choices)))]

"""Sentences that a model's words are judged by: true questions of its worlds, and foreign ones."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lexseg.datasets.refer.foreign import ForeignKind, foreign_name, general_words
from lexseg.datasets.refer.known import as_typed, general_question, known_name, reworded, sentence_with
from lexseg.language.typos import misspell
from lexseg.training.scope.worlds import ScopeWorld

Part = Literal["fit", "calibrate"]
"""Names, adjectives and captions are divided between the two: what is calibrated was never fitted."""

KINDS: dict[ForeignKind, float] = {
    "everyday": 0.32,
    "nonsense": 0.08,
    "other-organ": 0.22,
    "never-learnt": 0.28,
    "other-world": 0.1,
}
_CAPTION, _GENERAL = 0.25, 0.08  # shares of true questions; the others ask for a name
_WRONG = {"fit": 0.12, "calibrate": 0.03}  # misspelt: often enough to be learnt, as rarely as it happens
_WRONG_KNOWN = 0.25  # a known word misspelt is harder to know than a foreign one is to refuse
_FOLDS = 4
_WORD = re.compile(r"[a-z]{3,}")
_TRIES = 100


@dataclass(frozen=True, slots=True)
class LabelledSentence:
    """A sentence, and what it is to each world.

    Attributes:
        text: the sentence.
        kind: known, or how it is foreign.
        world: the one that it was made for.
        belongs: by world 1 if it belongs there, 0 if not, -1 where that cannot be said.
    """

    text: str
    kind: ForeignKind | Literal["known"]
    world: int
    belongs: tuple[int, ...]


def labelled_sentences(
    worlds: Sequence[ScopeWorld], part: Part, *, known: int, foreign: int, seed: int
) -> list[LabelledSentence]:
    """Draw questions that a model knows and ones that are foreign to it, to fit its scope on.

    Args:
        worlds: of the model.
        part: whose names they are made of.
        known: how many true questions of each world.
        foreign: how many foreign ones for each world.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    words = [_content(world) for world in worlds]
    sentences = [_known(worlds, i, part, rng) for i in range(len(worlds)) for _ in range(known)]
    kinds = list(KINDS)
    shares = np.array([KINDS[kind] for kind in kinds])
    for i in range(len(worlds)):
        for draw in rng.choice(len(kinds), size=foreign, p=shares / shares.sum()):
            made = _foreign(worlds, words, i, kinds[int(draw)], part, rng)
            sentences += [] if made is None else [made]
    return sentences


def natural_sentences(worlds: Sequence[ScopeWorld], seed: int) -> list[LabelledSentence]:
    """The worlds' true questions as people type them, and every second one misspelt."""
    rng = np.random.default_rng(seed)
    found = []
    for i, world in enumerate(worlds):
        belongs = tuple(int(j == i) for j in range(len(worlds)))
        texts = [*world.asset.natural, *(misspell(text, rng) for text in world.asset.natural[::2])]
        found += [LabelledSentence(text, "known", i, belongs) for text in texts]
    return found


def of_part(name: str, part: Part) -> bool:
    """Whether a name, by its hash, is of a part; a quarter is for calibration."""
    stem = re.sub(r"(?:es|s)$", "", name.casefold())
    fold = hashlib.sha256(f"fold/{stem}".encode()).digest()[0] % _FOLDS
    return (fold == 0) == (part == "calibrate")


def _known(worlds: Sequence[ScopeWorld], i: int, part: Part, rng: np.random.Generator) -> LabelledSentence:
    world = worlds[i]
    names = [name for name in world.names if of_part(name, part)]
    captions = world.captions[part]
    draw = rng.random()
    if captions and (draw < _CAPTION or not names):
        text = reworded(captions[int(rng.integers(len(captions)))], rng)
        belongs = [1 if j == i else -1 if _near(world, other) else 0 for j, other in enumerate(worlds)]
    elif draw < _CAPTION + _GENERAL or not names:
        text, belongs = general_question(world.asset, rng), [1] * len(worlds)
    else:
        adjectives = [word for word in world.asset.adjectives if of_part(word, part)]
        name = known_name(world.asset, names, adjectives, rng)
        text = sentence_with(name, world.asset, rng)
        belongs = [1 if j == i else _others(name, world, other) for j, other in enumerate(worlds)]
    return LabelledSentence(
        as_typed(text, rng, wrong=_WRONG_KNOWN if part == "fit" else _WRONG[part]), "known", i, tuple(belongs)
    )


def _others(name: str, world: ScopeWorld, other: ScopeWorld) -> int:
    """What a name of one world is to another: foreign, or unclear where they share it."""
    shared = any(re.search(rf"\b{re.escape(each)}\b", name, re.IGNORECASE) for each in other.names)
    return -1 if shared or _near(world, other) else 0


def _near(world: ScopeWorld, other: ScopeWorld) -> bool:
    return other.name in world.asset.near or world.name in other.asset.near


def _foreign(
    worlds: Sequence[ScopeWorld],
    words: Sequence[frozenset[str]],
    i: int,
    kind: ForeignKind,
    part: Part,
    rng: np.random.Generator,
) -> LabelledSentence | None:
    world = worlds[i]
    for _ in range(_TRIES):
        name = foreign_name(world.asset, kind, rng)
        stems = _stems(name)
        if kind == "other-world" and any(name in each.names for each in worlds):
            continue
        if kind == "nonsense" or (of_part(name, part) and not stems & words[i]):
            break
    else:
        return None
    said = name
    if kind != "nonsense":
        adjectives = [word for word in world.asset.adjectives if of_part(word, part)] if kind != "everyday" else []
        said = known_name(world.asset, [name], adjectives, rng)
    text = as_typed(sentence_with(said, world.asset, rng, kind), rng, wrong=_WRONG[part])
    belongs = [-1 if kind != "nonsense" and stems & each else 0 for each in words]
    belongs[i] = 0
    return LabelledSentence(text, kind, i, tuple(belongs))


def _content(world: ScopeWorld) -> frozenset[str]:
    """The words that tell what a world is about; what holds one is not foreign to it."""
    return _stems(" ".join([*world.captions["fit"], *world.captions["calibrate"], *world.names]))


def _stems(text: str) -> frozenset[str]:
    words = set(_WORD.findall(text.lower())) - general_words()
    return frozenset(re.sub(r"(?:es|s)$", "", word).removesuffix("e") for word in words)

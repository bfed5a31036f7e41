"""Questions that a model of a world knows: what it was taught, by names that go beyond its manifests, in many wordings.

They train nothing but the judge of scope (:mod:`lexseg.training.scope`): what a paraphrase of a known finding is.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from lexseg.datasets.refer import propose
from lexseg.datasets.refer.anatomy import ANATOMIES
from lexseg.datasets.refer.foreign import PLACES, ForeignKind, ForeignWorld, ask_for, pick
from lexseg.datasets.refer.grammar import wordings
from lexseg.datasets.refer.nouns import Nouns
from lexseg.datasets.refer.query import Query
from lexseg.language.paraphrase import paraphrase
from lexseg.language.typos import misspell

# what may be asked of any image, for what is there
_GENERAL = (
    *(
        "Which findings are there {p}?",
        "what is wrong {p}",
        "anything abnormal {p}?",
        "abnormality {p}",
        "the lesion {p}",
    ),
    *("segment everything abnormal {p}", "outline the findings {p}", "the largest one", "smallest lesion {p}", "{p}"),
    *("mark what is suspicious {p}", "all findings", "show pathology {p}", "is anything there {p}?", "is it normal?"),
    *("any disease {p}?", "segment the target {p}", "the abnormal region {p}", "find the abnormality", "outline it"),
    *("please segment", "what is there {p}?", "where is it?", "region of interest {p}", "{p} only", "{p}, please"),
    *("everything that is not normal {p}", "affected part {p}", "draw around the abnormal tissue {p}", "lesions {p}?"),
)
_NAME = "qqq"  # stands for a name in a sentence of the grammar; no word has it
_PART = re.compile(r"[,;.:]\s")
_LONG = re.compile(r"[A-Za-z]{7,}")


def known_name(world: ForeignWorld, names: Sequence[str], adjectives: Sequence[str], rng: np.random.Generator) -> str:
    """One of the names, at times with adjectives, what kind of image it is in, or what lies beside it."""
    name = pick(names, rng)
    while adjectives and rng.random() < 0.27:
        name = f"{pick(adjectives, rng)} {name}"
    aside = rng.random()
    if aside < 0.07 and world.images:
        return f"{name} on {pick(world.images, rng)}"
    return f"{name} {pick(world.beside, rng)}" if aside < 0.12 and world.beside else name


def general_question(world: ForeignWorld, rng: np.random.Generator) -> str:
    """A question that names nothing but, mostly, a place."""
    place = pick(PLACES[world.layout], rng) if rng.random() < 0.7 else ""
    return " ".join(pick(_GENERAL, rng).format(p=place).split()) or "segment"


def sentence_with(name: str, world: ForeignWorld, rng: np.random.Generator, kind: ForeignKind | None = None) -> str:
    """A sentence that asks for a name: nothing but that, or a simple one, or one as ``lexseg refer`` writes them."""
    draw = rng.random()
    if draw < 0.35:
        return name
    if draw < 0.7:
        return ask_for(name, world.layout, rng, kind)
    sentence = pick(pick(_templates(world.name), rng), rng)
    return sentence.replace(_NAME, name, 1).replace(_NAME.capitalize(), name[:1].upper() + name[1:], 1)


def reworded(sentence: str, rng: np.random.Generator) -> str:
    """A caption, or at times a part of it, mostly in other words."""
    if rng.random() < 0.5:
        parts = [part for part in _PART.split(sentence) if len(part) > 8]
        sentence = pick(parts, rng) if parts else sentence
    return paraphrase(sentence, rng) if rng.random() < 0.7 else sentence


def as_typed(text: str, rng: np.random.Generator, *, wrong: float = 0.12) -> str:
    """The sentence as hands type it: at times misspelt, with a word cut short, in capitals or without any."""
    draw = rng.random()
    if draw < wrong:
        text = misspell(text, rng)
    elif draw < 1.25 * wrong and (words := list(_LONG.finditer(text))):
        word = pick(words, rng)
        text = text[: word.start() + int(rng.integers(4, 7))] + pick((".", ""), rng) + text[word.end() :]
    draw = rng.random()
    return text.upper() if draw < 0.04 else text.lower() if draw < 0.25 else text


@lru_cache(maxsize=16)
def _templates(world: str) -> list[tuple[str, ...]]:
    """Sentences of the grammar by query, with `_NAME` where the name of a target stands."""
    anatomy = ANATOMIES.get(world, ANATOMIES["grid"])
    queries = [Query()] * 6 + propose.plain(None) * 4 + propose.placed(anatomy, None) + propose.across(anatomy, None)
    queries += propose.likened(anatomy, None, lengths=False)[::3] + propose.ranked(None)[::4]
    nouns = Nouns(mass=(_NAME,), count=((_NAME, f"{_NAME}s"),))
    pools = (wordings(query, form, nouns, anatomy) for query in queries for form in ("mass", "one", "many"))
    return [pool for pool in pools if pool]

"""Wordings of a query: places, adjectives and nouns make a phrase, and a frame makes a sentence of it.

The wordings of a query are drawn once, by a generator that depends on the query alone; left and right of the same query
get the same draws. So the number of distinct sentences stays bounded however many images there are, and a mirrored
sentence is, with few exceptions, one that is there already.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from lexseg.datasets.refer import adjectives, frames
from lexseg.datasets.refer.anatomy import Anatomy
from lexseg.datasets.refer.nouns import Nouns
from lexseg.datasets.refer.places import one_sided, places
from lexseg.datasets.refer.predicates import ZONES
from lexseg.datasets.refer.query import Query
from lexseg.seeds import case_generator

Form = Literal["mass", "one", "many"]

_TWICE = re.compile(r"\b(\w+)[ -]+\1\b", re.IGNORECASE)
_AN = re.compile(r"[aeio]|u(?!ni|se)|[AEFHILMNORSX](?=[A-Z ])|[AEIO]")
# how many wordings a query has for each form of the noun, by what it says; the plainer the more
_POOL = {
    "side": 320,
    "side+zone": 140,
    "count": 90,
    "side+without": 120,
    "all": 120,
    "zone+column": 60,
    "zone": 60,
    "zone+count": 60,
}
_OTHER_POOL = 40
_MOST_DRAWS = 40


def wordings(query: Query, form: Form, nouns: Nouns, anatomy: Anatomy) -> tuple[str, ...]:
    """The wordings of a query, all different; its sides are said as they are, which is right in image laterality.

    Args:
        query: what to say.
        form: a name without plural ("infection"), singular or plural; without names of that form there are none.
        nouns: what the targets are called.
        anatomy: what is imaged.
    """
    return _pool(query, form, nouns, anatomy)


@lru_cache(maxsize=4096)
def _pool(query: Query, form: Form, nouns: Nouns, anatomy: Anatomy) -> tuple[str, ...]:
    names = _names(form, nouns)
    if not names:
        return ()
    size = _POOL.get(query.family, _OTHER_POOL)
    rng = case_generator(0, 0, f"{_unsided(query)}/{form}")
    found: dict[str, None] = {}
    for _ in range(_MOST_DRAWS * size):
        sentence = _Wording(query, form, nouns, anatomy, rng).sentence()
        if not _TWICE.search(sentence):
            found[sentence] = None
        if len(found) == size:
            break
    return tuple(found)


def _unsided(query: Query) -> str:
    """The same text for a query and its mirror image."""
    mirrored = str(mirrored_query(query))
    return min(str(query), mirrored)


def mirrored_query(query: Query) -> Query:
    """What the query is in the image mirrored left to right."""
    swap = {"left": "right", "right": "left"}
    rank = {"leftmost": "rightmost", "rightmost": "leftmost"}.get(query.rank or "", query.rank)
    relation = {"left_of": "right_of", "right_of": "left_of"}.get(query.relation or "", query.relation)
    sides = {
        name: swap.get(value, value)
        for name in ("side", "also", "column", "without")
        if (value := getattr(query, name))
    }
    return replace(query, rank=rank, relation=relation, **sides)  # type: ignore[arg-type]


def _names(form: Form, nouns: Nouns) -> tuple[str, ...]:
    return nouns.mass if form == "mass" else tuple(pair[form == "many"] for pair in nouns.count)


@dataclass(frozen=True, slots=True)
class _Phrase:
    """A noun phrase taken apart. Attributes: head: up to the noun; tail: after it; place: where, if that comes last."""

    head: str
    tail: str
    place: str

    @property
    def full(self) -> str:
        return " ".join(filter(None, (self.head, self.tail, self.place)))

    @property
    def bare(self) -> str:
        return " ".join(filter(None, (self.head, self.tail)))


class _Wording:
    """One draw of a sentence."""

    def __init__(self, query: Query, form: Form, nouns: Nouns, anatomy: Anatomy, rng: np.random.Generator) -> None:
        self.query, self.form, self.nouns, self.anatomy, self.rng = query, form, nouns, anatomy, rng

    def sentence(self) -> str:
        if self._says_only_where() and self.rng.random() < frames.ALONE:
            return self._place_alone()
        phrase = self._phrase()
        return self._fill(self._frame(phrase), phrase)

    def _says_only_where(self) -> bool:
        only = Query(side=self.query.side, zone=self.query.zone)
        return (
            self.form == "mass"
            and self.anatomy.layout == "lungs"
            and self.query.side is not None
            and self.query == only
        )

    def _place_alone(self) -> str:
        side = self.query.side or ""
        if self.query.zone is None and self.rng.random() < 0.5:
            return self._one(frames.LUNG_ALONE).format(o=side, O=side.capitalize())
        fronted = [each for each in places(self.query, self.anatomy).after if self._frontable(_Phrase("", "", each))]
        place = self._said(self._one(fronted), side)
        return self._one(frames.PLACE_ALONE).format(place=place, Place=_upper(place))

    def _frame(self, phrase: _Phrase) -> str:
        if self.query.without is not None:
            return self._one(frames.NEGATED_LUNGS if self.anatomy.layout == "lungs" else frames.NEGATED_GRID)
        kinds = [(kind, share) for kind, share in frames.KINDS if kind is not frames.FRONTED or self._frontable(phrase)]
        weights = np.array([share for _, share in kinds])
        return self._one(kinds[int(self.rng.choice(len(kinds), p=weights / weights.sum()))][0])

    @staticmethod
    def _frontable(phrase: _Phrase) -> bool:
        return phrase.place.startswith(("in ", "on ", "at ", "within ")) and "," not in phrase.place

    def _phrase(self) -> _Phrase:
        noun = self._one(_names(self.form, self.nouns))
        before, place = self._place()
        count = self.query.count
        number = [adjectives.NUMBERS[count]] if isinstance(count, int) and count < len(adjectives.NUMBERS) else []
        words = [self._one(options) for options in adjectives.before_noun(self.query, self.anatomy)]
        tail = [self._one(options) for options in adjectives.after_noun(self.query)]
        head = " ".join(filter(None, (*number, *words, before, noun)))
        return _Phrase(head, " ".join(tail), place)

    def _place(self) -> tuple[str, str]:
        """What is said of the place before the noun, and after it."""
        query = self.query
        if query.also is not None:
            first = places(replace(query, also=None), self.anatomy)
            other = Query(zone=query.also) if query.also in ZONES else Query(side=query.also)  # type: ignore[arg-type]
            second = places(other, self.anatomy)
            return self._said(self._one(first.before), query.side), self._said(self._one(second.after), query.also)
        said, only = places(query, self.anatomy), one_sided(query, self.anatomy)
        side = query.side or query.column
        # drawn for both sides alike, so that the other wordings of one are the mirror images of the other's
        rare, early, draw = self.rng.random() < 0.1, self.rng.random() < 0.4, self.rng.random()
        if said.before and (not said.after or early):
            options = only.before if rare and only.before else said.before
            return self._said(options[int(draw * len(options))], side), ""
        options = only.after if rare and only.after else said.after
        return "", self._said(options[int(draw * len(options))], side)

    def _said(self, words: str, side: str | None) -> str:
        side = side or ""
        # halves are the image's even where zones are an organ's
        framed = self.anatomy.framed and (self.query.zone is not None or self.query.column is not None)
        whole = self.anatomy.organ if framed else self._one(self.anatomy.whole)
        return words.format(s=side, S=side[:1].upper(), w=whole)

    def _fill(self, frame: str, phrase: _Phrase) -> str:
        values = {
            "np": phrase.full,
            "the": self._definite(phrase.full),
            "a": self._indefinite(phrase.full),
            "any": self._any(phrase.full),
            "Place": _upper(phrase.place),
            "bare": phrase.bare,
            "bare_a": self._indefinite(phrase.bare),
            "bare_the": self._definite(phrase.bare),
            "any_bare": self._any(phrase.bare),
            "is": "are" if self.form == "many" else "is",
        }
        if self.query.without is not None:
            other = self._one(_names("mass", self.nouns) or _names("one", self.nouns))
            values |= {"other": other, "o": self.query.without, "O": self.query.without.capitalize()}
        values |= {"Np": _upper(values["np"]), "The": _upper(values["the"]), "A": _upper(values["a"])}
        sentence = frame.format(**values)
        return sentence.replace("Is there ", "Are there ") if self.form == "many" else sentence

    def _definite(self, phrase: str) -> str:
        if self.form != "many":
            return f"the {phrase}"
        if isinstance(self.query.count, int):
            number = adjectives.NUMBERS[self.query.count]
            both = f"both {phrase.removeprefix(number).lstrip()}" if self.query.count == 2 else f"all {phrase}"
            return self._one((both, f"the {phrase}"))
        return self._one((f"the {phrase}", f"all {phrase}", f"all the {phrase}"))

    def _indefinite(self, phrase: str) -> str:
        if self.query.rank is not None:
            return f"the {phrase}"
        if self.form != "one":
            return phrase
        return f"an {phrase}" if _AN.match(phrase) else f"a {phrase}"

    def _any(self, phrase: str) -> str:
        if self.query.rank is not None or isinstance(self.query.count, int):
            return self._indefinite(phrase)
        return self._one((f"any {phrase}", self._indefinite(phrase)))

    def _one(self, options: Sequence[str]) -> str:
        return options[int(self.rng.integers(len(options)))]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]

"""One reading of a sentence: its phrases, what each finds where, and the words that nobody knows."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lexseg.language.asking import contradicts
from lexseg.language.denial import Clause, clauses
from lexseg.language.lexicon import Lexicon, lexicon
from lexseg.language.sides import Place, places
from lexseg.language.vocabulary import names_finding, unknown_words

Polarity = Literal["affirmed", "negated"]
Certainty = Literal["certain", "possible"]


@dataclass(frozen=True, slots=True)
class Phrase:
    """A part of a sentence about one place.

    Attributes:
        text: its words; ``text[start:end]`` of the sentence.
        start: where it begins, in characters.
        end: where it ends.
        findings: what it names, as ids of the lexicon ("pleural effusion"), each once and in their order.
        organs: the parts of the body, likewise ("lung").
        attributes: words for size, shape, number and the like, likewise ("small").
        places: (side, height), as :func:`lexseg.language.sides.places` gives them.
        polarity: whether it says that this is there or that it is not.
        certainty: whether it says so outright.
        unknown: the words that the lexicon does not hold; each may be the name of a finding.
    """

    text: str
    start: int
    end: int
    findings: tuple[str, ...]
    organs: tuple[str, ...]
    attributes: tuple[str, ...]
    places: frozenset[Place]
    polarity: Polarity
    certainty: Certainty
    unknown: tuple[str, ...]

    @property
    def possible_findings(self) -> tuple[str, ...]:
        """What it names, and the unknown words that may name something."""
        return (*self.findings, *self.unknown)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a sentence says.

    Attributes:
        text: the sentence.
        language: it was read in, as ISO 639-1 code.
        phrases: its parts, in their order.
        contradictory: whether it says of one finding that it lies on both sides.
    """

    text: str
    language: str
    phrases: tuple[Phrase, ...]
    contradictory: bool

    @property
    def unknown(self) -> tuple[str, ...]:
        """The words of all phrases that the lexicon does not hold, each once."""
        return tuple(dict.fromkeys(word for phrase in self.phrases for word in phrase.unknown))


def read(text: str, words: Lexicon | None = None) -> Reading:
    """Read a sentence.

    ``read("no effusion; possible consolidation in the LLL").phrases`` are two: an effusion, negated, and a
    consolidation at ``("left", "lower")``, affirmed and possible.

    Args:
        text: one sentence or several.
        words: the lexicon of its language; ``None`` is English.
    """
    words = words or lexicon()
    phrases = [_phrase(text, part, words) for clause in clauses(text, words) for part in _parts(text, clause, words)]
    return Reading(text, words.language, tuple(phrases), contradicts(text, words))


def _parts(text: str, clause: Clause, words: Lexicon) -> list[Clause]:
    """A clause, parted where each part names a finding and a place of its own."""
    found = [clause]
    for match in words.kept("phrase joint", make=lambda: _joint(words)).finditer(text, clause.start, clause.end):
        last = found[-1]
        first, second = text[last.start : match.start()], text[match.end() : clause.end]
        if all(names_finding(part, words) and places(part, words) for part in (first, second)):
            found[-1:] = [
                Clause(first.rstrip(), last.start, last.start + len(first.rstrip()), clause.negated),
                Clause(second.lstrip(), clause.end - len(second.lstrip()), clause.end, clause.negated),
            ]
    return found


def _joint(words: Lexicon) -> re.Pattern[str]:
    joined = words.union("joints.split")
    if not words.spaced:
        return re.compile(rf"[,\uff0c\u3001]|{joined}", re.IGNORECASE)
    return re.compile(rf",(?:\s+{words.union('joints.and')}\b)?|\b{joined}\b", re.IGNORECASE)


def _phrase(text: str, part: Clause, words: Lexicon) -> Phrase:
    said = part.text
    asked = text[max(0, part.start - 1) : part.end + 1]  # with a question mark beside it
    possible = words.words("doubt.before").search(asked) or re.search(words.union("doubt.after"), asked, re.IGNORECASE)
    return Phrase(
        said,
        part.start,
        part.end,
        _each_once(finding.id for _, _, finding in words.finding_finder(said)),
        _each_once(organ.id for _, _, organ in words.organ_finder(said)),
        _each_once(str(row["id"]) for _, _, row in words.attribute_finder(said)),
        places(said, words),
        "negated" if part.negated else "affirmed",
        "possible" if possible else "certain",
        unknown_words(said, words),
    )


def _each_once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))

"""Sentences of other languages: what they say in the words of the models.

No word is translated: the reading's findings, places and denials are said anew in English. What the lexicon does not
know stays as it is where nothing else names a finding, and is told.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from lexseg._moved import renamed
from lexseg.language.lexicon import Lexicon, lexicon
from lexseg.language.sides import Height, Place, Side, named_sides, places

if TYPE_CHECKING:
    from lexseg.language.reading import Phrase

MODELS = "en"
"""The language that the models were trained in."""

_HEIGHTS: tuple[Height, ...] = ("upper", "middle", "lower", "")
_SIDES: tuple[Side, ...] = ("left", "right", "")
_WHAT_IS_SEEN = "what do you see"
_WITHIN = ("outer", "inner", "anterior", "posterior", "central", "peripheral")  # attributes that say where in an organ


@dataclass(frozen=True, slots=True)
class Translation:
    """A sentence in English.

    Attributes:
        text: the sentence.
        unknown: the words of the original that nobody knew.
        kinds: its words for kinds of a finding that pictures alone do not tell ("gutartig"): they are not asked.
    """

    text: str
    unknown: tuple[str, ...]
    kinds: tuple[str, ...] = ()

    @property
    def doubts(self) -> list[str]:
        """What is doubtful about it, as sentences for the user; the sentence itself is not quoted."""
        n = len(self.unknown)
        if not n:
            return []
        return [
            f"{n} word{'s' * (n > 1)} of the sentence {'are' if n > 1 else 'is'} not in the lexicon of its language"
        ]


def to_model_words(text: str, language: str | None) -> Translation:
    """A sentence in the language of the models.

    ``"Kein Erguss, Infiltrat im linken Unterlappen"`` in ``de`` is ``"no effusion, infiltrate in the left lower
    zone"``.

    Args:
        text: one sentence or several.
        language: ISO 639-1 code; ``None`` and ``en`` leave the text as it stands.

    Raises:
        TextError: there is no lexicon of the language.
    """
    if language is None or (words := lexicon(language)).language == MODELS:
        return Translation(text, ())
    from lexseg.language.asking import asks_itself  # an English sentence is not read here
    from lexseg.language.reading import read

    if itself := asks_itself(text, words):
        return Translation(_to_be_marked(itself, places(text, words), words), ())
    reading = read(text, words)
    phrases = list(map(_excepted, (None, *reading.phrases), reading.phrases))
    said = [_said(phrase, words, whole=reading.contradictory) for phrase in phrases]
    kept = [(phrase, each) for phrase, each in zip(phrases, said, strict=True) if each]
    out = "".join(_joint(before, phrase) + each for (before, _), (phrase, each) in pairwise([*kept[:1], *kept]))
    looks = not any(phrase.findings or phrase.organs for phrase in phrases) and words.words("general").search(text)
    if looks and not any(phrase.polarity == "negated" for phrase in phrases):
        where = out.removeprefix(", ")
        return Translation(f"{_WHAT_IS_SEEN} {where}".rstrip(), reading.unknown)
    return Translation(out.removeprefix(", ") or text, reading.unknown, tuple(_kinds(reading.phrases, words)))


def _to_be_marked(parts: frozenset[str], where: frozenset[Place], words: Lexicon) -> str:
    """Parts of the body that are themselves asked for: "segment the left lung"."""
    names = [organ.id for organ in words.organs if organ.id in parts and not organ.part] or ["lung"]
    said = [re.sub(r"\bin ", "", _place(where, name, ())) or f"the {name}" for name in names]
    return f"segment {' and '.join(said)}"


def _kinds(phrases: "Sequence[Phrase]", words: Lexicon) -> Iterator[str]:
    """What is said of kinds, but in the name of a finding, and of what is denied."""
    for phrase in phrases:
        named = [(start, end) for start, end, _ in words.finding_finder(phrase.text)]
        for match in words.words("kinds").finditer(phrase.text) if phrase.polarity == "affirmed" else ():
            if not any(start <= match.start() and match.end() <= end for start, end in named):
                yield match.group()


def _joint(phrase: "Phrase", after: "Phrase") -> str:
    """What parts two phrases: after a denial a comma would let what follows be denied too ("no effusion, nodule")."""
    goes_on = phrase.polarity == "negated" and after.polarity == "affirmed" and not (after.places and after.findings)
    return "; " if goes_on else ", "


def _excepted(before: "Phrase | None", phrase: "Phrase") -> "Phrase":
    """A phrase; a bare place after what is denied elsewhere ("keine Raumforderung außer links") names that."""
    denied = before is not None and before.polarity == "negated" and phrase.polarity == "affirmed"
    if before is None or not denied or not phrase.places or phrase.possible_findings:
        return phrase
    sides: tuple[Side, ...] = tuple({side for side, _ in before.places if side}) or ("",)
    here = [(own, height) for side, height in phrase.places for own in ((side,) if side else sides)]
    return replace(phrase, findings=before.findings, places=frozenset(here))


def _said(phrase: "Phrase", words: Lexicon, *, whole: bool) -> str:
    """A phrase in English; "" where it names neither a finding nor a place."""
    several = any(row["id"] in phrase.attributes for row in words.concepts.value("attributes") if row.get("many"))
    names = [_plural(name, words) if several else name for name in phrase.findings] or phrase.unknown
    name = (" or " if phrase.polarity == "negated" else " and ").join(names)
    organs = [organ for organ in words.organs if organ.id in phrase.organs and organ.region and not organ.part]
    if whole and len({side for side, _ in phrase.places if side}) == 2:
        first, second = _in_order(phrase, words)
        return f"{first} {name} in the {second} {_organ(phrase, words) or 'side'}"
    where = [word for word in phrase.attributes if word in _WITHIN]
    look = [word for word in phrase.attributes if word not in where and not (word == "two" and _both(phrase.places))]
    place = _place(phrase.places, _organ(phrase, words), where)
    if not name:
        name = next((organ.id for organ in organs if not organ.whole), "")
        if phrase.polarity == "negated":
            name = f"{name} finding".strip()
    elif part := next((organ.id for organ in organs if not organ.whole and organ.id not in name), ""):
        name = f"{name} of the {part}"
    if name and not place:  # what it is a tumor of tells of which image it is asked; a pneumonia is one of the lung
        regions = {region for finding in words.findings if finding.id in phrase.findings for region in finding.anatomy}
        own = next((organ.id for organ in organs if organ.whole and organ.region not in regions), "")
        place = f"of the {own}" if own and own not in name else ""
    before = ["no"] * (phrase.polarity == "negated")
    before += ["possible"] * (
        phrase.polarity == "affirmed" and phrase.certainty == "possible" and bool(phrase.findings)
    )
    return " ".join(filter(None, (*before, *look, name, place)))


def _plural(name: str, words: Lexicon) -> str:
    return next((finding.many for finding in words.findings if finding.id == name and finding.many), name)


def _organ(phrase: "Phrase", words: Lexicon) -> str:
    """What a place is a place of: the organ named, else the one in which such findings lie."""
    organs = [organ for organ in words.organs if organ.id in phrase.organs]
    if any(organ.part for organ in organs):
        return "lung"
    if named := next((organ.id for organ in organs if organ.whole), ""):
        return named
    regions = {region for finding in words.findings if finding.id in phrase.findings for region in finding.anatomy}
    if regions == {"chest"} or (not regions and any(height for _, height in phrase.places)):
        return "lung"
    return "breast" if regions == {"breast"} else ""


def _place(found: Iterable[Place], organ: str, within: Sequence[str]) -> str:
    """Where, in English: "in the left lower zone and in the right lung"."""
    places = sorted(found, key=lambda place: (_HEIGHTS.index(place[1]), _SIDES.index(place[0])))
    if not places:
        return f"in the {' '.join(within)} part" if within else ""
    said = []
    for height, group in groupby(places, key=lambda place: place[1]):
        sides = [side for side, _ in group]
        both = {"left", "right"} <= set(sides)
        said += [_one("both" if both else side, height, organ, within) for side in (sides[:1] if both else sides)]
    return " and ".join(said)


def _one(side: str, height: Height, organ: str, within: Sequence[str]) -> str:
    plural = "s" * (side == "both")
    if organ == "lung" and height and not within:
        whose = "both " if plural else f"the {side} ".replace("  ", " ")
        return f"in {whose}{height} zone{plural or 's' * (not side)}"
    part = " ".join(filter(None, (height, *within)))
    what = f"both {organ or 'side'}s" if plural else " ".join(filter(None, ("the", side, organ)))
    if part and (organ or plural):
        return f"in the {part} part of {what}"
    if part:
        return f"in the {part} part" + (f" on the {side}" if side else "")
    return f"in {what}" if organ else f"on {what}"


def _both(found: Iterable[Place]) -> bool:
    return {"left", "right"} <= {side for side, _ in found}


def _in_order(phrase: "Phrase", words: Lexicon) -> tuple[str, str]:
    """The sides of a contradiction, as they are said."""
    first, *rest = named_sides(phrase.text, words)
    return first, next(side for side in rest if side != first)


__getattr__ = renamed(__name__)

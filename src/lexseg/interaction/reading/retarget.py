"""Another target in words: what the image is asked for instead."""

import re
from dataclasses import dataclass

from lexseg.interaction.reading.tags import normal
from lexseg.language.lexicon import Lexicon
from lexseg.language.reading import read
from lexseg.language.sides import mirror_words, named_sides, places

_STRONG = re.compile(
    r"(?:no,? )?(?:meant|(?:i|we) (?:actually |really )?"
    r"(?:meant?|(?:was|were|am) (?:asking for|looking for|after)|asked for)(?: to say)?"
    r"|(?:look|search|ask|check) for|(?:switch|change)(?: over)? to|segment|find(?: me)?)[ ,:]+",
    re.IGNORECASE,
)
_WEAK = re.compile(
    r"(?:no,? )?(?:show(?: me)?|outline|delineate|mark|what about|how about|where is|now|try|"
    r"(?:i|we) (?:want(?:ed)?|need(?:ed)?)|rather|instead,?|do|it is|it should be|no,)[ ,:]+",
    re.IGNORECASE,
)
_INSTEAD = re.compile(r"[ ,]+(?:instead(?: of (?:the|that|this|it)\b.*)?|rather than .+)$", re.IGNORECASE)
_INSTEAD_OF = re.compile(r"(?:instead|in place) of .+?, (?P<what>.+)$", re.IGNORECASE)
_NOT_BUT = re.compile(r"not (?P<no>[^,]+?)(?:, (?:but )?| but )(?P<yes>.+)", re.IGNORECASE)
_YES_NOT = re.compile(r"(?P<yes>[^,]+?),? (?:and )?not (?P<no>.+)", re.IGNORECASE)
_PLACES = re.compile(
    r"(?:the|one|in|on|at|of|left|right|upper|middle|lower|lungs?|side|zone|lobe|breast|\W)+", re.IGNORECASE
)
_LEADING = re.compile(r"^(?:please|the|a|an|on|in|at|for)\b[ ,]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NewTarget:
    """What is asked instead. Attributes: asked: the sentence; again: what is to be read as a correction instead."""

    asked: str
    again: str | None = None


def retarget(text: str, sentence: str | None, words: Lexicon) -> NewTarget | None:
    """What a sentence asks for in place of the last one; ``None`` where it asks for no other target.

    Places alone ("I meant the right lung", "no, the other side") keep the finding that was asked before.

    Args:
        text: what the user says.
        sentence: what the mask was asked with.
        words: the lexicon.
    """
    said = re.sub(r"\s+", " ", text).strip(" .,;:!?")
    said = re.sub(r"[ ,]+(?:please|thanks|thank you)$", "", said, flags=re.IGNORECASE)
    said = re.sub(r"^(?:please|sorry|oops|ah|oh|well|ok(?:ay)?|wait)\b[ ,]*", "", said, flags=re.IGNORECASE)
    if re.fullmatch(rf"(?:no[ ,]+)?(?:{words.union('correct.other_side')})", normal(said)):
        return _other_side(sentence, words)
    if (match := _INSTEAD_OF.fullmatch(said)) is not None:
        return _new(match["what"], sentence, words)
    instead = _INSTEAD.search(said)
    said = said if instead is None else said[: instead.start()]
    strong = _STRONG.match(said)
    weak = None if strong else _WEAK.match(said)
    what = said[(strong or weak).end() :] if strong or weak else said  # type: ignore[union-attr]
    what = re.sub(r"[ ,]+(?:only|alone)$", "", what, flags=re.IGNORECASE) if strong else what
    if re.search(r"\b(?:also|too|as well|more|less|larger|bigger|smaller|not|no)\b", what, re.IGNORECASE):
        return _contrasted(what, sentence, words) if not strong or " not " in f" {what}" else None
    if strong and re.match(r"(?:i|we|no)\b", said, re.IGNORECASE) and not _names(what, words):
        return None
    if strong or instead is not None:
        return _new(what, sentence, words)
    if weak is not None and _names(what, words):
        return _new(what, sentence, words)
    return None


def sides_contrasted(text: str, words: Lexicon) -> bool:
    """Whether a sentence is no more than "the right lung, not the left": two places of which one is not meant."""
    matches = (rule.fullmatch(text) for rule in (_NOT_BUT, _YES_NOT))
    return any(m and _only_places(m["yes"], words) and _only_places(m["no"], words) for m in matches)


def _contrasted(what: str, sentence: str | None, words: Lexicon) -> NewTarget | None:
    """As in "the right lung, not the left": the one that is wanted, where both are places of other sides."""
    for rule in (_NOT_BUT, _YES_NOT):
        match = rule.fullmatch(what)
        if match is None or not _only_places(match["yes"], words) or not _only_places(match["no"], words):
            continue
        yes, no = set(named_sides(match["yes"], words)), set(named_sides(match["no"], words))
        if len(yes) == 1 and len(no) == 1 and yes != no:
            return _new(match["yes"], sentence, words)
    return None


def _names(what: str, words: Lexicon) -> bool:
    """Whether words name something to be found, a part of the body or a place."""
    return bool(words.finding_finder(what) or words.organ_finder(what) or places(what, words))


def _only_places(what: str, words: Lexicon) -> bool:
    return bool(places(what, words)) and _PLACES.fullmatch(what) is not None


def _organs(text: str, words: Lexicon) -> set[str]:
    return {organ.id for _, _, organ in words.organ_finder(text) if not organ.part and organ.id != "part"}


def _other_side(sentence: str | None, words: Lexicon) -> NewTarget | None:
    if sentence is None or len(set(named_sides(sentence, words))) != 1:
        return None
    return NewTarget(mirror_words(sentence, "horizontal", words))


def _new(what: str, sentence: str | None, words: Lexicon) -> NewTarget | None:
    asked = what.strip(" .,;:!?")
    while (bare := _LEADING.sub("", asked)) != asked:
        asked = bare
    if not asked:
        return None
    if words.finding_finder(asked) or not places(asked, words) or sentence is None:
        return NewTarget(asked)
    wanted, had = places(asked, words), places(sentence, words)
    other = _organs(asked, words) - _organs(sentence, words)  # "the left breast", where a lung was asked about
    sides = {side for side, _ in wanted}
    if not other and len(sides) == 1 and not any(height for _, height in wanted):
        named = set(named_sides(sentence, words))
        if len(named) == 1 and named.isdisjoint(sides):
            return NewTarget(mirror_words(sentence, "horizontal", words))
        if named == sides and had:
            return NewTarget(sentence)
    found = [
        name for phrase in read(sentence, words).phrases if phrase.polarity == "affirmed" for name in phrase.findings
    ]
    noun = re.sub(r"\b(?:one|side)\b", "", asked).strip()
    organ = "" if words.organ_finder(noun) else " lung" if re.search(r"\blungs?\b", sentence, re.IGNORECASE) else ""
    if not found:
        return NewTarget(f"{noun}{organ}")
    return NewTarget(f"{' and '.join(dict.fromkeys(found))} in the {noun}{organ}")

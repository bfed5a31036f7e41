"""Keeping words in step with pixels: what a sentence says of a mirrored image, and whose left "left" is."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from lexseg.text import side_words as table

Axis = Literal["horizontal", "vertical"]
Convention = Literal["image", "patient"]

# Only letters make a word longer: "left_lung" holds one, "copyright" does not.
_NO_LETTER_BEFORE, _NO_LETTER_AFTER = r"(?<![^\W\d_])", r"(?![^\W\d_])"
_TWINS = str.maketrans("ıİſ", "iIs")  # letters that `re.IGNORECASE` takes for these, and `str.lower` does not
_REACH = 80  # characters around a word; more than any rule needs


def mirror_words(text: str, axis: Axis) -> str:
    """Say the same of the mirrored image.

    ``horizontal`` swaps left and right, ``vertical`` swaps up and down: words and unambiguous abbreviations ("RLL"), in
    lower case, Capitalised or UPPER case. Words that only look like a place ("left over", "all right", "lower density")
    and the names of what has no mirror twin ("left ventricle") stay. Mirrored twice, a sentence is as it was; what is
    not kept are odd capitals ("LEft") and common misspellings of a side ("rigth", which becomes "left"), and what is
    not swapped are words without a counterpart of their own ("basilar").

    What an image shows by physics (the shadow below a mass, a fluid level) does not turn over with it; whether to
    mirror such images vertically at all is for the recipe to decide.

    Args:
        text: English, one sentence or several.
        axis: ``horizontal`` for an image mirrored left to right, ``vertical`` for one turned upside down.
    """
    if axis not in ("horizontal", "vertical"):
        raise ValueError(f"axis {axis!r}: 'horizontal' or 'vertical' was expected")
    pieces, done = [], 0
    for word in place_words(text, axis):
        start, end = word.span()
        pieces += [text[done:start], _counterpart(word.group(), axis)]
        done = end
    return "".join(pieces) + text[done:]


def place_words(text: str, axis: Axis) -> Iterator[re.Match[str]]:
    """The words and abbreviations that :func:`mirror_words` would swap, in the order of the text."""
    rules = _rules(axis)
    for match in rules.finder.finditer(text.translate(_TWINS)):
        word, (start, end) = match.group(), match.span()
        before, after = text[max(0, start - _REACH) : start], text[end : end + _REACH]
        if word.lower() in rules.short or (
            rules.names_place(word, _plain(before), _plain(after)) and not after.lower().startswith("-over")
        ):
            yield match


def convert_laterality(text: str, source: Convention | None, target: Convention | None) -> str:
    """Rewrite a sentence whose "left" is the image's for a reader to whom it is the patient's, or the other way round.

    Equal conventions, and an unknown one (``None``), leave the sentence as it is.
    """
    for convention in (source, target):
        if convention not in ("image", "patient", None):
            raise ValueError(f"laterality {convention!r}: 'image', 'patient' or None was expected")
    return text if source is None or target is None or source == target else mirror_words(text, "horizontal")


def mentions_side(text: str) -> bool:
    """Whether the sentence names left or right, so that it matters whose they are."""
    return mirror_words(text, "horizontal") != text


# --- judging a word by what stands around it ---------------------------------


def _is_side(word: str, before: str, after: str) -> bool:
    """Whether a word that may mean left or right does so here."""
    if word in ("L", "R"):
        return _follows(table.PAIRED_PARTS, after)
    if word.lower() in ("lt", "rt"):
        return _follows(table.PAIRED_PARTS, after.removeprefix("."))
    if word.lower() not in ("left", "right"):
        return word not in ("l", "r")
    if _follows(table.SIDE_NEVER_BEFORE, after) or _follows(table.SIDE_NAMES, after):
        return False
    if _precedes(table.SIDE_AFTER, before):
        return True
    if _follows(table.SIDE_SELDOM_BEFORE, after):
        return False
    clause_ends = not after.strip() or after.lstrip()[0] in ".,;:!?)"
    if not clause_ends and not _follows(table.FUNCTION_WORDS, after):
        return True
    if _precedes("all", before):
        return _follows(table.ALL_FOLLOWED_BY_ALL, after) or _precedes(table.ALL_PRECEDED_BY_ALL, before)
    if _precedes(table.SIDE_VERBS, before):
        return clause_ends and _precedes("is|are", before)  # "the mass is left." against "nothing was left."
    return True


def _is_height(word: str, before: str, after: str) -> bool:
    """Whether a word that may mean a height in the image does so here."""
    word = word.lower()
    if word in table.LUNG_ENDS:
        others = _follows(table.OWNER_AFTER, after) or word in ("apex", "base")
        return _precedes(table.LUNG_BEFORE, before) or _follows(table.LUNG_AFTER, after) or not others
    if any(word in pair and _follows(rule, after) for pair, rule in table.HEIGHT_NEVER_BEFORE.items()):
        return False
    return not any(word in pair and _precedes(rule, before) for pair, rule in table.HEIGHT_NEVER_AFTER.items())


def _plain(context: str) -> str:
    return re.sub(r"[\s/-]+", " ", context.lower())


def _follows(rule: str, after: str) -> bool:
    return _compiled(rf" (?:{rule}){_NO_LETTER_AFTER}").match(after) is not None


def _precedes(rule: str, before: str) -> bool:
    return _compiled(rf"{_NO_LETTER_BEFORE}(?:{rule}) $").search(before) is not None


_compiled = cache(re.compile)


# --- swapping ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Rules:
    """Each word's and abbreviation's counterpart, which of them are abbreviations, what finds and what judges words."""

    words: Mapping[str, str]
    short: frozenset[str]
    finder: re.Pattern[str]
    names_place: Callable[[str, str, str], bool]


@cache
def _rules(axis: Axis) -> _Rules:
    if axis == "horizontal":
        words, short, judge = table.LEFT_RIGHT, table.LEFT_RIGHT_SHORT, _is_side
    else:
        words, short, judge = table.UP_DOWN, table.UP_DOWN_SHORT, _is_height
    short = {k.lower(): v.lower() for k, v in _both_ways(short).items()}
    words = _both_ways(words) | short
    if axis == "horizontal":
        words |= {wrong: words[side] for side, wrongs in table.MISSPELT_SIDES.items() for wrong in wrongs}
    found = rf"{_NO_LETTER_BEFORE}(?:{'|'.join(words)}){_NO_LETTER_AFTER}"
    return _Rules(words, frozenset(short), re.compile(found, re.IGNORECASE), judge)


def _both_ways(pairs: Mapping[str, str]) -> dict[str, str]:
    return {**pairs, **{counterpart: word for word, counterpart in pairs.items()}}


def _counterpart(word: str, axis: Axis) -> str:
    return _in_case_of(word, _rules(axis).words[word.lower()])


def _in_case_of(model: str, word: str) -> str:
    if model.isupper():
        return word.upper()
    return word.capitalize() if model.istitle() else word

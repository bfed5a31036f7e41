"""The same in plain words: what a model can also be asked, where a sentence means no more than one whole lung.

A network knows the words it was trained with best. "What is wrong with the left lung?" and "infection in the left lung"
ask the same, but the first may be one that it never met. A word that the lexicon does not know may be what is asked
for: a sentence with one is left alone.
"""

import re
from collections.abc import Mapping

from lexseg.language.lexicon import Lexicon, lexicon
from lexseg.language.places import places
from lexseg.language.vocabulary import unknown_words

_SAYS = {"chest": "{noun} in the {side} lung"}
ANATOMIES = frozenset(_SAYS)
"""Those that sentences can be said plainly about."""

_LOOKS = ("look", "shade")  # kinds of attributes that pick nothing
_NUMBER = re.compile(r"(?<!covid-)(?<!covid-1)\d", re.IGNORECASE)


def in_plain_words(text: str, nouns: Mapping[str, str], words: Lexicon | None = None) -> str | None:
    """What a sentence asks, said plainly; ``None`` where it may mean more than one whole side.

    "What is wrong with the left lung?" is ``"infection in the left lung"``. A sentence with a height ("left base"), two
    sides, a number, a size, a rank, another finding or an unknown word is left alone.

    Args:
        text: one sentence, without what it denies.
        nouns: by anatomy, of `ANATOMIES`, how a model's training calls all that it looks for there.
        words: of its language; ``None`` is English.
    """
    words = words or lexicon()
    anatomy = next((name for name in nouns if _is_about(text, name, words)), None)
    if anatomy is None or _says_more(text, anatomy, words) or len(named := places(text, words)) != 1:
        return None
    ((side, height),) = named
    if not side or height or unknown_words(text, words):
        return None
    said = _SAYS[anatomy].format(noun=nouns[anatomy], side=side)
    return None if said.casefold() == text.strip(" .?!").casefold() else said


def _is_about(text: str, anatomy: str, words: Lexicon) -> bool:
    """Whether a finding that is found only there, or a part of the body, tells the anatomy."""
    findings = (finding for _, _, finding in words.finding_finder(text))
    organs = (organ for _, _, organ in words.organ_finder(text))
    own = any(finding.asked == anatomy and finding.anatomy == (anatomy,) for finding in findings)
    return own or any(organ.region == anatomy and organ.whole for organ in organs)


def _says_more(text: str, anatomy: str, words: Lexicon) -> bool:
    """Whether words pick among what lies there, count it, or name what plain words would lose."""
    if _NUMBER.search(text):
        return True
    if any(finding.asked != anatomy for _, _, finding in words.finding_finder(text)):
        return True
    if any(row["kind"] not in _LOOKS for _, _, row in words.attribute_finder(text)):
        return True
    organs = [organ for _, _, organ in words.organ_finder(text)]
    return any(organ.region and not (organ.region == anatomy and organ.whole) for organ in organs)

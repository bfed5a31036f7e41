"""Words of corrections with one slip of the hand, such as "smaler" and "rigth": read as what they were meant to be."""

import re

from lexseg.interaction.reading.tags import TAGS, tagged
from lexseg.language.lexicon import Lexicon

SHORTEST = 5
"""Letters of a word that is looked up; shorter ones are too much like others."""
_STEMMED = re.compile(r"([a-z]{3,})\(\?:([a-z|]+)\)(\?)?")
_PLAIN = re.compile(r"[a-z]{4,}")


def mended(clause: str, unknown: tuple[str, ...], words: Lexicon) -> str | None:
    """A clause with its unknown words as they were meant; ``None`` where one of them is like no word, or like two.

    Args:
        clause: as :func:`lexseg.interaction.reading.tags.normal` made it.
        unknown: its words that nobody knows.
        words: the lexicon.
    """
    for word in unknown:
        meant = _meant(word, words)
        if meant is None:
            return None
        clause = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", meant, clause)
    return clause


def _meant(word: str, words: Lexicon) -> str | None:
    if len(word) < SHORTEST or not word.isalpha():
        return None
    if word in words.kept("correct common", make=lambda: frozenset(words.value("common"))):
        return None  # a word, and another one
    known: frozenset[str] = words.kept("correct spellings", make=lambda: _known(words))
    found = _slips(word) & known
    # "smaler" is "smaller", not another of its forms; of two words that mean something else neither is taken
    return found.pop() if len(found) == 1 else None


def _slips(word: str) -> set[str]:
    """All that one letter left out, put in, taken for another, or two exchanged make of a word but its first letter."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    parts = [(word[:i], word[i:]) for i in range(1, len(word) + 1)]
    lost = {a + b[1:] for a, b in parts if b}
    swapped = {a + b[1] + b[0] + b[2:] for a, b in parts if len(b) > 1}
    other = {a + c + b[1:] for a, b in parts if b for c in letters}
    more = {a + c + b for a, b in parts for c in letters}
    return (lost | swapped | other | more) - {word}


def _known(words: Lexicon) -> frozenset[str]:
    """Single words that play a part in a correction."""
    rows = [row for tag in TAGS for row in words.rows(f"correct.{tag}") if tag not in ("filler", "polite")]
    found = {word for row in rows for word in _PLAIN.findall(row)}
    for row in rows:
        for stem, ends, _ in _STEMMED.findall(row):
            found |= {stem + end for end in ends.split("|")} | {stem}
    found |= {str(row[key]) for row in words.value("heights.pairs") for key in ("upper", "lower")} | {"left", "right"}
    return frozenset(word for word in found if len(word) > 3 and not tagged(word, words).unknown)

"""Spelling mistakes as hands make them: for training on words as they are typed, not only as they are meant."""

import re

import numpy as np

from lexseg.language.lexicon import Lexicon, lexicon
from lexseg.language.slips import beside
from lexseg.language.vocabulary import place_names

_WORD = re.compile(r"[A-Za-z]{4,}")
_TRIES = 20


def misspell(text: str, rng: np.random.Generator, words: Lexicon | None = None) -> str:
    """Make one spelling mistake, or in a third of the sentences two, in different words.

    A mistake swaps two neighbouring letters, drops one, doubles one, or hits the next key. First letters stay, as they
    mostly do, and so do words of three letters and less: abbreviations, "no" and "not". No mistake makes a side or a
    height of another word.

    Do this last: :func:`lexseg.language.sides.mirror_words` does not know a misspelt "rigth".

    Args:
        text: a sentence.
        rng: what decides; equal generators make equal mistakes.
        words: of its language; ``None`` is English.

    Returns:
        the sentence with mistakes; the sentence itself where no word is long enough.
    """
    chances = list(_WORD.finditer(text))
    if not chances:
        return text
    words = words or lexicon()
    kept = place_names(words)
    most = 2 if rng.random() < 1 / 3 else 1
    chosen = rng.permutation(len(chances))[:most]
    for i in sorted(map(int, chosen), reverse=True):  # from the end, so that positions hold
        start, end = chances[i].span()
        text = text[:start] + _misspelt(chances[i].group(), rng, kept) + text[end:]
    return text


def _misspelt(word: str, rng: np.random.Generator, kept: frozenset[str]) -> str:
    for _ in range(_TRIES):
        wrong = _KINDS[rng.integers(len(_KINDS))](word, int(rng.integers(1, len(word))), rng)
        if wrong != word and wrong.lower() not in kept:
            return wrong
    return word


def _swap(word: str, at: int, rng: np.random.Generator) -> str:
    if at == len(word) - 1:
        at -= 1
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _drop(word: str, at: int, rng: np.random.Generator) -> str:
    return word[:at] + word[at + 1 :]


def _double(word: str, at: int, rng: np.random.Generator) -> str:
    return word[: at + 1] + word[at:]


def _next_key(word: str, at: int, rng: np.random.Generator) -> str:
    keys = beside(word[at].lower())
    key = keys[rng.integers(len(keys))]
    return word[:at] + (key.upper() if word[at].isupper() else key) + word[at + 1 :]


_KINDS = (_swap, _drop, _double, _next_key)

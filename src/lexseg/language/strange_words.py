"""Words that mean nothing here, in the place of words that name what is looked for.

A model that has met a hundred names for an opacity still takes the hundred-and-first for something else, and says "not
found". Training with names of no meaning teaches it to go by the places that a sentence names. Only for data in which
each image holds one kind of target: where classes differ, their names are what matters.
"""

import re

import numpy as np

from lexseg.language.lexicon import Lexicon, lexicon


def estrange(text: str, rng: np.random.Generator, *, share: float = 0.6, words: Lexicon | None = None) -> str:
    """Put strange words for some of those that name a finding or ask for it; places and all else stay.

    Args:
        text: one sentence or several.
        rng: all chance comes from it.
        share: of the words concerned that are replaced, 0..1.
        words: of its language, one that has strange words; ``None`` is English.
    """
    words = words or lexicon()
    strange = words.rows("strange.words")
    names = words.kept("strange", make=lambda: re.compile(rf"\b{words.union('strange.for')}\b", re.IGNORECASE))

    def other(match: re.Match[str]) -> str:
        word = strange[int(rng.integers(len(strange)))]
        if rng.random() >= share:
            return match.group()
        return word.capitalize() if match.group()[0].isupper() else word

    return names.sub(other, text)


def without_findings(text: str, words: Lexicon | None = None) -> str:
    """The sentence with "area" for each finding that it names; places, sizes and all else stay.

    Args:
        text: one sentence or several.
        words: of its language; ``None`` is English.
    """
    out, done = [], 0
    for start, end, _ in (words or lexicon()).finding_finder(text):
        if start >= done:
            out += [text[done:start], "Area" if text[start].isupper() and start == 0 else "area"]
            done = end
    return "".join([*out, text[done:]])

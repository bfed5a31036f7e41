"""English words that lie a slip of the hand from one of the lexicon: ``python tests/mistakable.py`` writes them anew.

A word of the text encoder's vocabulary is a word, and no misspelt one. Those that the lexicon would else take for one
of its own stand in its table ``mistakable``: "lesson", which is no "lesion".
"""

import copy
import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from lexseg.encoders.text.reader import minilm_reader
from lexseg.language.lexicon import Lexicon, lexicon
from lexseg.language.vocabulary import is_known, read_as

FILE = Path(__file__).parents[1] / "src" / "lexseg" / "assets" / "language" / "en.json"


def whole_words() -> list[str]:
    """The words of the text encoder's vocabulary, pieces of words left out."""
    return sorted(token for token in minilm_reader().vocabulary() if re.fullmatch("[a-z]{3,}", token))


def mistaken(words: Lexicon, tokens: list[str]) -> Iterator[str]:
    """Those that are read as another word, or as known because one is near."""
    bare = Lexicon({**copy.copy(words._values), "mistakable": tokens})
    yield from (
        each for each in tokens if read_as(each, words)[1] or (is_known(each, words) and not is_known(each, bare))
    )


if __name__ == "__main__":
    own = lexicon()
    values = {**own._values, "mistakable": []}
    rows = [json.dumps(each) for each in mistaken(Lexicon(values), whole_words())]
    table = textwrap.indent(textwrap.fill(", ".join(rows), 112, break_on_hyphens=False), "    ")
    text = FILE.read_text(encoding="utf-8")
    text = re.sub(r'  "mistakable": \[.*?\n  \],\n', "", text, flags=re.DOTALL)
    text = text.replace('  "adjective_endings"', f'  "mistakable": [\n{table}\n  ],\n  "adjective_endings"', 1)
    FILE.write_text(text, encoding="utf-8")
    print(len(rows), "words")

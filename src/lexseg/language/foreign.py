"""Whether a sentence is in another language than the one it is read in.

Words that stand in a report of another language and in no English one; and any other script. Half a sentence is too
short for language identification as libraries offer it, which calls "RLL opacity" anything. What it misses
("infiltrat") goes unsaid; what it names is not English.
"""

import re
import unicodedata

from lexseg.language.lexicon import Lexicon, lexicon

_LETTERS = re.compile(r"[^\W\d_]+")


def looks_foreign(text: str, words: Lexicon | None = None) -> bool:
    """Whether a sentence holds a word of another language, or is mostly written in another script than ours.

    Args:
        text: one sentence or several. Greek letters and accents alone, as in names, are no sign of it.
        words: of the language it is read in; ``None`` is English.
    """
    words = words or lexicon()
    plain = unicodedata.normalize("NFC", text)
    return likely_language(plain, words) is not None or (words.spaced and _mostly_another_script(plain))


def likely_language(text: str, words: Lexicon | None = None) -> str | None:
    """The language, as ISO 639-1 code, of the words that tell one; ``None`` where none do.

    Args:
        text: one sentence or several.
        words: of the language it is read in, which is none of the answers; ``None`` is English.
    """
    words = words or lexicon()
    found = set(_LETTERS.findall(unicodedata.normalize("NFC", text)))
    source = words.concepts
    forms = source.kept("foreign", make=lambda: _forms(source))
    told = {language: len(found & telling) for language, telling in forms.items() if language != words.language}
    best = max(told, key=lambda language: told[language], default=None)
    return best if best is not None and told[best] else None


def _forms(words: Lexicon) -> dict[str, frozenset[str]]:
    """By language its words as they are written; not in capitals: EL, IL, MIT are abbreviations."""
    table: dict[str, list[str]] = words.value("foreign")
    return {
        language: frozenset(form for word in telling for form in (word, word.capitalize()))
        for language, telling in table.items()
    }


def _mostly_another_script(text: str) -> bool:
    if text.isascii():
        return False
    letters = [character for character in text if character.isalpha()]
    ours = sum("LATIN" in unicodedata.name(letter, "") for letter in letters)
    return 2 * ours < len(letters)

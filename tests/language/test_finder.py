"""Names are found in a text, whatever letter they begin with and whatever its case."""

import re

import pytest

from lexseg.language.lexicon import Finder, languages, lexicon

PLAIN = re.compile(r"[^\W\d_]+(?: [^\W\d_]+)*")


@pytest.mark.parametrize("language", languages())
def test_every_name_is_found_alone_in_capitals_and_among_others(language):
    words = lexicon(language)
    for finder, concepts in ((words.finding_finder, words.findings), (words.organ_finder, words.organs)):
        for name in {name for concept in concepts for name in concept.names if PLAIN.fullmatch(name)}:
            between = " " if words.spaced else ""
            capitals = name.upper().replace("SS", "ß") if "ß" in name else name.upper()
            for text in (name, capitals, f"{name}{between}{name}"):
                found = finder(text)
                assert found and (found[0][0], found[0][1]) == (0, len(name)), text


def test_of_names_that_begin_together_the_longest_is_found_whatever_their_form():
    words = lexicon("en")
    names = ["a|bb", "(?:c)?bb cc", "b?d", "bb*", "ab (?:x|y)", "s"]
    finder = Finder(words, [(name, name) for name in names])
    said = [
        ("bb", "a|bb"),  # either part of it, though only one begins with its first letter
        ("bbq", "bb*"),
        ("BB cc", "(?:c)?bb cc"),
        ("d", "b?d"),  # its first letter may be missing
        ("ab y", "ab (?:x|y)"),
        ("\u017f", "s"),  # a long s is an s without regard to case
    ]
    for text, name in said:
        assert [(start, text[start:end], what) for start, end, what in finder(text)] == [(0, text, name)]

"""Names are found in a text, whatever letter they begin with and whatever its case."""

import re

import pytest

from lexseg.language.lexicon import Finder, languages, lexicon, written_out
from lexseg.language.vocabulary import mended, resembles

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


def test_the_words_of_a_row_are_those_of_all_its_forms():
    said = {
        "(?:needs?|has to) (?:be )?cut(?:ting)? out": {"need", "needs", "has", "to", "be", "cut", "cutting", "out"},
        "gr[ae]y (?:well-)?defined": {"gray", "grey", "well", "defined"},
        "Nodule": {"nodule"},
        "ill (?:\\w+ )defined": set(),  # whatever stands between: the words are without number
        "ill (?!defined)": set(),
        "shadow(?:s|\\w+) here": {"shadows", "here"},
    }
    assert {row: set(written_out(row)) for row in said} == said


@pytest.mark.parametrize("language", languages())
def test_no_row_is_written_out_in_forms_without_end(language, monkeypatch):
    """One row of "must be taken out", "should be excised" once had 435,456, and a cold start took twice its time."""
    count = 0
    module = written_out.__globals__
    one_by_one = module["_forms"]

    def counted(part):
        nonlocal count
        count += 1
        return one_by_one(part)

    monkeypatch.setitem(module, "_forms", counted)
    fresh = lexicon.__wrapped__(language)
    mended("opacitiy in the left lung", fresh)
    resembles("opac", fresh)
    assert 0 < count < 50_000

"""From a report of several sentences to its findings, each with its place in the text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from lexseg.language import vocabulary
from lexseg.language.denial import Clause, asked_of, clauses
from lexseg.language.lexicon import Lexicon, either, lexicon
from lexseg.language.remarks import without_remarks
from lexseg.language.sides import places


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a report says of the image.

    Attributes:
        text: the words that ask for it, white space made even.
        start: where it begins in the report, in characters.
        end: where it ends.
        sentence: the number of its sentence among those that were read, from 1.
        section: the heading above it in lower case ("findings"); "" without headings.
        negated: whether the report says that it is not there.
    """

    text: str
    start: int
    end: int
    sentence: int
    section: str
    negated: bool


def read_report(text: str, words: Lexicon | None = None) -> list[Finding]:
    """The findings of a report, in its order.

    Read are the sections that hold findings (FINDINGS, IMPRESSION, ...), all others are passed over; without such
    headings, everything but what stands under a heading like "History:". Headings may stand within a line. A sentence
    with negated clauses, and one with several findings at different places, gives several findings. What a report says
    of the examination, of other films, of what should be done and of who reads it is no finding
    (:mod:`lexseg.language.remarks`).

    Args:
        text: as a file holds it: line breaks within sentences, numbered lists and bullets are understood.
        words: of its language; ``None`` is English.
    """
    words = words or lexicon()
    marks = words.kept("report", make=lambda: _Marks(words))
    text = text.replace("\ufeff", " ")  # a byte order mark; of the same length, so that places hold
    flat = re.sub(r"\s", " ", text)
    found: list[Finding] = []
    sentence = 0
    for section, start, end in _sections(text, marks):
        for first, last in _sentences(text, start, end, marks):
            said = without_remarks(flat[first:last], words)
            parts = [part for part in _merged(said, clauses(said, words)) if marks.says_something(part)]
            sentence += bool(parts)
            for i, part in enumerate(parts):
                cuts = [(part.start, part.end)] if part.negated else _by_place(said, part, marks)
                for a, b in cuts:
                    asked = said[a:b] if part.negated or len(cuts) > 1 else asked_of(parts, i, words)
                    asked = " ".join(asked.split())
                    found.append(Finding(asked, first + a, first + b, sentence, section, part.negated))
    return found


# --- sections -------------------------------------------------------------------------


class _Marks:
    """What parts a report, in the words of a language."""

    def __init__(self, words: Lexicon) -> None:
        self.lexicon = words
        # a number alone names nothing
        self.word = re.compile(r"[^\W\d_]{2}")
        # At the beginning of a line; within one after a full stop, or in capitals, and then with a colon.
        self.heading = re.compile(
            r"(?:^[ \t]*|(?P<within>(?<=[.;?!])[ \t]+(?=(?-i:[A-ZÀ-Þ]))|(?<=[ \t])(?=(?-i:[A-ZÀ-Þ]{4}))))"
            rf"(?:(?P<finding>{words.union('sections.findings')})|(?P<other>{words.union('sections.others')}))"
            rf"(?:[ \t]*{words.union('sections.joined')}[ \t]*\w+)?"
            r"(?:[ \t]*[:\uff1a]|(?(within)(?!)|[ \t]*(?=\r?$)))",
            re.IGNORECASE | re.MULTILINE,
        )
        self.sums_up = re.compile(words.union("sections.sums_up"), re.IGNORECASE)
        short = either([re.escape(each) for each in words.rows("abbreviations.report")])
        self.abbreviation = re.compile(rf"(?:\b{short}|(?:^|[\s(])[a-z])$", re.IGNORECASE)
        self.unfinished = re.compile(rf"(?:,|\b{words.union('joints.unfinished')})$")
        split, joined = words.union("joints.split"), words.union("joints.and")
        self.joint = re.compile(rf",(?:\s+{joined}\b)?|\b{split}\b", re.IGNORECASE)
        self.comma = re.compile(rf",|\b{joined}\b")

    def says_something(self, part: Clause) -> bool:
        """Whether there is anything to look for, or that is denied: "as above" and "unchanged" name nothing."""
        words, text = self.lexicon, part.text
        return self.word.search(text) is not None and bool(
            part.negated
            or words.finding_finder(text)
            or words.organ_finder(text)
            or places(text, words)
            or words.words("ill", "general", "kinds").search(text)
            or vocabulary.unknown_words(text, words)
        )

    def names_finding(self, text: str) -> bool:
        return vocabulary.names_finding(text, self.lexicon)


_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")


def _sections(text: str, marks: _Marks) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of what is to be read."""
    headings = list(marks.heading.finditer(text))
    chosen = any(heading["finding"] for heading in headings)
    first = headings[0].start() if headings else len(text)
    # what stands above a mere conclusion are the findings, if it names any
    above = all(h["finding"] is None or marks.sums_up.match(h["finding"]) for h in headings)
    above = above and marks.lexicon.words("finding").search(text[:first]) is not None
    if first > 0 and (above or not chosen):
        yield "", 0, first
    reading = "" if above or not chosen else None  # the section that is being read
    for heading, after in zip_longest(headings, headings[1:]):
        end = after.start() if after is not None else len(text)
        if heading["finding"]:
            reading = " ".join(heading["finding"].lower().split())
            yield reading, heading.end(), end
            continue
        brief = heading["within"] is not None and not (chosen and heading.group().strip().isupper())
        if brief and reading is not None:  # "Contrast: none." is a sentence, and no section
            stop = _STOP.search(text, heading.end(), end)
        else:  # without a section of findings, others end at a blank line
            stop = None if chosen else _BLANK_LINE.search(text, heading.end(), end)
            reading = None if stop is None else ""
        if reading is not None and stop is not None:
            yield reading, stop.end(), end


# --- sentences ------------------------------------------------------------------------

_STOP = re.compile(r"[.!?]+(?=\s|$)|[;\u3002\uff1b\uff01\uff1f]")
_MARKER = re.compile(r"[ \t]*(?:[-*\u2022\u2013\u00b7]|\(?(?:\d{1,2}|[a-h])[.)](?!\d))[ \t]+")
_NARROW = 40  # characters: lines of a text that is no wider are lines of a list


def _sentences(text: str, start: int, end: int, marks: _Marks) -> Iterator[tuple[int, int]]:
    for first, last in _blocks(text, start, end, marks):
        begin = _after_marker(text, first, last)
        for match in _STOP.finditer(text, first, last):
            if match.start() < begin or _goes_on(text, begin, match, last, marks):
                continue
            yield begin, match.start()
            begin = _after_marker(text, match.end(), last)
        if begin < last:
            yield begin, last


def _goes_on(text: str, begin: int, stop: re.Match[str], last: int, marks: _Marks) -> bool:
    """Whether a full stop ends no sentence: after an abbreviation that more words follow."""
    if stop.group() != "." or not text[stop.end() : last].strip():
        return False
    return marks.abbreviation.search(text[max(begin, stop.start() - 12) : stop.start()]) is not None


def _after_marker(text: str, at: int, last: int) -> int:
    while at < last and text[at].isspace():
        at += 1
    match = _MARKER.match(text, at, last)
    return match.end() if match else at


def _blocks(text: str, start: int, end: int, marks: _Marks) -> Iterator[tuple[int, int]]:
    """Paragraphs, items of lists, and lines that were ended before they were full."""
    lines = [(m.start(), m.end()) for m in re.finditer(r"[^\n]+", text[start:end])]
    width = max((len(text[start + a : start + b].rstrip()) for a, b in lines), default=0)
    begin: int | None = None
    for (a, b), after in zip_longest(lines, lines[1:]):
        line = text[start + a : start + b].rstrip()
        begin = start + a if begin is None else begin
        following = None if after is None or after[0] > b + 1 else text[start + after[0] : start + after[1]]
        if following is None or not line or _breaks(line, following, width, marks):
            if text[begin : start + b].strip():
                yield begin, start + b
            begin = None


def _breaks(line: str, following: str, width: int, marks: _Marks) -> bool:
    """Whether a line break is meant: the next line begins anew though its first word had found room on this one."""
    words = following.split()
    if not words or _MARKER.match(following):
        return True
    fits = len(line) + 1 + len(words[0]) <= width or width <= _NARROW
    return fits and words[0][0].isupper() and not marks.unfinished.search(line)


# --- findings of a sentence ---------------------------------------------------------------


_LONGEST = 2000  # characters: no sentence that an encoder reads is longer


def _merged(text: str, parts: list[Clause]) -> list[Clause]:
    """Neighbours that are both affirmed, or both negated, are one again: "no effusion, no mass"."""
    found: list[Clause] = []
    for part in parts:
        if found and found[-1].negated == part.negated:
            start = found.pop().start
            part = Clause(text[start : part.end], start, part.end, part.negated)
        found.append(part)
    return found


def _by_place(text: str, part: Clause, marks: _Marks) -> list[tuple[int, int]]:
    """Parts of an affirmed clause that each name a finding and a place of its own."""
    found = [(part.start, part.end)]
    if len(part.text) > _LONGEST:
        return found
    for match in marks.joint.finditer(part.text):
        start, end = found[-1]
        cut, resume = part.start + match.start(), part.start + match.end()
        if cut <= start:
            continue
        first, second = text[start:cut], text[resume:end]
        words = marks.lexicon
        following = marks.comma.split(second, maxsplit=1)[0]
        own = all(marks.names_finding(each) and places(each, words) for each in (first, following))
        if own and places(first, words) != places(second, words):
            found[-1:] = [_stripped(text, start, cut), _stripped(text, resume, end)]
    return found


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    inner = text[start:end]
    return start + len(inner) - len(inner.lstrip()), start + len(inner.rstrip())

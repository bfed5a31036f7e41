"""From a report of several sentences to its findings, each with its place in the text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from lexseg.text.negation import Clause, asked_of, clauses, names_finding
from lexseg.text.places import places

# Sections whose sentences are findings, and sections that tell of something else.
FINDING_SECTIONS = (
    "findings?|impressions?|conclusions?|opinion|interpretation|results?|summary|diagnosis|report|observations?"
)
OTHER_SECTIONS = (
    "techniques?|(?:clinical |past |medical )*(?:history|information|details|indications?|question|data)|comparisons?"
    "|compared (?:to|with)|examinations?|exam|procedures?|protocol|views?|reason for (?:exam(?:ination)?|study|test)"
    "|recommendations?|advice|signed(?: by)?|dictated(?: by)?|(?:reporting |referring )?(?:physician|radiologist)"
    "|patient(?: name| id)?|name|date(?: of \\w+)?|dob|mrn|study|modality|contrast|dose|addendum|notification"
)


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


_WORD = re.compile(r"[^\W\d_]{2}")  # a number alone names nothing


def read_report(text: str) -> list[Finding]:
    """The findings of a report, in its order.

    Read are the sections that hold findings (FINDINGS, IMPRESSION, ...), all others are passed over; without such
    headings, everything but what stands under a heading like "History:". Headings may stand within a line. A sentence
    with negated clauses, and one with several findings at different places, gives several findings.

    Args:
        text: English, as a file holds it: line breaks within sentences, numbered lists and bullets are understood.
    """
    text = text.replace("\ufeff", " ")  # a byte order mark; of the same length, so that places hold
    flat = re.sub(r"\s", " ", text)
    found: list[Finding] = []
    sentence = 0
    for section, start, end in _sections(text):
        for first, last in _sentences(text, start, end):
            words = flat[first:last]
            parts = [part for part in _merged(words, clauses(words)) if _WORD.search(part.text)]
            sentence += bool(parts)
            for i, part in enumerate(parts):
                cuts = [(part.start, part.end)] if part.negated else _by_place(words, part)
                for a, b in cuts:
                    asked = words[a:b] if part.negated or len(cuts) > 1 else asked_of(parts, i)
                    asked = " ".join(asked.split())
                    found.append(Finding(asked, first + a, first + b, sentence, section, part.negated))
    return found


# --- sections -------------------------------------------------------------------------

# At the beginning of a line; within one after a full stop, or in capitals, and then with a colon.
_HEADING = re.compile(
    r"(?:^[ \t]*|(?P<within>(?<=[.;?!])[ \t]+(?=(?-i:[A-Z]))|(?<=[ \t])(?=(?-i:[A-Z]{4}))))"
    rf"(?:(?P<finding>{FINDING_SECTIONS})|(?P<other>{OTHER_SECTIONS}))"
    r"(?:[ \t]*(?:and|&|/)[ \t]*[a-z]+)?(?:[ \t]*:|(?(within)(?!)|[ \t]*(?=\r?$)))",
    re.IGNORECASE | re.MULTILINE,
)
_SUMS_UP = re.compile("impression|conclusion|opinion|summary|diagnosis|interpretation", re.IGNORECASE)
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")


def _sections(text: str) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of what is to be read."""
    headings = list(_HEADING.finditer(text))
    chosen = any(heading["finding"] for heading in headings)
    first = headings[0].start() if headings else len(text)
    # what stands above a mere conclusion are the findings, if it names any
    above = all(h["finding"] is None or _SUMS_UP.match(h["finding"]) for h in headings) and names_finding(text[:first])
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

_ABBREVIATION = re.compile(
    r"(?:\b(?:[lr]t|e\.g|i\.e|vs|approx|ca|cf|dr|prof|fig|resp|incl|bilat|st|med|lat|sup|inf|ant|post|min|max|susp|[ap]\.m)"
    r"|(?:^|[\s(])[a-z])$",
    re.IGNORECASE,
)
_STOP = re.compile(r"[.!?]+(?=\s|$)|;")
_MARKER = re.compile(r"[ \t]*(?:[-*\u2022\u2013\u00b7]|\(?(?:\d{1,2}|[a-h])[.)](?!\d))[ \t]+")
_NARROW = 40  # characters: lines of a text that is no wider are lines of a list


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for first, last in _blocks(text, start, end):
        begin = _after_marker(text, first, last)
        for match in _STOP.finditer(text, first, last):
            if match.start() < begin or _goes_on(text, begin, match, last):
                continue
            yield begin, match.start()
            begin = _after_marker(text, match.end(), last)
        if begin < last:
            yield begin, last


def _goes_on(text: str, begin: int, stop: re.Match[str], last: int) -> bool:
    """Whether a full stop ends no sentence: after an abbreviation that more words follow."""
    if stop.group() != "." or not text[stop.end() : last].strip():
        return False
    return _ABBREVIATION.search(text[max(begin, stop.start() - 12) : stop.start()]) is not None


def _after_marker(text: str, at: int, last: int) -> int:
    while at < last and text[at].isspace():
        at += 1
    match = _MARKER.match(text, at, last)
    return match.end() if match else at


def _blocks(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Paragraphs, items of lists, and lines that were ended before they were full."""
    lines = [(m.start(), m.end()) for m in re.finditer(r"[^\n]+", text[start:end])]
    width = max((len(text[start + a : start + b].rstrip()) for a, b in lines), default=0)
    begin: int | None = None
    for (a, b), after in zip_longest(lines, lines[1:]):
        line = text[start + a : start + b].rstrip()
        begin = start + a if begin is None else begin
        following = None if after is None or after[0] > b + 1 else text[start + after[0] : start + after[1]]
        if following is None or not line or _breaks(line, following, width):
            if text[begin : start + b].strip():
                yield begin, start + b
            begin = None


def _breaks(line: str, following: str, width: int) -> bool:
    """Whether a line break is meant: the next line begins anew though its first word had found room on this one."""
    words = following.split()
    if not words or _MARKER.match(following):
        return True
    fits = len(line) + 1 + len(words[0]) <= width or width <= _NARROW
    return fits and words[0][0].isupper() and not re.search(r"(?:,|\b(?:and|or|the|of|in|with|to|a))$", line)


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


def _by_place(text: str, part: Clause) -> list[tuple[int, int]]:
    """Parts of an affirmed clause that each name a finding and a place of its own."""
    found = [(part.start, part.end)]
    if len(part.text) > _LONGEST:
        return found
    for match in re.finditer(r",(?:\s+and\b)?|\band\b|\bas well as\b|\bplus\b", part.text, re.IGNORECASE):
        start, end = found[-1]
        cut, resume = part.start + match.start(), part.start + match.end()
        if cut <= start:
            continue
        first, second = text[start:cut], text[resume:end]
        own = all(names_finding(each) and places(each) for each in (first, _up_to_comma(second)))
        if own and places(first) != places(second):
            found[-1:] = [_stripped(text, start, cut), _stripped(text, resume, end)]
    return found


def _up_to_comma(text: str) -> str:
    return re.split(r",|\band\b", text, maxsplit=1)[0]


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    inner = text[start:end]
    return start + len(inner) - len(inner.lstrip()), start + len(inner.rstrip())

"""What a sentence says is not there.

Rules after NegEx (Chapman et al., J Biomed Inform 34:301-310, 2001), in words and code of our own: a phrase negates
what follows it ("no ...", "free of ...") or what it is said of ("... is clear", "... ruled out") up to the end of the
clause ("but", "except", a semicolon, a side of its own); phrases that only look like it ("no change in ...", "cannot be
excluded") do not. What is called possible is affirmed: the words ask for it, and the image decides.

Rules, not a model: negspacy and its like need spaCy and a language model, too heavy for the default install, and each
decision here can be looked up. They are for English, and for sentences as reports have them, not for all of language.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from lexseg.text import negation_rules as rules
from lexseg.text.places import places


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a text that is affirmed or negated as a whole.

    Attributes:
        text: its words.
        start: where it begins in the text.
        end: where it ends; ``text[start:end]`` are its words.
        negated: whether it says that something is not there.
    """

    text: str
    start: int
    end: int
    negated: bool


def clauses(text: str) -> list[Clause]:
    """Part a text into clauses, in order; what is left out are blanks, punctuation and conjunctions between them."""
    found: list[Clause] = []
    for part in _Parser(text).parts():
        start, end = _trimmed(text, part.start, part.end)
        if start < end:
            found.append(Clause(text[start:end], start, end, part.negated))
    return found


def affirmed(text: str) -> str | None:
    """The sentence without its negated clauses.

    ``"no infection on the left; opacity in the right lower zone"`` becomes ``"opacity in the right lower zone"``.

    Args:
        text: English, one sentence or several.

    Returns:
        the text itself where nothing in it is negated; ``None`` where all of it is.
    """
    parts = clauses(text)
    kept = [i for i, clause in enumerate(parts) if not clause.negated]
    if len(kept) == len(parts):
        return text
    out = ""
    for before, i in zip([None, *kept], kept, strict=False):
        if before is not None:
            gap = text[parts[before].end : parts[i].start]
            out += gap if i == before + 1 else ". " if re.search(r"[.;!?\n]", gap) else ", "
        out += asked_of(parts, i)
    return out or None


def asked_of(parts: Sequence[Clause], i: int) -> str:
    """What an affirmed clause asks for: its words, and before a bare place what the clause before it denied elsewhere.

    ``"no infection except in the left lower zone"`` asks for ``"infection in the left lower zone"``.
    """
    words = parts[i].text
    if i == 0 or not parts[i - 1].negated or not re.match(r"(?:in|on|at|within)\b", words, re.IGNORECASE):
        return words
    denial = rf"\W*(?:there (?:is|are) )?(?:{rules.BEFORE})\b\s*(?:evidence of |signs? of )?"
    match = re.match(denial, parts[i - 1].text, re.IGNORECASE)
    denied = parts[i - 1].text[match.end() :].strip() if match else ""
    return f"{denied} {words}" if names_finding(denied) else words


def names_finding(text: str) -> bool:
    """Whether a word names something that could be found, and not only a place or a part of the body."""
    return _words(rules.FINDINGS).search(text) is not None


@dataclass(frozen=True, slots=True)
class _Part:
    start: int
    end: int
    negated: bool


class _Parser:
    """Walks through a text from boundary to boundary."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._pseudo = [m.span() for m in _any(rules.PSEUDO).finditer(text)]
        self._clear = [m.span() for m in _words(rules.CLEAR_FINDING).finditer(text)]

    def parts(self) -> list[_Part]:
        found: list[_Part] = []
        for start, end in _split(self.text, _SENTENCE_END, 0, len(self.text)):
            negated = False
            for first, last, turned in self._segments(start, end):
                parts = self._segment(first, last)
                if turned and parts and not any(part.negated for part in parts):
                    parts = [_Part(p.start, p.end, not negated) for p in parts]
                if parts:
                    negated = parts[-1].negated
                found += parts
        return found

    def _segments(self, start: int, end: int) -> list[tuple[int, int, bool]]:
        """Parts between conjunctions, and whether an exception's word led to them."""
        found, at, turned = [], start, False
        for match in _words(rf"(?P<turn>{rules.EXCEPTION})|{rules.NEW_CLAUSE}").finditer(self.text, start, end):
            if not self._is_pseudo(match):
                found.append((at, match.start(), turned))
                at, turned = match.end(), match["turn"] is not None
        return [*found, (at, end, turned)]

    def _segment(self, start: int, end: int) -> list[_Part]:
        found: list[_Part] = []
        open_end = False  # whether a negation may go on after the comma
        for first, last in _split(self.text, _COMMA, start, end):
            if open_end and self._goes_on(first, last, end):
                found.append(_Part(first, last, True))
                continue
            parts = self._phrase(first, last)
            if (
                found
                and self._is_cue_alone(first, last)
                and not names_finding(self.text[found[-1].start : found[-1].end])
            ):
                found[-1] = _Part(found[-1].start, found[-1].end, True)  # "left lung, clear"
            if _VALUE.search(self.text[first:last]):
                found = self._listed(found)  # "effusion, mass: none"
            found += parts
            open_end = bool(parts) and parts[-1].negated and self._before(parts[-1].start, last) is not None
        return found

    def _listed(self, found: list[_Part]) -> list[_Part]:
        """The last of them negated that name a finding and nothing else, up to one that says more."""
        said = list(found)
        for i in reversed(range(len(said))):
            words = self.text[said[i].start : said[i].end]
            if ":" in words or not names_finding(words) or places(words):
                break
            said[i] = _Part(said[i].start, said[i].end, True)
        return said

    def _phrase(self, start: int, end: int) -> list[_Part]:
        """Between two commas: affirmed, negated, or both in turn."""
        if not self.text[start:end].strip():
            return []
        if _VALUE.search(self.text[start:end]):
            return [_Part(start, end, True)]
        before, after = self._before(start, end), self._after(start, end)
        if after is not None and (before is None or after.start() <= before.start()):
            return self._said_of(start, end, after)
        if before is None:
            return [_Part(start, end, False)]
        found = []
        said = self.text[start : before.start()]
        if names_finding(said) and not said.rstrip().endswith(":"):  # "effusion: no effusion" is one
            found.append(_Part(start, before.start(), False))
            start = before.start()
        for match in _words("and|with").finditer(self.text, before.end(), end):
            denied, rest = self.text[start : match.start()], self.text[match.end() : end]
            if names_finding(rest) and places(rest) and places(denied) and self._before(match.end(), end) is None:
                return [*found, _Part(start, match.start(), True), *self._phrase(match.end(), end)]
        return [*found, _Part(start, end, True)]

    def _said_of(self, start: int, end: int, cue: re.Match[str]) -> list[_Part]:
        """A phrase in which something is said to be clear, absent, ruled out."""
        found, subject = [], self.text[start : cue.start()]
        if names_finding(subject):
            cuts = [m for m in _words("and|with|or|otherwise").finditer(self.text, start, cue.start())]
            cut = next((m for m in reversed(cuts) if self._parts_place(start, m, cue)), None)
            if cut is not None:
                found.append(_Part(start, cut.start(), False))
                start = cut.end()
            elif cue["place"] and not re.search(rf"\b{rules.VERBS}\W*$", subject, re.IGNORECASE):
                return [_Part(start, end, False)]  # "opacity above a normal diaphragm"
        rest = _words("and|with|or").match(self.text, cue.end() + _blanks(self.text, cue.end()), end)
        if rest is not None and names_finding(self.text[rest.end() : end]):
            return [*found, _Part(start, cue.end(), True), *self._phrase(rest.end(), end)]
        joints = _split(self.text, _words("and|with"), cue.end(), end)
        for (_, joint), (after, until) in itertools.pairwise(joints):
            if names_finding(self.text[cue.end() : joint]):
                break
            if names_finding(self.text[after:until]) and self._after(after, end) is None:
                # "normal heart size | with opacity"
                return [*found, _Part(start, joint, True), *self._phrase(after, end)]
        return [*found, _Part(start, end, True)]

    def _parts_place(self, start: int, cut: re.Match[str], cue: re.Match[str]) -> bool:
        """Whether a finding stands before the cut and a mere place after it: "opacity on the left and | right lung"."""
        return names_finding(self.text[start : cut.start()]) and not names_finding(self.text[cut.end() : cue.start()])

    def _goes_on(self, start: int, end: int, segment_end: int) -> bool:
        """Whether a negation goes on after a comma: "no effusion, | consolidation or mass"."""
        phrase = self.text[start:end]
        if self._before(start, end) is not None or self._after(start, end) is not None:
            return False
        if re.match(r"\s*(?:with|there (?:is|are))\b", phrase, re.IGNORECASE):
            return False
        if _words("or|nor").search(self.text, start, segment_end):
            return True
        return not (names_finding(phrase) and places(phrase))

    def _before(self, start: int, end: int) -> re.Match[str] | None:
        return next((m for m in _words(rules.BEFORE).finditer(self.text, start, end) if not self._is_pseudo(m)), None)

    def _after(self, start: int, end: int) -> re.Match[str] | None:
        cues = _words(rf"{rules.AFTER_FINDING}|(?P<place>{rules.AFTER_PLACE})").finditer(self.text, start, end)
        return next((m for m in cues if not self._is_pseudo(m) and not _inside(m, self._clear)), None)

    def _is_cue_alone(self, start: int, end: int) -> bool:
        cue = self._after(start, end)
        return cue is not None and not re.search(
            r"\w", re.sub(rf"\b{rules.VERBS}\b", "", self.text[start : cue.start()])
        )

    def _is_pseudo(self, match: re.Match[str]) -> bool:
        return _inside(match, self._pseudo)


def _inside(match: re.Match[str], spans: list[tuple[int, int]]) -> bool:
    return any(start <= match.start() < end for start, end in spans)


# --- boundaries -----------------------------------------------------------------------

# not a decimal point, nor that of "e.g.", "lt. base" or "approx. 5 mm"
_SENTENCE_END = re.compile(
    r"(?<!\b[lr]t)(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bapprox)(?<!\bca)(?<!\bdr)[.!?](?=\s|$)|[;\n]", re.IGNORECASE
)
_NONE = r"(?:none|nil|no|nothing|not seen)[\s.;]*$"
_COMMA = re.compile(rf",(?=\D|$)|\s[-/\u2013\u2014]\s(?!{_NONE})", re.IGNORECASE | re.MULTILINE)
_VALUE = re.compile(rf"\w\s*(?::|\s[-\u2013\u2014])\s*{_NONE}", re.IGNORECASE)  # "infection: none", "mass - nil"


def _split(text: str, boundary: re.Pattern[str], start: int, end: int) -> list[tuple[int, int]]:
    cuts = [m.span() for m in boundary.finditer(text, start, end)]
    return list(zip([start, *(e for _, e in cuts)], [*(s for s, _ in cuts), end], strict=True))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without the blanks, punctuation and conjunctions at both ends."""
    while start < end and (match := _words_or_marks().match(text, start, end)):
        start = match.end()
    while start < end and (match := re.search(r"(?:[\s,;:]|\b(?:and|or|with|but)\b)$", text[start:end], re.IGNORECASE)):
        end = start + match.start()
    return start, end


@cache
def _words_or_marks() -> re.Pattern[str]:
    return re.compile(r"[\s,;:.!?]+|(?:and|or|with|but|also)\b", re.IGNORECASE)


def _blanks(text: str, at: int) -> int:
    return len(text[at:]) - len(text[at:].lstrip())


@cache
def _words(rule: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{rule})(?![\w])", re.IGNORECASE)


def _any(some: tuple[str, ...]) -> re.Pattern[str]:
    return _words("|".join(some))

"""What a sentence says is not there.

Rules after NegEx (Chapman et al., J Biomed Inform 34:301-310, 2001), in words and code of our own: a phrase negates
what follows it ("no ...", "free of ...") or what it is said of ("... is clear", "... ruled out") up to the end of the
clause ("but", "except", a semicolon, a side of its own); phrases that only look like it ("no change in ...", "cannot be
excluded") do not. What is called possible is affirmed: the words ask for it, and the image decides.

Rules, not a model: negspacy and its like need spaCy and a language model, too heavy for the default install, and each
decision here can be looked up. The words are the lexicon's: one set of rules for all languages, and for sentences as
reports have them, not for all of language.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from lexseg.language import vocabulary
from lexseg.language.lexicon import REMEMBERED, Lexicon, either, lexicon
from lexseg.language.sides import places


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


def clauses(text: str, words: Lexicon | None = None) -> list[Clause]:
    """Part a text into clauses, in order; what is left out are blanks, punctuation and conjunctions between them."""
    return list(_clauses(text, words or lexicon()))


@lru_cache(REMEMBERED)  # what reads a sentence for one thing after another asks for its clauses each time
def _clauses(text: str, words: Lexicon) -> tuple[Clause, ...]:
    found: list[Clause] = []
    for part in _Parser(text, words).parts():
        start, end = _trimmed(text, part.start, part.end, words)
        if start < end:
            found.append(Clause(text[start:end], start, end, part.negated))
    return tuple(found)


def affirmed(text: str, words: Lexicon | None = None) -> str | None:
    """The sentence without its negated clauses.

    ``"no infection on the left; opacity in the right lower zone"`` becomes ``"opacity in the right lower zone"``.

    Args:
        text: one sentence or several.
        words: of its language; ``None`` is English.

    Returns:
        the text itself where nothing in it is negated; ``None`` where all of it is.
    """
    parts = clauses(text, words)
    kept = [i for i, clause in enumerate(parts) if not clause.negated]
    if len(kept) == len(parts):
        return text
    out = ""
    for before, i in zip([None, *kept], kept, strict=False):
        if before is not None:
            gap = text[parts[before].end : parts[i].start]
            out += gap if i == before + 1 else ". " if re.search(r"[.;!?\n]", gap) else ", "
        out += asked_of(parts, i, words)
    return out or None


def asked_of(parts: Sequence[Clause], i: int, words: Lexicon | None = None) -> str:
    """What an affirmed clause asks for: its words, and before a bare place what the clause before it denied elsewhere.

    ``"no infection except in the left lower zone"`` asks for ``"infection in the left lower zone"``.
    """
    words = words or lexicon()
    asked = parts[i].text
    bare = words.words("deny.bare_place").match(asked) is not None and not words.finding_finder(asked)
    if i == 0 or not parts[i - 1].negated or not bare:
        return asked
    there, before, signs = (words.union(f"deny.{table}") for table in ("there", "before", "signs"))
    match = re.match(rf"\W*(?:{there} )?(?:{before})\b\s*(?:{signs} )?", parts[i - 1].text, re.IGNORECASE)
    denied = parts[i - 1].text[match.end() :].strip() if match else ""
    if all(side for side, _ in places(asked, words)):  # "no mass on the left but on the right": a place of its own
        denied = _without_place(denied, words)
    return f"{denied} {asked}" if vocabulary.names_finding(denied, words) else asked


def _without_place(text: str, words: Lexicon) -> str:
    """What is named, without where: "mass" of "mass in the left breast"."""
    for match in words.words("deny.bare_place").finditer(text):
        if places(text[match.start() :], words):
            return text[: match.start()].rstrip()
    return text


def denied(text: str, words: Lexicon | None = None) -> str | None:
    """What the negated clauses of a sentence deny, without the words that deny it; ``None`` where no words are left.

    ``"There is no infection in the left lung"`` gives ``"infection in the left lung"``.

    Args:
        text: one sentence or several.
        words: of its language; ``None`` is English.
    """
    words = words or lexicon()
    marks = words.kept("marks", make=lambda: _Marks(words))
    said = [clause.text for clause in clauses(text, words) if clause.negated]
    rest = (marks.said_of.sub(" ", marks.denial.sub(" ", marks.no_value.sub(" ", each))) for each in said)
    return ", ".join(filter(None, (" ".join(each.split()).strip(" ,.;:") for each in rest))) or None


def left_out(text: str, words: Lexicon | None = None) -> bool:
    """Whether a sentence leaves out a place that may lie in what it asks, or asks for nothing beside.

    "The left lung without the lower zone" does; "only the right, not the left" does not.

    Args:
        text: one sentence or several.
        words: of its language; ``None`` is English.
    """
    words = words or lexicon()
    marks = words.kept("marks", make=lambda: _Marks(words))
    parts = clauses(text, words)
    asked = [clause.text for clause in parts if not clause.negated]
    cue = words.words("deny.leaves_out")
    for clause in (clause for clause in parts if clause.negated):
        leaving = cue.match(clause.text)
        said = clause.text[leaving.end() :] if leaving else marks.denial.sub(" ", clause.text)
        out = places(said, words)
        if not out or vocabulary.names_finding(said, words) or marks.after.search(clause.text):
            continue
        if not asked and leaving:
            return True
        if asked and any(
            _may_meet(one, other) for one in places(". ".join(asked), words) or {("", "")} for other in out
        ):
            return True
    return False


def _may_meet(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two places, each of a side and a height, may hold the same."""
    return all(not a or not b or a == b for a, b in zip(one, other, strict=True))


def names_finding(text: str, words: Lexicon | None = None) -> bool:
    """Whether a word names something that could be found, and not only a place or a part of the body.

    A word that the lexicon does not know may be the name of a finding, and counts as one.
    """
    return vocabulary.names_finding(text, words or lexicon())


@dataclass(frozen=True, slots=True)
class _Part:
    start: int
    end: int
    negated: bool


class _Parser:
    """Walks through a text from boundary to boundary."""

    def __init__(self, text: str, words: Lexicon) -> None:
        self.text, self.lexicon = text, words
        self._marks = words.kept("marks", make=lambda: _Marks(words))

    # most sentences deny nothing, and need neither
    @cached_property
    def _pseudo(self) -> list[tuple[int, int]]:
        return [m.span() for m in self.lexicon.words("deny.only_looks_like_it").finditer(self.text)]

    @cached_property
    def _clear(self) -> list[tuple[int, int]]:
        return [m.span() for m in self.lexicon.words("deny.well_seen").finditer(self.text)]

    def parts(self) -> list[_Part]:
        found: list[_Part] = []
        for start, end in _split(self.text, self._marks.sentence_end, 0, len(self.text)):
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
        for match in self._marks.turn.finditer(self.text, start, end):
            if not self._is_pseudo(match):
                found.append((at, match.start(), turned))
                at, turned = match.end(), match["turn"] is not None
        return [*found, (at, end, turned)]

    def _segment(self, start: int, end: int) -> list[_Part]:
        found: list[_Part] = []
        open_end = False  # whether a negation may go on after the comma
        spans = _split(self.text, self._marks.comma, start, end)
        for i, (first, last) in enumerate(spans):
            own = (at for at, until in spans[i + 1 :] if self._before(at, until) is not None)
            last_said = self.text[found[-1].start : found[-1].end] if found else ""
            if open_end and self._goes_on(first, last, next(own, end), leaves_out=self._leaves_out(last_said)):
                found.append(_Part(first, last, True))
                continue
            parts = self._phrase(first, last)
            if found and self._is_cue_alone(first, last) and not self._names(found[-1].start, found[-1].end):
                found[-1] = _Part(found[-1].start, found[-1].end, True)  # "left lung, clear"
            if self._marks.value.search(self.text[first:last]):
                found = self._listed(found)  # "effusion, mass: none"
            found += parts
            open_end = bool(parts) and parts[-1].negated and self._before(parts[-1].start, last) is not None
        return found

    def _listed(self, found: list[_Part]) -> list[_Part]:
        """The last of them negated that name a finding and nothing else, up to one that says more."""
        said = list(found)
        for i in reversed(range(len(said))):
            words = self.text[said[i].start : said[i].end]
            if ":" in words or not self._names(said[i].start, said[i].end) or self._places(words):
                break
            said[i] = _Part(said[i].start, said[i].end, True)
        return said

    def _phrase(self, start: int, end: int) -> list[_Part]:
        """Between two commas: affirmed, negated, or both in turn."""
        if not self.text[start:end].strip():
            return []
        if self._marks.value.search(self.text[start:end]):
            return [_Part(start, end, True)]
        before, after = self._before(start, end), self._after(start, end)
        if after is not None and (before is None or after.start() <= before.start()):
            return self._said_of(start, end, after)
        if before is None:
            return [_Part(start, end, False)]
        found = []
        led = self.text[start : before.start()].rstrip()
        # "effusion: no effusion" is one, and so is "effusion in neither lung"
        if self._names(start, before.start()) and not led.endswith(":") and not self._marks.preposition.search(led):
            found.append(_Part(start, before.start(), False))
            start = before.start()
        elif self._is_place(led) and self._leaves_out(self.text[before.start() : end]):
            found.append(_Part(start, before.start(), False))  # "the left lung | without the lower zone"
            start = before.start()
        for match in self.lexicon.words("joints.and", "joints.with").finditer(self.text, before.end(), end):
            denied, rest = self.text[start : match.start()], self.text[match.end() : end]
            own = self._names(match.end(), end) and self._places(rest) and self._places(denied)
            if own and self._before(match.end(), end) is None:
                return [*found, _Part(start, match.start(), True), *self._phrase(match.end(), end)]
        return [*found, _Part(start, end, True)]

    def _said_of(self, start: int, end: int, cue: re.Match[str]) -> list[_Part]:
        """A phrase in which something is said to be clear, absent, ruled out."""
        found, joints = [], self.lexicon
        if self._names(start, cue.start()):
            joint = joints.words("joints.and", "joints.with", "joints.or", "joints.otherwise")
            cuts = list(joint.finditer(self.text, start, cue.start()))
            cut = next((m for m in reversed(cuts) if self._parts_place(start, m, cue)), None)
            if cut is not None:
                found.append(_Part(start, cut.start(), False))
                start = cut.end()
            elif cue["place"] and not self._marks.verb_last.search(self.text[start : cue.start()]):
                return [_Part(start, end, False)]  # "opacity above a normal diaphragm"
        rest = joints.words("joints.and", "joints.with", "joints.or").match(
            self.text, cue.end() + _blanks(self.text, cue.end()), end
        )
        if rest is not None and self._names(rest.end(), end):
            return [*found, _Part(start, cue.end(), True), *self._phrase(rest.end(), end)]
        parts = _split(self.text, joints.words("joints.and", "joints.with"), cue.end(), end)
        for (_, joint_at), (after, until) in itertools.pairwise(parts):
            if self._names(cue.end(), joint_at):
                break
            if self._names(after, until) and self._after(after, end) is None:
                # "normal heart size | with opacity"
                return [*found, _Part(start, joint_at, True), *self._phrase(after, end)]
        return [*found, _Part(start, end, True)]

    def _parts_place(self, start: int, cut: re.Match[str], cue: re.Match[str]) -> bool:
        """Whether a finding stands before the cut and a mere place after it: "opacity on the left and | right lung"."""
        return self._names(start, cut.start()) and not self._names(cut.end(), cue.start())

    def _leaves_out(self, text: str) -> bool:
        """Whether words leave a mere place out: "without the lower zone" denies nothing that could be found."""
        cue = self.lexicon.words("deny.leaves_out").match(text)
        return cue is not None and self._is_place(text[cue.end() :])

    def _is_place(self, text: str) -> bool:
        """Whether a text names a place or a part of the body, and no finding."""
        where = self._places(text) or bool(self.lexicon.organ_finder(text))
        return where and not vocabulary.names_finding(text, self.lexicon)

    def _goes_on(self, start: int, end: int, list_end: int, *, leaves_out: bool = False) -> bool:
        """Whether a negation goes on after a comma: "no effusion, | consolidation or mass".

        A place that is left out ends at the comma, and "no mass, | only a cyst" says what there is.
        """
        if self._before(start, end) is not None or self._after(start, end) is not None:
            return False
        if self._marks.own_sentence.match(self.text[start:end]):
            return False
        if self._marks.only.match(self.text[start:end]):
            return False
        if self.lexicon.words("joints.or").search(self.text, start, list_end):
            return True
        if leaves_out:
            return False
        return not (self._names(start, end) and self._places(self.text[start:end]))

    def _before(self, start: int, end: int) -> re.Match[str] | None:
        cues = self.lexicon.words("deny.before").finditer(self.text, start, end)
        return next((m for m in cues if not self._is_pseudo(m)), None)

    def _after(self, start: int, end: int) -> re.Match[str] | None:
        cues = self._marks.after.finditer(self.text, start, end)
        return next((m for m in cues if not self._is_pseudo(m) and not _inside(m, self._clear)), None)

    def _is_cue_alone(self, start: int, end: int) -> bool:
        cue = self._after(start, end)
        return cue is not None and not re.search(r"\w", self._marks.verb.sub("", self.text[start : cue.start()]))

    def _is_pseudo(self, match: re.Match[str]) -> bool:
        return _inside(match, self._pseudo)

    def _names(self, start: int, end: int) -> bool:
        return vocabulary.names_finding(self.text[start:end], self.lexicon)

    def _places(self, text: str) -> bool:
        return bool(places(text, self.lexicon))


def _inside(match: re.Match[str], spans: list[tuple[int, int]]) -> bool:
    return any(start <= match.start() < end for start, end in spans)


# --- boundaries -----------------------------------------------------------------------


class _Marks:
    """What parts a text, in the words of a language."""

    def __init__(self, words: Lexicon) -> None:
        none = rf"{words.union('deny.values')}[\s.;\u3002]*$"
        # not a decimal point, nor that of "e.g.", "lt. base" or "approx. 5 mm"
        short = "".join(rf"(?<!\b{re.escape(each)})" for each in words.rows("abbreviations.clause"))
        self.sentence_end = re.compile(rf"{short}[.!?](?=\s|$)|[;\n\u3002\uff1b\uff01\uff1f]", re.IGNORECASE)
        self.comma = re.compile(rf",(?=\D|$)|[\uff0c]|\s[-/\u2013\u2014]\s(?!{none})", re.IGNORECASE | re.MULTILINE)
        # "infection: none", "mass - nil"
        self.value = re.compile(rf"\w\s*(?:[:\uff1a]|\s[-\u2013\u2014])\s*{none}", re.IGNORECASE)
        self.turn = words.whole_words(rf"(?P<turn>{words.union('deny.exception')})|{words.union('deny.new_clause')}")
        self.after = words.whole_words(
            rf"{words.union('deny.after_finding')}|(?P<place>{words.union('deny.after_place')})"
        )
        verbs = words.union("deny.verbs")
        self._words, self._verbs = words, verbs
        self.no_value = re.compile(rf"(?:[:\uff1a]|\s[-\u2013\u2014])\s*{none}", re.IGNORECASE)
        edge = r"\b" if words.spaced else ""
        self.verb_last = re.compile(rf"{edge}{verbs}\W*$", re.IGNORECASE)
        self.verb = re.compile(rf"{edge}{verbs}{edge}", re.IGNORECASE)
        self.own_sentence = re.compile(
            rf"\s*{either([words.union('joints.with'), words.union('deny.there')])}{edge}", re.IGNORECASE
        )
        self.only = re.compile(rf"\s*{words.union('deny.only')}{edge}", re.IGNORECASE)
        lead, tail = (words.union(f"joints.{table}") for table in ("lead", "tail"))
        prepositions = {*words.rows("deny.bare_place")} & {*words.rows("joints.unfinished")}
        self.preposition = re.compile(rf"{edge}{either(sorted(prepositions))}$", re.IGNORECASE)
        self.lead = re.compile(rf"[\s,;:.!?)\u3001\u3002\uff0c\uff1a\uff1b\uff01\uff1f]+|{lead}{edge}", re.IGNORECASE)
        self.tail = re.compile(rf"(?:[\s,;:(\u3001\uff0c\uff1a]|{edge}{tail})$", re.IGNORECASE)

    @cached_property  # which only what denies something is held against
    def denial(self) -> re.Pattern[str]:
        there, before, signs = (self._words.union(f"deny.{table}") for table in ("there", "before", "signs"))
        return self._words.whole_words(rf"(?:{there}\s*)?(?:{before})(?:\s*{signs})?")

    @cached_property
    def said_of(self) -> re.Pattern[str]:
        denies = self._words.union("deny.after_finding", "deny.after_place")
        return self._words.whole_words(rf"(?:{self._verbs} )*{denies}")


def _split(text: str, boundary: re.Pattern[str], start: int, end: int) -> list[tuple[int, int]]:
    cuts = [m.span() for m in boundary.finditer(text, start, end)]
    return list(zip([start, *(e for _, e in cuts)], [*(s for s, _ in cuts), end], strict=True))


def _trimmed(text: str, start: int, end: int, words: Lexicon) -> tuple[int, int]:
    """Without the blanks, punctuation and conjunctions at both ends."""
    marks = words.kept("marks", make=lambda: _Marks(words))
    while start < end and (match := marks.lead.match(text, start, end)):
        start = match.end()
    while start < end and (match := marks.tail.search(text[start:end])):
        end = start + match.start()
    return start, end


def _blanks(text: str, at: int) -> int:
    return len(text[at:]) - len(text[at:].lstrip())

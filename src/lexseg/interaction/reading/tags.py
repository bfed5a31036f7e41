"""The words of a correction, each with the part it plays."""

import re
from collections import Counter
from dataclasses import dataclass

from lexseg.language.lexicon import Lexicon
from lexseg.language.sides import place_words

# Of names that are equally long the earlier one counts.
TAGS = (
    *(
        "past",
        "wished",
        "than_mask",
        "told",
        "never",
        "not",
        "no",
        "too",
        "so",
        "enough",
        "too_much",
        "too_little",
        "more",
        "less",
        "outside",
        "slight",
        "fair",
        "vast",
        "much",
    ),
    *(
        "largest",
        "smallest",
        "specks",
        "generouser",
        "stricter",
        "generous",
        "strict",
        "bigger",
        "smaller",
        "big",
        "small",
        "grow",
        "shrink",
        "trim",
    ),
    *("threshold", "sensitivity", "missing", "add", "also", "remove", "wrong", "affected", "keep", "only"),
    *("all", "except", "rest", "twice", "halved", "half", "edge", "centre"),
    *("smooth", "rough", "holes", "fill", "join", "move", "up", "down", "too_high", "too_low", "above", "below"),
    *("component", "part_noun", "thing", "outer", "anatomy", "polite", "filler"),
)
_WORD = re.compile(r"[^\W_]+(?:['.-][^\W_]+)*|%")
_LENGTH = re.compile(
    r"(?<![\w.-])(?P<number>\d+(?:[.,]\d+)?|NUMBER|half an?|a couple of|a few|an? (?:single )?)[ -]*"
    r"(?P<unit>mm|millimet(?:er|re)s?|cm|centimet(?:er|re)s?|px|pixels?|%|percent|per cent)(?!\w)"
)
_VAGUE = {"half a": 0.5, "half an": 0.5, "a couple of": 2.0, "a few": 3.0, "a": 1.0, "an": 1.0, "a single": 1.0}
_CONTRACTED = (
    (re.compile(r"\b(can|could|do|does|did|is|are|was|were|has|have|should|would|must)n'?t\b"), r"\1 not"),
    (re.compile(r"\bwon'?t\b"), "will not"),
    (re.compile(r"\bcannot\b"), "can not"),
    (re.compile(r"\b(it|that|this|there|what)'s\b"), r"\1 is"),
    (re.compile(r"\bi'm\b"), "i am"),
    (re.compile(r"\b(you|we|they)'re\b"), r"\1 are"),
    (re.compile(r"\b(i|you|we|they|it)'d\b"), r"\1 would"),
    (re.compile(r"\b(i|you|we|they)'ve\b"), r"\1 have"),
    (re.compile(r"\b(i|you|we|it|that)'ll\b"), r"\1 will"),
    (re.compile(r"\b(dont|doesnt|isnt|arent|shouldnt|didnt|wasnt)\b"), lambda m: f"{m[1][:-2]} not"),
    (re.compile(r"^(?:nope|nah)\b"), "no"),
)


@dataclass(frozen=True, slots=True)
class Length:
    """A number and its unit. Attributes: value: above 0; unit: mm, px or %."""

    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Tagged:
    """A clause in which each word has its part: side, size, verb, number and so on.

    Attributes:
        text: it, in lower case, with what was read as a length or a line blanked out.
        tags: the parts that its words play, in their order.
        unknown: words that play none.
        length: that it names.
    """

    text: str
    tags: tuple[tuple[str, str], ...]
    unknown: tuple[str, ...]
    length: Length | None = None

    def has(self, *names: str) -> bool:
        """Whether any of these parts is played."""
        return any(tag in names for tag, _ in self.tags)

    def count(self, *names: str) -> int:
        """How often these parts are played."""
        found = Counter(tag for tag, _ in self.tags)
        return sum(found[name] for name in names)

    def without(self, *names: str) -> list[str]:
        """The parts that are played beside these."""
        return [tag for tag, _ in self.tags if tag not in names]


def normal(text: str) -> str:
    """Lower case, one kind of apostrophe and hyphen, contractions written out, no marks at the ends."""
    plain = text.casefold().replace("\u2019", "'").replace("\u2018", "'").replace("\u2013", "-").replace("\u2014", ", ")
    for rule, written in _CONTRACTED:
        plain = rule.sub(written, plain)
    plain = re.sub(r"-(?=sided\b)", " ", plain)
    return re.sub(r"^-(?!\d)|-$", "", re.sub(r"\s+", " ", plain).strip(" .,;:!?\"'")).strip()


def tagged(clause: str, words: Lexicon) -> Tagged:
    """Read a clause that :func:`normal` made."""
    length, rest = _length(clause, words)
    names = words.kept("correct names", make=lambda: _names(words))
    placed = [m.span() for axis in ("horizontal", "vertical") for m in place_words(rest, axis, words)]
    placed += [m.span() for table in ("sides.both", "heights.middle") for m in words.words(table).finditer(rest)]
    findings = [(start, end) for start, end, _ in words.finding_finder(rest)]
    found: list[tuple[str, str]] = []
    unknown: list[str] = []
    at = 0
    while (word := _WORD.search(rest, at)) is not None:
        start = word.start()
        best, longest = "", start
        for tag, name in names:
            match = name.match(rest, start)
            if match is not None and match.end() > longest:
                best, longest = tag, match.end()
        place = max((end for begin, end in placed if begin == start), default=0)
        if place and (place >= longest or best in ("filler", "polite")):
            # "apex" is a height and names a part of the body as well
            best, longest = ("anatomy" if best == "anatomy" and longest == place else "place"), place
        named = max((end for begin, end in findings if begin == start), default=0)
        if named > longest or (named == longest and best in ("filler", "polite", "component", "affected", "thing")):
            best, longest = "finding", named
        if not best:
            if not number_of(word.group(), words):
                unknown.append(word.group())
                at = word.end()
                continue
            best, longest = "number", word.end()
        found.append((best, rest[start:longest]))
        at = longest
    return Tagged(rest, tuple(found), tuple(unknown), length)


def _names(words: Lexicon) -> list[tuple[str, re.Pattern[str]]]:
    """Each row with its part; rows are tried one by one, as the longest name counts."""
    return [(tag, words.whole_words(row)) for tag in TAGS for row in words.expanded(f"correct.{tag}")]


def number_of(word: str, words: Lexicon) -> int:
    """What a word for a number or a rank means; 0 where it is none."""
    return dict(_numbers(words)).get(word, 0)


def _numbers(words: Lexicon) -> list[tuple[str, int]]:
    rows = [*words.value("correct.numbers"), *words.value("correct.ranks")]
    return [(str(row["word"]), int(row["is"])) for row in rows] + [(str(n), n) for n in range(1, 21)]


def _length(clause: str, words: Lexicon) -> tuple[Length | None, str]:
    """The length that a clause names, and the clause without it; a second length stays, and is unknown."""
    numbers = {str(row["word"]): int(row["is"]) for row in words.value("correct.numbers") if row["word"] != "both"}
    rule = re.compile(_LENGTH.pattern.replace("NUMBER", "|".join(numbers)))
    match = rule.search(clause)
    if match is None:
        return None, clause
    number, unit = match["number"].replace(",", "."), match["unit"]
    value = _VAGUE[number.strip()] if number.strip() in _VAGUE else float(numbers.get(number, 0) or number)
    if unit.startswith("c"):
        value *= 10
    kind = "%" if unit.startswith(("%", "per")) else "px" if unit.startswith("p") else "mm"
    return Length(value, kind), (clause[: match.start()] + " " + clause[match.end() :]).strip()

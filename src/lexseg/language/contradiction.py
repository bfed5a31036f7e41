"""Sentences that contradict themselves: "the left lesion in the right lung".

One narrow rule: a finding that is called left is said to lie in what is called right, or the other way round, with
nothing between that would make it two findings, a comparison or a movement. What it misses is left to what a model has
learnt.
"""

import re

from lexseg.language.lexicon import Lexicon, compiled, lexicon
from lexseg.language.vocabulary import may_be_finding, unknown_words

_MOST_BEFORE = 5  # words between a side and the last word of the finding
_DESCRIBING = ("size", "shape", "brightness", "shade", "look", "position")  # kinds of attributes: of one finding


def contradicts(text: str, words: Lexicon | None = None) -> bool:
    """Whether a sentence says of one finding that it lies on both sides.

    Args:
        text: one sentence or several.
        words: of its language; ``None`` is English.
    """
    words = words or lexicon()
    rule = words.kept("contradiction", make=lambda: _Rule(words))
    plain = re.sub(r"[\s\-/]+", " ", text)
    return any(rule.holds(plain, match) for match in rule.sides.finditer(plain))


class _Rule:
    """What is called after one side, and where it is said to lie."""

    def __init__(self, words: Lexicon) -> None:
        self._words = words
        rows = [(row, side) for table in ("pairs", "short") for row in words.value(f"sides.{table}") for side in _SIDES]
        rows = [(row, side) for row, side in rows if row.get("kind") != "direction"]  # "the leftmost lesion"
        self._side = {row[side].lower(): side for row, side in rows}
        names = "|".join(sorted(map(re.escape, self._side), key=len, reverse=True))
        short = "|".join(row[side] for row in words.value("sides.short") for side in _SIDES) or "(?!)"
        lying, within, the, body = (words.union(f"place.{name}") for name in ("lying", "in", "the", "body"))
        self.sides = re.compile(rf"\b(?:{names})\b", re.IGNORECASE)
        self._said = re.compile(
            rf"\.? (?P<said>(?:[^\W\d_]+ ){{0,{_MOST_BEFORE}}}?[^\W\d_]+) "
            rf"(?:{lying} ){{0,2}}{within} (?:{the} )?"
            rf"(?P<other>(?:{short})\b|(?:{names})(?=\b\.?(?: {body}\b|[-]sided|\W*$)))",
            re.IGNORECASE,
        )

        self._after: re.Pattern[str] | None = None
        if words.value("sides.after_nouns"):
            self._after = compiled(
                rf" (?:{lying} ){{0,2}}{within} (?:{the} )?(?:[^\W\d_]+ ){{0,2}}?(?P<other>{names})\b"
            )

    def holds(self, text: str, one: re.Match[str]) -> bool:
        """Whether what follows a side is one finding that lies in the other."""
        if self._after is not None and (match := self._after.match(text, one.end())) is not None:
            # "derrame izquierdo en el pulmón derecho": the side stands after what is called so
            said = " ".join(re.split(r"[,.;:]", text[: one.start()])[-1].split()[-_MOST_BEFORE:])
            return self._differ(one, match) and bool(said) and self._is_one_finding(said)
        match = self._said.match(text, one.end())
        return match is not None and self._differ(one, match) and self._is_one_finding(match["said"])

    def _differ(self, one: re.Match[str], other: re.Match[str]) -> bool:
        return self._side[one.group().lower()] != self._side[other["other"].lower()]

    def _is_one_finding(self, said: str) -> bool:
        """Whether words are a finding, with nothing but what describes it and where it is beside its name."""
        words, rest, names = self._words, said, False
        for start, end, _ in reversed(words.finding_finder(said)):
            names = names or end == len(said) or self._after is not None
            rest = rest[:start] + " " * (end - start) + rest[end:]
        for start, end, _ in reversed(words.organ_finder(rest)):
            rest = rest[:start] + " " * (end - start) + rest[end:]
        for start, end, row in reversed(words.attribute_finder(rest)):
            if row["kind"] in _DESCRIBING:
                rest = rest[:start] + " " * (end - start) + rest[end:]
        rest = words.kept("heights", make=lambda: _heights(words)).sub(" ", rest)
        of = words.rows("place.of")
        if said.split()[0].casefold() in of:  # "left of the mass"
            return False
        left = [each for each in rest.split() if each.casefold() not in of]
        if not names and left and (unknown := unknown_words(left[-1], words)) and said.endswith(unknown[-1]):
            names = may_be_finding(left.pop(), words)
        return names and not left


_SIDES = ("left", "right")


def _heights(words: Lexicon) -> re.Pattern[str]:
    rows = [re.escape(row[key]) for row in words.value("heights.pairs") for key in ("upper", "lower")]
    rows += [*words.expanded("heights.middle"), *words.expanded("heights.lower_alone")]
    return words.whole_words("|".join(rows) or "(?!)")

"""Do two sentences say the same, but for the order?"""

import hashlib
import re

# "the left and right lung" is one place, in whichever order
_BOTH = re.compile(
    r"\b(?:left (?:and|or|&) right|right (?:and|or|&) left|upper (?:and|or|&) lower|lower (?:and|or|&) upper)\b"
)
_AND = re.compile(r"[.,;+]|\b(?:and|plus|as well as)\b")
# "upper lower left lung" lists two zones, in whichever order
_HEIGHTS = re.compile(r"\b(?:upper|middle|mid|lower)(?: (?:upper|middle|mid|lower))+\b")


def same_meaning(one: str | None, other: str | None) -> bool:
    """Whether two sentences list the same phrases, in any order.

    "All left lung and all right lung" reads the same after its sides are swapped; half of the QaTa sentences are such.
    """
    if one is None or other is None:
        return one is other
    return phrases(one) == phrases(other)


def meaning_id(said: str) -> int:
    """A number for what is said (:func:`phrases`, or a query), the same in every batch and process; not negative."""
    return int.from_bytes(hashlib.sha256(said.encode()).digest()[:8], "big") >> 1


def phrases(text: str) -> str:
    """The sentence's phrases between its commas, stops and "and"s, sorted, as one name."""
    parts = (" ".join(part.split()) for part in _AND.split(_BOTH.sub(_pair, text.casefold())))
    parts = (_HEIGHTS.sub(lambda run: " ".join(sorted(run.group().split())), part) for part in parts)
    return "; ".join(sorted(part for part in parts if part))


def _pair(match: re.Match[str]) -> str:
    first, _, second = match.group().split()
    return " & ".join(sorted((first, second)))

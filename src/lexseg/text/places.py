"""The places that a sentence names: sides, and heights on them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from lexseg.text import side_words as table
from lexseg.text.wording import place_words

Side = Literal["left", "right", ""]
Height = Literal["upper", "middle", "lower", ""]
Place = tuple[Side, Height]

_HEIGHTS: tuple[Height, ...] = ("upper", "middle", "lower")
_UPPER = {word.casefold() for word in table.UP_DOWN}
_BOTH = re.compile(r"\b(?:both|bilat(?:eral(?:ly)?)?\b|bi(?=basal|basilar|apical))", re.IGNORECASE)
# heights without a counterpart, which a mirror leaves alone
_STILL = re.compile(r"\b(?:(?:middle|mid|(?:bi)?basilar)(?![^\W\d_])|mid(?=zone))", re.IGNORECASE)
_MIDDLE_NEVER_BEFORE = re.compile(r"\s+(?:of the image|part of the image|aged?|ear)\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<!\b[lr]t)\.(?=\s|$)|;", re.IGNORECASE)
_BETWEEN = re.compile(r"[,:&+/]|\b(?:and|or|to|as well as|plus)\b", re.IGNORECASE)


def places(text: str) -> frozenset[Place]:
    """The places that a sentence names, each as (side, height), with "" for a side or a height that is not named.

    "All left lung and lower right lung" names ``{("left", ""), ("right", "lower")}``. What is said of both sides is
    said of each. A side that is also named with a height is not listed without, and three heights are the whole side.
    So sentences that mean the same place give the same set, in whatever form: ``LLL``, "left lower zone", "lower zone
    of the left lung". The convention is the sentence's own.

    Args:
        text: English, one sentence or several.
    """
    found: set[Place] = set()
    for sentence in _SENTENCE_END.split(text):
        found |= _of_sentence(sentence)
    for side, _ in tuple(found):
        named = {height for s, height in found if s == side and height}
        if len(named) == len(_HEIGHTS):
            found -= {(side, height) for height in named}
            found.add((side, ""))
        elif named:
            found.discard((side, ""))
    return frozenset(found)


@dataclass(slots=True)
class _Chunk:
    """What stands between two commas or "and"s."""

    sides: list[Side]
    heights: list[Height]
    heights_first: bool
    bare: bool  # ends with its side: "left and ..."


def _of_sentence(text: str) -> set[Place]:
    """Heights that stand alone belong to the side before ("left lung, upper and middle zones") or after them."""
    chunks = [chunk for chunk in _chunks(text) if chunk.sides or chunk.heights]
    with_side = [i for i, chunk in enumerate(chunks) if chunk.sides]
    found: set[Place] = set()
    for i, chunk in enumerate(chunks):
        if chunk.sides:
            continue
        before = max((j for j in with_side if j < i), default=None)
        after = min((j for j in with_side if j > i), default=None)
        owner = before
        if after is not None and (before is None or (chunks[after].heights_first and chunks[after].heights)):
            owner = after
        if owner is None:
            found |= {("", height) for height in chunk.heights}
        else:
            chunks[owner].heights += chunk.heights
    for chunk, following in zip_longest(chunks, chunks[1:]):
        heights = chunk.heights
        if not heights and chunk.bare and following is not None and following.sides:
            heights = following.heights
        found |= {(side, height) for side in chunk.sides for height in heights or [""]}
    return found


def _chunks(text: str) -> Iterator[_Chunk]:
    events = sorted(_events(text))
    cuts = [m.end() for m in _BETWEEN.finditer(text)]
    for start, end in zip([0, *cuts], [*cuts, len(text) + 1], strict=True):
        inside = [(at, sides, heights) for at, sides, heights in events if start <= at < end]
        sides = [side for _, each, _ in inside for side in each]
        heights: list[Height] = [height for _, _, height in inside if height]
        first_side = min((at for at, each, _ in inside if each), default=end)
        last = max((at for at, each, _ in inside if each), default=None)
        rest = "" if last is None else _BETWEEN.sub("", text[last:end]).strip()
        yield _Chunk(
            sides=sides,
            heights=heights,
            heights_first=any(at < first_side for at, _, height in inside if height),
            bare=last is not None and len(rest.split()) == 1 and "-" not in rest,
        )


def _events(text: str) -> Iterator[tuple[int, tuple[Side, ...], Height]]:
    """Where a side or a height is named; an abbreviation names both."""
    shorts: set[int] = set()
    for match in place_words(text, "horizontal"):
        word = match.group()
        side: Side = "left" if word[0] in "lL" else "right"
        height: Height = ""
        if word.upper() in _SHORT:
            shorts.add(match.start())
            height = _SHORT[word.upper()]
        yield match.start(), (side,), height
    for match in place_words(text, "vertical"):
        if match.start() not in shorts:
            yield match.start(), (), "upper" if match.group().casefold() in _UPPER else "lower"
    for match in _BOTH.finditer(text):
        yield match.start(), ("left", "right"), ""
    for match in _STILL.finditer(text):
        if not _MIDDLE_NEVER_BEFORE.match(text, match.end()):
            yield match.start() + 1, (), "lower" if "basilar" in match.group().lower() else "middle"


_SHORT: dict[str, Height] = {
    short: {"U": "upper", "M": "middle", "L": "lower"}[short[1]]  # type: ignore[misc]
    for pair in table.LEFT_RIGHT_SHORT.items()
    for short in pair
    if len(short) == 3
}

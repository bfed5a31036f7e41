"""The places that a sentence names: sides, and heights on them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from lexseg.language.lexicon import Lexicon, lexicon
from lexseg.language.sides import place_words

Side = Literal["left", "right", ""]
Height = Literal["upper", "middle", "lower", ""]
Place = tuple[Side, Height]

_HEIGHTS: tuple[Height, ...] = ("upper", "middle", "lower")


def places(text: str, words: Lexicon | None = None) -> frozenset[Place]:
    """The places that a sentence names, each as (side, height), with "" for a side or a height that is not named.

    "All left lung and lower right lung" names ``{("left", ""), ("right", "lower")}``. What is said of both sides is
    said of each. A side that is also named with a height is not listed without, and three heights are the whole side.
    So sentences that mean the same place give the same set, in whatever form: ``LLL``, "left lower zone", "lower zone
    of the left lung". The convention is the sentence's own.

    Args:
        text: one sentence or several.
        words: of its language; ``None`` is English.
    """
    words = words or lexicon()
    found: set[Place] = set()
    for sentence in _tables(words).sentence_end.split(text):
        found |= _of_sentence(sentence, words)
    for side, _ in tuple(found):
        named = {height for s, height in found if s == side and height}
        if len(named) == len(_HEIGHTS):
            found -= {(side, height) for height in named}
            found.add((side, ""))
        elif named:
            found.discard((side, ""))
    return frozenset(found)


def names_place(text: str, words: Lexicon | None = None) -> bool:
    """Whether a sentence says where to look: a side, a height, a part of an organ, a position such as "central".

    Args:
        text: one sentence or several.
        words: of its language; ``None`` is English.
    """
    words = words or lexicon()
    if places(text, words) or any(row["kind"] == "position" for _, _, row in words.attribute_finder(text)):
        return True
    return any(organ.region and not organ.whole for _, _, organ in words.organ_finder(text))


def named_sides(text: str, words: Lexicon | None = None) -> list[Side]:
    """Left and right as often as they are named, in the order of the text."""
    words = words or lexicon()
    sides = _tables(words).sides
    return [sides[match.group().casefold()][0] for match in place_words(text, "horizontal", words)]


@dataclass(slots=True)
class _Chunk:
    """What stands between two commas or "and"s."""

    sides: list[Side]
    heights: list[Height]
    heights_first: bool
    bare: bool  # ends with its side: "left and ..."


def _of_sentence(text: str, words: Lexicon) -> set[Place]:
    """Heights that stand alone belong to the side before ("left lung, upper and middle zones") or after them."""
    chunks = [chunk for chunk in _chunks(text, words) if chunk.sides or chunk.heights]
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


def _chunks(text: str, words: Lexicon) -> Iterator[_Chunk]:
    events = sorted(_events(text, words))
    between = _tables(words).between
    cuts = [m.end() for m in between.finditer(text)]
    for start, end in zip([0, *cuts], [*cuts, len(text) + 1], strict=True):
        inside = [(at, sides, heights) for at, sides, heights in events if start <= at < end]
        sides = [side for _, each, _ in inside for side in each]
        heights: list[Height] = [height for _, _, height in inside if height]
        first_side = min((at for at, each, _ in inside if each), default=end)
        last = max((at for at, each, _ in inside if each), default=None)
        rest = "" if last is None else between.sub("", text[last:end]).strip()
        yield _Chunk(
            sides=sides,
            heights=heights,
            heights_first=any(at < first_side for at, _, height in inside if height),
            bare=last is not None and len(rest.split()) == 1 and "-" not in rest,
        )


def _events(text: str, words: Lexicon) -> Iterator[tuple[int, tuple[Side, ...], Height]]:
    """Where a side or a height is named; an abbreviation names both."""
    tables = _tables(words)
    both: set[int] = set()
    for match in place_words(text, "horizontal", words):
        side, height = tables.sides[match.group().casefold()]
        if height:
            both.add(match.start())
        yield match.start(), (side,), height
    for match in place_words(text, "vertical", words):
        if match.start() not in both:
            yield match.start(), (), tables.heights[match.group().casefold()]
    for match in tables.both.finditer(text):
        yield match.start(), ("left", "right"), ""
    for match in tables.middle.finditer(text):
        if not tables.never_middle.match(text, match.end()):
            yield match.start() + 1, (), "middle"
    for match in tables.lower.finditer(text):
        yield match.start() + 1, (), "lower"


class _Tables:
    """Sides and heights by their words."""

    def __init__(self, words: Lexicon) -> None:
        sides: list[tuple[Side, str]] = [("left", "left"), ("right", "right")]
        self.sides: dict[str, tuple[Side, Height]] = {}
        for row in (*words.value("sides.pairs"), *words.value("sides.short")):
            for side, key in sides:
                self.sides[row[key].casefold()] = side, row.get("height", "")
        for row in words.value("sides.misspelt"):
            self.sides[row["word"].casefold()] = row["side"], ""
        heights: list[Height] = ["upper", "lower"]
        pairs = (*words.value("heights.pairs"), *words.value("heights.short"))
        self.heights: dict[str, Height] = {row[height].casefold(): height for row in pairs for height in heights}
        before, after = (r"(?<![^\W\d_])", r"(?![^\W\d_])") if words.spaced else ("", "")
        flags = re.IGNORECASE
        self.both = re.compile(rf"{before}{words.union('sides.both')}", flags)
        self.middle = re.compile(rf"{before}{words.union('heights.middle')}{after}", flags)
        self.lower = re.compile(rf"{before}{words.union('heights.lower_alone')}{after}", flags)
        self.never_middle = re.compile(rf"\s+{words.union('heights.middle_never_before')}\b", flags)
        edge = r"\b" if words.spaced else ""
        self.between = re.compile(rf"[,:&+/\uff0c\uff1a\u3001]|{edge}{words.union('joints.list')}{edge}", flags)
        short = "".join(rf"(?<!\b{re.escape(row)})" for row in words.rows("abbreviations.side"))
        self.sentence_end = re.compile(rf"{short}\.(?=\s|$)|[;\u3002\uff1b]", flags)


def _tables(words: Lexicon) -> _Tables:
    return words.kept("place tables", make=lambda: _Tables(words))

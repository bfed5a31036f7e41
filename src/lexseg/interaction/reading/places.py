"""Where a correction is to act: the one place grammar of `lexseg.language`, lines and edges, in the picture's sides."""

import re
from dataclasses import dataclass
from typing import Literal

from lexseg.interaction.operations import Direction, Extent, Frame, Region, Spot
from lexseg.interaction.reading.tags import Tagged, tagged
from lexseg.language.lexicon import Lexicon
from lexseg.language.sides import places

Side = Literal["left", "right"]
_OTHER: dict[str, Side] = {"left": "right", "right": "left"}
_OF_PICTURE = re.compile(r"\b(?:of|in) the (?:image|picture|screen|film|photo|view)\b|\bon (?:the )?screen\b")


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose sides the words mean. Attributes: left: the side of the picture that the user's "left" is."""

    left: Side

    def of(self, side: Side, text: str) -> Side:
        """A side of the words as a side of the picture; "of the picture" says so itself."""
        turned = self.left == "right" and not _OF_PICTURE.search(text)
        return _OTHER[side] if turned else side


def region_of(text: str, words: Lexicon, whose: Whose) -> tuple[Region | None, str]:
    """The region that a clause names, ``None`` where it names none; and the clause without a line that it names.

    "Above the diaphragm" is all above a line that lies at a fixed share of the picture: no diaphragm is looked for.
    """
    text = _spelt_out(text, words)
    line, rest = _line(text, words, whose)
    said = tagged(rest, words)
    named = rest
    if line is not None:
        # of "below the left diaphragm" only what lies on that side
        spots = tuple(s for s in _spots(text, words, whose, said) if s.side and not s.height)
        return Region(spots, beyond=line.beyond, line=line.line, name=line.name), rest
    if (place := _named(rest, words)) is not None:
        return place, rest
    spots = _spots(named, words, whose, said)
    if said.has("centre") and not spots:
        spots = (Spot("centre", "middle"),)
    extent: Extent = "half" if said.has("half") else "edge" if said.has("edge") and not said.has("remove") else "part"
    if said.has("edge", "outer") and spots:
        extent = "edge"
    if not spots:
        return None, rest
    frame: Frame = "image" if said.has("anatomy") else "mask"
    return Region(spots, frame, extent), rest


def _spelt_out(text: str, words: Lexicon) -> str:
    """Without names that stand for a zone: a costophrenic angle is in the lower zone, whose side is said beside it."""
    for row in words.value("correct.named_places"):
        if "say" in row:
            text = _finder(row["also"], words).sub(str(row["say"]), text)
    return text


def _named(text: str, words: Lexicon) -> Region | None:
    """A part of a chest film that lies at a fixed place of the picture, as the heart: it is not looked for."""
    for row in words.value("correct.named_places"):
        if "spots" in row and _finder(row["also"], words).search(text) and not places(text, words):
            return Region(tuple(Spot(side, height) for side, height in row["spots"]), name=str(row["name"]))
    return None


def direction_of(said: Tagged, region: Region | None, whose: Whose, words: Lexicon) -> Direction | None:
    """Where something is to be moved; ``None`` where that is not clear."""
    found: set[Direction] = set()
    if said.has("up"):
        found.add("up")
    if said.has("down"):
        found.add("down")
    for spot in () if region is None else region.spots:
        if spot.side in ("left", "right"):
            found.add("left" if spot.side == "left" else "right")
        if spot.height in ("upper", "lower"):
            found.add("up" if spot.height == "upper" else "down")
    return found.pop() if len(found) == 1 else None


def _spots(text: str, words: Lexicon, whose: Whose, said: Tagged) -> tuple[Spot, ...]:
    spots = []
    for side, height in sorted(places(_ends(text), words)):
        pictured: Literal["left", "right", "centre", ""] = whose.of(side, text) if side else ""
        if height == "middle" and not side and not said.has("anatomy"):
            pictured = "centre"
        spots.append(Spot(pictured, height))
    return tuple(spots)


def _ends(text: str) -> str:
    """By "the apex" who corrects a mask means the lung's; the grammar wants to hear whose it is."""
    return re.sub(r"\b(apex|apices|bases?)\b(?! of\b)", r"\1 of the lung", text)


@dataclass(frozen=True, slots=True)
class _Line:
    beyond: Direction
    line: float
    name: str


def _line(text: str, words: Lexicon, whose: Whose) -> tuple[_Line | None, str]:
    """A line that the words name, such as "below the diaphragm", and the text without it."""
    above, below = words.union("correct.above"), words.union("correct.below")
    for row in words.value("correct.landmarks"):
        name = "|".join(words.expression(each) for each in row["also"])
        if row["across"] == "down":
            relation = rf"(?:(?P<up>{above})|(?P<down>{below}))"
        else:
            relation = r"(?:to the |on the )?(?P<side>left|right)(?: side)? (?:of|from)"
        match = re.search(rf"(?<!\w){relation} (?:the |its |his |her )?(?:{name})(?!\w)", text)
        if match is None:
            continue
        if row["across"] == "down":
            beyond: Direction = "up" if match["up"] else "down"
        else:
            side: Side = "left" if match["side"] == "left" else "right"
            beyond = whose.of(side, text)
        return _Line(
            beyond, float(row["line"]), str(row["name"])
        ), f"{text[: match.start()]} {text[match.end() :]}".strip()
    return None, text


def _finder(rows: list[str], words: Lexicon) -> re.Pattern[str]:
    return words.kept("correct", *rows, make=lambda: words.whole_words("|".join(words.expression(row) for row in rows)))

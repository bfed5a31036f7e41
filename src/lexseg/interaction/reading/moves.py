"""Clauses that move the mask, or one of its edges."""

import re
from typing import Literal, cast

from lexseg.interaction.operations import Direction, Move, Operation, Region, Resize
from lexseg.interaction.reading.about import Misunderstood, unclear
from lexseg.interaction.reading.clause import HOW, IDLE, WHERE, CommandClause
from lexseg.interaction.reading.places import direction_of, region_of

_AWAY: dict[Direction, Direction] = {"up": "down", "down": "up", "left": "right", "right": "left"}
_LIES: dict[str, Direction] = {"left": "left", "right": "right", "upper": "up", "lower": "down"}
_EDGE = re.compile(
    r"(?P<which>\w+(?: (?:and|or) \w+)?) (?:edge|border|margin|rim|boundary|contour|outline|side|end)s?\b"
    r"|(?:edge|border|margin|rim|boundary|contour|outline)s? (?:of it )?(?:at|on|in) (?:the |its )?(?P<at>\w+)"
)


def moved(clause: CommandClause) -> Operation | None:
    """As "move it up a bit", "too low", "shift it 4 mm to the right"."""
    said = clause.said
    if said.has("too_high", "too_low") and not said.without("too_high", "too_low", "filler", "polite"):
        return Move("down" if said.has("too_high") else "up", clause.amount)
    if not said.has("move") or said.without("move", "also", "not", "never", "no", *HOW, *WHERE, *IDLE):
        return None
    to = direction_of(said, clause.region, clause.whose, clause.words)
    if to is None or said.has("never", "not", "no", "more", "less") or said.has("grow", "shrink", "add", "remove"):
        raise Misunderstood("say where it is to be moved: to the left, to the right, up or down")
    length = said.length
    return Move(to, clause.amount, None if length is None else length.value, None if length is None else clause.unit)


def edge_moved(clause: CommandClause) -> Operation | None:
    """As "pull the lower border up": the mask grows or shrinks at that edge, and stays where it is."""
    said = clause.said
    if not said.has("move", "shrink", "grow", "bigger") or said.without(
        "move", "shrink", "grow", "bigger", "smaller", "more", *HOW, "edge", "place", "part_noun", *IDLE
    ):
        return None
    named = _EDGE.search(said.text)
    if named is None or not (said.has("move") or (said.has("edge") and said.has("up", "down"))):
        return None
    edge, _ = region_of(named["which"] or named["at"], clause.words, clause.whose)
    if edge is None or len(edge.spots) != 1:
        return None
    lies = _LIES.get(edge.spots[0].side or edge.spots[0].height)
    outwards = _outwards(clause, said.text[: named.start()] + " " + said.text[named.end() :], lies)
    if outwards is None:
        unclear()
    length = said.length
    return Resize(
        outwards,
        clause.amount,
        None if length is None else length.value,
        None if length is None else clause.unit,
        Region(edge.spots, "mask", "part"),
    )


def _outwards(clause: CommandClause, rest: str, lies: Direction | None) -> bool | None:
    """Whether an edge that lies there is moved away from the mask's middle by the rest of the words."""
    away, towards = (bool(re.search(rule, rest)) for rule in (r"\bout(?:wards?)?\b", r"\b(?:in|inwards?|back)$"))
    if away != towards:
        return away
    found = {"up"} if re.search(r"\b(?:up|upwards?|higher|raise|lift)\b", rest) else set()
    if re.search(r"\b(?:down|downwards?|lower)\b", rest):
        found.add("down")
    region, _ = region_of(rest, clause.words, clause.whose)
    for spot in () if region is None else region.spots:
        found |= {_LIES[spot.side]} if spot.side in ("left", "right") else set()
    if len(found) != 1 or lies is None:
        return None
    to = cast(Literal["up", "down", "left", "right"], found.pop())
    return True if to == lies else False if to == _AWAY[lies] else None

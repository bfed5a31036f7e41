"""Clauses of more or less of the mask: in words of confidence, of size, or by a length."""

import re
from dataclasses import replace
from typing import Literal

from lexseg.interaction.operations import (
    Clear,
    Components,
    Confidence,
    Cover,
    KeepRegion,
    Operation,
    Region,
    Resize,
    Spot,
)
from lexseg.interaction.reading.about import Misunderstood, unclear
from lexseg.interaction.reading.clause import AMOUNT, HOW, IDLE, WHERE, CommandClause
from lexseg.interaction.reading.signs import SIZE, sign_of
from lexseg.interaction.reading.tags import Tagged

_SIZED = (
    *SIZE,
    *("past", "wished", "than_mask", "too", "so", "enough", "not", "no", "never", "more", "less", "too_much"),
    *("too_little", "add", "remove", "also", "only", "twice", "halved", "missing", "trim", "number", "affected"),
)
_SHARES = {"third": 33.0, "quarter": 25.0, "fifth": 20.0, "tenth": 10.0}


def sized(clause: CommandClause) -> Operation | None:
    """How the mask is to be larger or smaller; ``None`` where the clause is about something else."""
    said, region = clause.said, clause.region
    if said.without(*_SIZED, *HOW, *WHERE, *IDLE) or (said.has("number") and said.length is None):
        return None
    sign = sign_of(said)
    if sign is None and said.has("trim") and not said.has("not", "no", "never", "more", "less", "add"):
        sign = -1
        if region is not None and said.has("thing", "finding", "all") and said.length is None:
            return None  # "trim the highlight at the top" takes it away
    if sign is None and _farther(said):
        return Resize(True, clause.amount, region=region or _end(said))
    if said.length is not None:
        return _by_length(clause, sign)
    if (share := _by_share(clause, sign)) is not None:
        return share
    bare = not said.has(*SIZE, "too_much", "too_little", "more", "less", "trim")
    if sign is None:
        return None if bare or said.has("told") else unclear()
    if said.has("component", "largest", "specks") and said.has("only", "keep", "rest"):
        return None
    if said.has("too_much", "too_little") and region is None and said.has("up") != said.has("down"):
        region = _end(said)
    if said.has("bigger", "smaller", "big", "small", "grow", "shrink", "trim"):
        if said.has("grow") and said.has("anatomy") and region is not None and _into(said):
            return Cover(region, True, clause.amount)
        if said.has("up") != said.has("down"):
            region = _end(said) if region is None else _at_end(region, said)
        return Resize(sign > 0, clause.amount, region=region)
    if said.has("too_much", "too_little", "more", "less") and not said.has(*SIZE) and _alone(said):
        return _go_on(clause, region, sign)
    return Confidence(sign > 0, clause.amount, region)


def _farther(said: Tagged) -> bool:
    """As "the opacity reaches further up than this"."""
    told = said.has("than_mask") and said.has("finding") and said.has("up") != said.has("down")
    return told and not said.has("not", "no", "never", "less", "too", "past", "wished", "remove", *SIZE)


def _end(said: Tagged) -> Region:
    return Region((Spot("", "upper" if said.has("up") else "lower"),), "mask")


def _at_end(region: Region, said: Tagged) -> Region:
    """Of "further down on the right" the lower right."""
    if region.beyond is not None or any(spot.height for spot in region.spots):
        return region
    height: Literal["upper", "lower"] = "upper" if said.has("up") else "lower"
    return replace(region, spots=tuple(replace(spot, height=height) for spot in region.spots))


def _by_length(clause: CommandClause, sign: int | None) -> Operation:
    said, length = clause.said, clause.said.length
    assert length is not None
    if length.value <= 0:
        raise Misunderstood("a length is above 0")
    if sign is None and said.has("add") != said.has("remove"):
        sign = 1 if said.has("add") else -1
    if sign is None:
        raise Misunderstood("say whether it is to be larger or smaller by that much")
    if length.unit == "%" and sign < 0 and length.value >= 100:
        raise Misunderstood("a mask can be made smaller by less than 100 %")
    return Resize(sign > 0, "usual", length.value, clause.unit, clause.region)


def _by_share(clause: CommandClause, sign: int | None) -> Operation | None:
    """As "by a third", "twice as big", "halve it"."""
    said = clause.said
    share = re.search(r"\bby (?:a|one) (third|quarter|fifth|tenth)\b", said.text)
    if share is not None and sign is not None and clause.region is None:
        return Resize(sign > 0, "usual", _SHARES[share[1]], "%")
    if not said.has("twice", "halved") or clause.region is not None:
        return None
    if said.has("not", "never", "no", "wished", "past"):
        return None
    if said.has("twice"):
        return Resize(True, "usual", 100.0, "%") if not said.has("shrink", "than_mask") else None
    return Resize(False, "usual", 50.0, "%") if not said.has("grow", "bigger", "than_mask") else None


def _go_on(clause: CommandClause, region: Region | None, sign: int) -> Operation:
    """For "more" and "a bit less": of what was done last, where that made the mask larger."""
    last, amount = clause.about.last, clause.amount
    if region is None and _smaller(last):
        raise Misunderstood("more of the mask, or still less of it? say 'larger' or 'smaller', or 'again'")
    if region is None and isinstance(last, Resize):
        return Resize(sign > 0, amount, region=last.region)
    if region is None and isinstance(last, Confidence | Cover):
        return Confidence(sign > 0, amount, last.region)
    return Confidence(sign > 0, amount, region)


def _smaller(last: Operation | None) -> bool:
    if isinstance(last, Confidence):
        return not last.more
    if isinstance(last, Resize):
        return not last.grow
    return (isinstance(last, Cover) and not last.wanted) or isinstance(last, KeepRegion | Components | Clear)


def _alone(said: Tagged) -> bool:
    """Whether nothing but "more", "less" and how much of it is said."""
    return not said.without(
        *("more", "less", *AMOUNT, "too_much", "too_little", "filler", "polite", "also", "not"),
        *("never", "place", "anatomy", "part_noun", "edge", "half", "centre", "up", "down", "outer", "thing"),
    )


def _into(said: Tagged) -> bool:
    return re.search(r"\b(?:in ?to|over|to the|towards? the|across)\b", said.text) is not None

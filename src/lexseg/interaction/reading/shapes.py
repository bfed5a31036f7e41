"""Clauses of shape, and of the probability from which on a pixel belongs to the mask."""

import re

from lexseg.interaction.operations import Confidence, Operation, Shape, Threshold
from lexseg.interaction.reading.about import Misunderstood
from lexseg.interaction.reading.clause import AMOUNT, IDLE, WHERE, CommandClause, amount_of
from lexseg.interaction.reading.tags import Tagged

_SHAPED = (
    *("smooth", "rough", "holes", "fill", "join", "too", "so", "not", "no", "never"),
    *AMOUNT,
    *("more", "less", "also", "number", "remove", "add", "grow", "shrink", "only", "keep"),
)


def threshold(said: Tagged) -> Operation | None:
    """As "threshold to 0.3", "raise the threshold", "lower the sensitivity a bit"."""
    if not said.has("threshold", "sensitivity"):
        return None
    value = re.search(r"(?:to|of|=|at|is) ?(0?[.,]\d+|\d{1,2} ?%)", said.text)
    percent = said.length is not None and said.length.unit == "%"
    if (value or percent) and said.has("threshold") and not said.has("never", "not", "no", "sensitivity"):
        share = float(value[1].strip(" %").replace(",", ".")) if value else 0.0
        share = said.length.value / 100 if percent and said.length is not None else share
        if not 0 < share < 1:
            raise Misunderstood("a threshold lies between 0 and 1")
        return Threshold(share)
    if said.unknown or said.has("never", "not", "no"):
        return None
    higher, lower = (bool(re.search(rf"\b{word}\b", said.text)) for word in ("higher", "lower"))
    up = said.has("grow", "more", "bigger", "up", "too_low", "big") or higher
    down = said.has("shrink", "less", "smaller", "down", "too_high", "small") or lower
    if up == down or said.has("too"):
        return None
    return Confidence(up if said.has("sensitivity") else not up, amount_of(said))


def shaped(clause: CommandClause) -> Operation | None:
    """As "smooth it", "no holes", "one piece"."""
    said, region = clause.said, clause.region
    if not said.has("smooth", "rough", "holes", "fill", "join") or said.without(*_SHAPED, *WHERE, *IDLE):
        return None
    gap = said.has("holes", "fill") or "gap" in said.text
    if said.has("never", "not", "no", "less") and not (gap and said.has("no", "not")):
        raise Misunderstood("it is not clear what is to be done; say 'smooth it', 'fill the holes' or 'one piece'")
    kinds = [said.has("smooth", "rough"), said.has("holes"), said.has("join")]
    if sum(kinds) > 1 or (said.has("remove", "add", "grow", "shrink", "keep", "only") and not said.has("holes")):
        return None
    if kinds[0]:
        if said.has("too") and said.has("smooth"):
            raise Misunderstood("a mask cannot be made rougher; 'undo' takes the smoothing back")
        return Shape("smooth", clause.amount, region)
    if said.has("holes"):
        return None if said.has("add", "grow") else Shape("fill", region=region)
    if said.has("join"):
        filled = "gap" in said.text and any(tag == "fill" and text.startswith("fill") for tag, text in said.tags)
        return Shape("fill" if filled else "join", region=region)
    return Shape("fill") if region is None and not said.has("component") else None

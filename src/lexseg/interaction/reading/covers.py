"""Clauses of regions: "not the part above the diaphragm", "also the apex", "keep only the left"."""

import re

from lexseg.interaction.operations import Clear, Confidence, Cover, KeepRegion, Operation
from lexseg.interaction.reading.about import Misunderstood, NoPlace, OnlyTold, unclear
from lexseg.interaction.reading.clause import AMOUNT, IDLE, WHERE, CommandClause
from lexseg.interaction.reading.tags import Tagged

_COVERED = (
    *("remove", "wrong", "add", "missing", "affected", "also", "keep", "only", "rest", "except", "not", "no"),
    *("never", "told", "trim", "outside"),
    *AMOUNT,
)


def covered(clause: CommandClause) -> Operation | None:
    """What of a region is taken in or away; ``None`` where the clause is about none."""
    said, region = clause.said, clause.region
    if said.without(*_COVERED, *WHERE, *IDLE):
        return None
    taken, added = said.has("remove", "wrong", "trim"), said.has("add", "missing", "affected")
    negated = said.has("not", "no", "never")
    if region is None:
        return _nowhere(clause, taken, negated)
    if said.has("outside"):
        return KeepRegion(region) if taken and not negated and not added else unclear()
    if said.has("told") and not taken and not said.has("also", "missing"):
        raise OnlyTold(region)
    if said.has("keep") and said.has("all") and said.has("except") and not negated and not taken:
        return Cover(region, False)  # "keep everything except the apex"
    if said.has("rest", "except", "keep") or (said.has("only") and not (taken or added)):
        return KeepRegion(region) if clause.kept() else None
    if said.has("never") and not taken and said.has("add"):
        return Cover(region, False)
    if said.has("never") or (negated and taken) or (taken and added and not said.has("also")):
        unclear()
    if taken and not added:
        return Cover(region, False)
    if negated:
        if said.has("missing") or not (_short(said) or said.has("finding", "affected", "add")):
            unclear()
        return Cover(region, False)
    there = said.has("finding", "component") and re.search(r"\b(?:there|here) (?:is|are)\b", said.text)
    return Cover(region, True, clause.amount) if added or said.has("also") or there else None


def _nowhere(clause: CommandClause, taken: bool, negated: bool) -> Operation | None:
    """Of a clause that names no place."""
    said = clause.said
    if said.has("outside"):
        raise Misunderstood("say which place is to stay, such as 'keep only the left lung': organs are not looked for")
    named = said.has("anatomy", "thing", "part_noun", "edge", "half", "outer")
    if (
        taken
        and not named
        and said.has("all")
        and not negated
        and not said.has("except", "add", "missing", "keep", "wrong")
    ):
        return Clear()
    if said.has("missing") and not taken and not negated and not said.has("anatomy", "keep", "only"):
        return Confidence(True, clause.amount)
    if (taken or said.has("add")) and not said.has("rest"):
        if taken and negated:
            unclear()
        raise NoPlace(not taken and not negated)
    return None


def _short(said: Tagged) -> bool:
    """Whether a clause is no more than "not the apex"."""
    return not said.without(
        *("not", "no", "place", "anatomy", "part_noun", "edge", "half", "centre", "filler", "polite", "all", "also"),
        *("finding", "thing", "outer"),
    )

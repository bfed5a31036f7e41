"""Clauses of connected parts: "only the largest", "drop the left one", "remove the specks"."""

import re
from typing import Literal

from lexseg.interaction.operations import Components, Cover, Operation
from lexseg.interaction.reading.about import Misunderstood, unclear
from lexseg.interaction.reading.clause import IDLE, WHERE, CommandClause
from lexseg.interaction.reading.tags import number_of

_PARTED = (
    *("largest", "smallest", "specks", "number", "keep", "only", "remove", "wrong", "not", "no", "never", "rest"),
    *("except", "also", "more", "less", "add", "missing", "bigger", "smaller", "grow", "too_much", "too_little"),
)
_COUNTED = re.compile(r"(?:only |just |keep )*(one|a single|two|three|four|[1-9])\b")
_SUPERLATIVE = re.compile(r"\w+est\b|\b(?:main|major|principal|dominant|primary|predominant|of the)\b")
_RANKED = ("second", "third", "fourth")


def parted(clause: CommandClause) -> Operation | None:
    """Which parts are kept, or dropped; ``None`` where the clause is about none."""
    said, region = clause.said, clause.region
    if region is None and (counted := _counted(clause)) is not None:
        return counted
    selectors = said.count("largest", "smallest", "specks")
    spotted = said.has("component") and region is not None and region.beyond is None and len(region.spots) == 1
    if (not selectors and not spotted) or said.without(*_PARTED, *WHERE, *IDLE):
        return None
    if selectors == 1 and region is not None and not _SUPERLATIVE.search(said.text):
        if said.has("add", "missing", "also", "affected"):
            return Cover(region, True)  # "add the small patch at the top"
        selectors *= said.has("anatomy")  # "that little piece on the left": which one is said by where it lies
    if said.length is not None or said.has("more", "less", "too_much", "too_little", "bigger", "smaller", "grow"):
        return None
    if not selectors and region is None:
        return None
    if selectors > 1 or said.has("add", "also", "missing") or said.has("never"):
        return None if said.has("add", "also", "missing") and not selectors else unclear()
    keep = clause.kept()
    if keep is None:
        return None
    if selectors and region is not None and not said.has("anatomy"):
        raise Misunderstood("say either which size or which place is meant")
    numbers = [number_of(text, clause.words) for tag, text in said.tags if tag == "number"]
    ranked = any(word in said.text.split() for word in _RANKED)
    if said.has("specks"):
        return Components(False, "specks") if not keep else None
    if selectors:
        which: Literal["largest", "smallest"] = "largest" if said.has("largest") else "smallest"
        rank, count = (numbers[0], 1) if ranked and numbers else (1, numbers[0] if numbers else 1)
        if rank > 1 and which == "smallest":
            return None
        return Components(keep, which, max(1, count), rank)
    if ranked or (numbers and numbers[0] > 1):
        return None
    assert region is not None
    return Components(keep, "spot", spot=region.spots[0])


def _counted(clause: CommandClause) -> Operation | None:
    """As "one lesion only": the largest of them."""
    said = clause.said
    if not said.has("only") or said.length is not None or said.without("only", "number", "keep", "component", *IDLE):
        return None
    match = _COUNTED.match(said.text)
    number = 0 if match is None else 1 if match[1] == "a single" else number_of(match[1], clause.words)
    return Components(True, "largest", number) if number else None

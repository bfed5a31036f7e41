"""Which queries to try on an image, those that matter most first."""

from collections.abc import Iterator
from typing import get_args

from lexseg.datasets.refer import predicates as p
from lexseg.datasets.refer.adjectives import LENGTHS_MM
from lexseg.datasets.refer.anatomy import Anatomy
from lexseg.datasets.refer.query import RANKS, RELATIONS, Query

SIDES: tuple[p.Side, p.Side] = ("left", "right")
OPPOSITE_ZONES: tuple[tuple[p.Zone, p.Zone], ...] = (("upper", "lower"), ("lower", "upper"))


def plain(name: str | None) -> list[Query]:
    """What is asked of every image: each side."""
    return [Query(name=name, side=side) for side in SIDES]


def placed(anatomy: Anatomy, name: str | None) -> list[Query]:
    """One zone of one lung, or one cell of the grid."""
    if anatomy.layout == "lungs":
        zones = p.ZONES if anatomy.zoned else ()
        return [Query(name=name, side=side, zone=zone) for side in SIDES for zone in zones]
    return [Query(name=name, column=column, zone=zone) for column in p.COLUMNS for zone in p.ZONES]


def across(anatomy: Anatomy, name: str | None) -> list[Query]:
    """A zone on either side, or on both."""
    zones = p.ZONES if anatomy.zoned else ()
    queries = [Query(name=name, zone=zone) for zone in zones] + [Query(name=name, count="both")]
    if anatomy.layout == "lungs":
        queries += [Query(name=name, zone=zone, count="both") for zone in zones]
    return queries


def ranked(name: str | None) -> list[Query]:
    """What tells targets apart by comparing or counting them."""
    queries: list[Query] = []
    for side in (None, *SIDES):
        queries += [Query(name=name, side=side, rank=rank) for rank in RANKS if side is None or "most" not in rank]
        queries += [Query(name=name, side=side, count=count) for count in range(2, 7)]
    return queries + [Query(name=name, relation=relation) for relation in RELATIONS]


def likened(anatomy: Anatomy, name: str | None, *, lengths: bool) -> list[Query]:
    """What tells targets apart by what each is like; by their lengths only where these are known."""
    queries: list[Query] = []
    for side in (None, *SIDES):
        queries += [Query(name=name, side=side, size=size) for size in get_args(p.Size)]
        queries += [Query(name=name, side=side, shape=shape) for shape in get_args(p.Shape)]
        queries += [Query(name=name, side=side, brightness=each) for each in get_args(p.Brightness)]
        if lengths:
            queries += [Query(name=name, side=side, over=length) for length in LENGTHS_MM]
            queries += [Query(name=name, side=side, under=length) for length in LENGTHS_MM]
    return [query for query in queries if any(getattr(query, each) is not None for each in anatomy.likenesses)]


def negated(name: str | None) -> Iterator[Query]:
    """One side, and that there is nothing on the other."""
    for side, other in (SIDES, SIDES[::-1]):
        yield Query(name=name, side=side, without=other)


def contradictions(anatomy: Anatomy, name: str | None) -> Iterator[Query]:
    """Descriptions that nothing can satisfy, such as the left one on the right."""
    for side, other in (SIDES, SIDES[::-1]):
        yield Query(name=name, side=side, also=other)
    if anatomy.layout == "lungs" and anatomy.zoned:
        for zone, another in OPPOSITE_ZONES:
            yield Query(name=name, zone=zone, also=another)

"""Which queries to try on an image, those that matter most first."""

from collections.abc import Iterator
from typing import get_args

from lexseg.data.refer import predicates as p
from lexseg.data.refer.anatomy import Anatomy
from lexseg.data.refer.query import RANKS, RELATIONS, Query

SIDES: tuple[p.Side, p.Side] = ("left", "right")


def plain(anatomy: Anatomy, name: str | None) -> list[Query]:
    """What is asked of every image: each side."""
    return [Query(name=name, side=side) for side in SIDES]


def placed(anatomy: Anatomy, name: str | None) -> list[Query]:
    """One zone of one lung, or one cell of the grid."""
    if anatomy.layout == "lungs":
        return [Query(name=name, side=side, zone=zone) for side in SIDES for zone in p.ZONES]
    return [Query(name=name, column=column, zone=zone) for column in p.COLUMNS for zone in p.ZONES]


def across(anatomy: Anatomy, name: str | None) -> list[Query]:
    """A zone on either side, or on both."""
    queries = [Query(name=name, zone=zone) for zone in p.ZONES] + [Query(name=name, count="both")]
    if anatomy.layout == "lungs":
        queries += [Query(name=name, zone=zone, count="both") for zone in p.ZONES]
    return queries


def ranked(name: str | None) -> list[Query]:
    """What tells targets apart by comparing or counting them."""
    queries: list[Query] = []
    for side in (None, *SIDES):
        queries += [Query(name=name, side=side, rank=rank) for rank in RANKS if side is None or "most" not in rank]
        queries += [Query(name=name, side=side, count=count) for count in range(2, 7)]
    return queries + [Query(name=name, relation=relation) for relation in RELATIONS]


def likened(anatomy: Anatomy, name: str | None) -> list[Query]:
    """What tells targets apart by what each is like."""
    queries: list[Query] = []
    for side in (None, *SIDES):
        queries += [Query(name=name, side=side, size=size) for size in get_args(p.Size)]
        queries += [Query(name=name, side=side, shape=shape) for shape in get_args(p.Shape)]
        queries += [Query(name=name, side=side, brightness=each) for each in get_args(p.Brightness)]
    return [query for query in queries if any(getattr(query, each) is not None for each in anatomy.likenesses)]


def negated(name: str | None) -> Iterator[Query]:
    """One side, and that there is nothing on the other."""
    for side, other in (SIDES, SIDES[::-1]):
        yield Query(name=name, side=side, without=other)


def contradictions(name: str | None) -> Iterator[Query]:
    """What nothing can satisfy."""
    for side, other in (SIDES, SIDES[::-1]):
        yield Query(name=name, side=side, also=other)

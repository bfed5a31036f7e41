"""A query: which targets an expression means, as something that can be executed."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Literal, get_args

from lexseg.datasets.refer import predicates as p
from lexseg.datasets.refer.anatomy import Anatomy
from lexseg.datasets.refer.attributes import Referent
from lexseg.errors import DataError

Rank = Literal[
    "largest", "second_largest", "smallest", "top", "second_from_top", "bottom", "second_from_bottom", "leftmost",
    "rightmost",
]  # fmt: skip
Relation = Literal["above", "below", "left_of", "right_of"]

CLEARLY_LARGER = 1.3
"""Ratio of areas from which one target is larger than another."""
CLEARLY_APART = 0.05
"""Distance of centroids, as a share of the image, from which one target is above or beside another."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for: the targets of which all of this is true.

    Attributes:
        name: the class, where the masks have classes.
        side: half of the image.
        also: a second half of the image, or a second zone, which makes a contradiction of the first.
        zone: third of the frame's height.
        column: third of the frame's width.
        size: for the anatomy.
        over: length in millimetres that it exceeds.
        under: length in millimetres that it does not reach.
        shape: from its moments.
        brightness: against a ring around it.
        rank: the one of those that are left which is the largest, the topmost, ...
        relation: where it lies from the largest target of the image.
        count: how many there are, said in so many words; or ``both`` sides, on each of which there must be some.
        without: half of the image of which it is said that nothing is there.
    """

    name: str | None = None
    side: p.Side | None = None
    also: p.Side | p.Zone | None = None
    zone: p.Zone | None = None
    column: p.Column | None = None
    size: p.Size | None = None
    over: int | None = None
    under: int | None = None
    shape: p.Shape | None = None
    brightness: p.Brightness | None = None
    rank: Rank | None = None
    relation: Relation | None = None
    count: int | Literal["both"] | None = None
    without: p.Side | None = None

    def __str__(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.given().items()) or "all"

    def given(self) -> dict[str, Any]:
        """The fields that say something."""
        return {each.name: value for each in fields(self) if (value := getattr(self, each.name)) is not None}

    @property
    def family(self) -> str:
        """The kind of expression: the fields that say something but for the class, such as ``side+zone``."""
        return "+".join(name for name in self.given() if name != "name") or "all"

    @property
    def contradictory(self) -> bool:
        """Whether nothing can satisfy it, in any image."""
        return self.also is not None and self.also not in (self.side, self.zone)

    @property
    def region(self) -> str:
        """The place asked for, in words out of left, right, upper, middle, lower and center; empty if none."""
        if self.contradictory:
            return ""
        return " ".join(filter(None, (self.side or self.column, self.zone)))


def parse_query(text: str) -> Query:
    """The query that ``str`` gave this text.

    Raises:
        DataError: if it is none.
    """
    values: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in ("" if text == "all" else text).split(";"))):
        name, _, value = part.partition("=")
        number = name in _NUMBERS and value.isdigit()
        if not number and name != "name" and value not in _WORDS.get(name, ()):
            raise DataError(f"{text!r} is no query; expected such as 'side=left; zone=lower'")
        values[name] = int(value) if number else value
    return Query(**values)


@dataclass(frozen=True, slots=True)
class Denoted:
    """What a query names.

    Attributes:
        ids: of the targets; empty if it names none.
        doubt: why it cannot be said for sure; empty if it can.
    """

    ids: tuple[int, ...] = ()
    doubt: str = ""


def execute(query: Query, targets: Sequence[Referent], anatomy: Anatomy) -> Denoted:
    """Find the targets that a query names, or why that is in doubt.

    Args:
        query: what is asked for.
        targets: all targets of an image.
        anatomy: for what is small or large.
    """
    if query.contradictory:
        return Denoted()
    pool = [t for t in targets if query.name is None or query.name in t.classes]
    if query.without is not None and any(p.on_side(t, query.without) is not False for t in pool):
        return Denoted(doubt="the side said to be clear is not")
    compared = query.rank is not None or query.relation is not None
    if compared and not all(t.whole or t.speck for t in pool):
        return Denoted(doubt="lesions in pieces cannot be compared")
    truths = [_true_of(query, t, anatomy) for t in pool]
    for reason, truth in truths:
        if truth is None:
            return Denoted(doubt=reason)
    chosen = [t for t, (_, truth) in zip(pool, truths, strict=True) if truth]
    if query.relation is not None:
        chosen_or_doubt = _related(query.relation, chosen, pool)
        if isinstance(chosen_or_doubt, Denoted):
            return chosen_or_doubt
        chosen = chosen_or_doubt
    if chosen and all(t.speck for t in chosen):
        return Denoted(doubt="there are only specks")
    if query.rank is not None and chosen:
        return _ranked(query.rank, chosen)
    if isinstance(query.count, int) and chosen and not _counted(chosen, query.count):
        return Denoted(doubt="the number is another")
    if query.count == "both" and chosen and len({t.x < 0.5 for t in chosen if not t.speck}) < 2:
        return Denoted(doubt="not on both sides")
    return Denoted(tuple(t.id for t in chosen))


def _true_of(query: Query, target: Referent, anatomy: Anatomy) -> tuple[str, p.Truth]:
    """What is in doubt, and whether all of the query's properties are true of a target."""
    checks: list[tuple[str, p.Truth]] = []
    if query.side is not None:
        checks.append(("side", p.on_side(target, query.side)))
    if query.count == "both":
        checks.append(("side", None if p.on_side(target, "left") is None else True))
    if query.zone is not None:
        checks.append(("zone", p.in_zone(target, query.zone)))
    if query.column is not None:
        checks.append(("column", p.in_column(target, query.column)))
    if query.size is not None:
        checks.append(("size", p.of_size(target, query.size, anatomy)))
    if query.over is not None:
        checks.append(("length", p.longer_than(target, query.over)))
    if query.under is not None:
        longer = p.longer_than(target, query.under)
        checks.append(("length", None if longer is None else not longer))
    if query.shape is not None:
        checks.append(("shape", p.of_shape(target, query.shape)))
    if query.brightness is not None:
        checks.append(("brightness", p.of_brightness(target, query.brightness)))
    truth: p.Truth = True
    for _, each in checks:
        truth = p.both(truth, each)
    reason = next((f"the {name} of a target is borderline" for name, each in checks if each is None), "")
    return reason, truth


def _related(relation: Relation, chosen: list[Referent], pool: Sequence[Referent]) -> list[Referent] | Denoted:
    """Those of the chosen that lie above (...) the largest target of the pool."""
    by_size = sorted((t for t in pool if t.describable), key=lambda t: -t.area)
    if len(by_size) < 2 or by_size[0].area < CLEARLY_LARGER * by_size[1].area:
        return Denoted(doubt="no target is clearly the largest")
    anchor, found = by_size[0], []
    for target in chosen:
        if target is anchor:
            continue
        apart = target.y - anchor.y if relation in ("above", "below") else target.x - anchor.x
        apart = -apart if relation in ("above", "left_of") else apart
        if target.describable and abs(apart) < CLEARLY_APART:
            return Denoted(doubt="two targets lie side by side")
        if apart > 0:
            found.append(target)
    return found


def _counted(chosen: Sequence[Referent], count: int) -> bool:
    return len(chosen) == count and all(t.describable for t in chosen)


def _ranked(rank: Rank, chosen: list[Referent]) -> Denoted:
    described = [t for t in chosen if t.describable]
    place = 1 if rank.startswith("second") else 0
    if len(described) < place + 2:
        return Denoted(doubt="too few targets to rank")
    if rank in ("largest", "second_largest", "smallest"):
        order = sorted(described, key=lambda t: t.area, reverse=rank != "smallest")
        clear = all(
            max(a.area, b.area) >= CLEARLY_LARGER * min(a.area, b.area) for a, b in pairwise(order[: place + 2])
        )
        # specks would be the smallest of all
        clear = clear and (rank != "smallest" or len(described) == len(chosen))
    else:
        along = {"leftmost": _x, "rightmost": _minus_x}.get(rank, _y if rank.endswith("top") else _minus_y)
        order = sorted(described, key=along)
        clear = all(along(b) - along(a) >= CLEARLY_APART for a, b in pairwise(order[: place + 2]))
        # nor may a speck lie further out
        clear = clear and all(along(t) > along(order[place]) for t in chosen if not t.describable)
    return Denoted((order[place].id,)) if clear else Denoted(doubt="the rank is a near tie")


def _x(target: Referent) -> float:
    return target.x


def _minus_x(target: Referent) -> float:
    return -target.x


def _y(target: Referent) -> float:
    return target.y


def _minus_y(target: Referent) -> float:
    return -target.y


_SIDES = get_args(p.Side)
_WORDS: dict[str, tuple[str, ...]] = {
    "side": _SIDES,
    "also": (*_SIDES, *p.ZONES),
    "without": _SIDES,
    "zone": p.ZONES,
    "column": p.COLUMNS,
    "size": get_args(p.Size),
    "shape": get_args(p.Shape),
    "brightness": get_args(p.Brightness),
    "rank": get_args(Rank),
    "relation": get_args(Relation),
    "count": ("both",),
}
_NUMBERS = ("over", "under", "count")

RANKS: tuple[Rank, ...] = get_args(Rank)
RELATIONS: tuple[Relation, ...] = get_args(Relation)

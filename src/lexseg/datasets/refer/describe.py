"""The targets of an image in plain JSON values: what was measured, and what it means in words."""

from collections.abc import Callable, Sequence
from typing import Any, get_args

from lexseg.datasets.refer import predicates as p
from lexseg.datasets.refer.anatomy import Anatomy
from lexseg.datasets.refer.attributes import Referent
from lexseg.datasets.refer.query import CLEARLY_APART

MOST_OTHERS = 500
"""How many targets that cannot be spoken of alone are written for one image; the rest are counted."""


def describe(targets: Sequence[Referent], anatomy: Anatomy) -> dict[str, Any]:
    """All targets of an image.

    A word is ``None`` where it cannot be said for sure. Ranks count from 1 among the targets that can be spoken of
    alone: from the largest, the topmost, the leftmost.
    """
    told = [target for target in targets if target.describable]
    others = [target for target in targets if not target.describable]
    by_size = _ranks(told, lambda target: -target.area)
    from_top = _ranks(told, lambda target: target.y)
    from_left = _ranks(told, lambda target: target.x)
    largest = next((target for target in told if by_size[target.id] == 1), None)
    described = [
        target.to_dict()
        | {
            **_words(target, anatomy),
            "rank_by_size": by_size[target.id],
            "rank_from_top": from_top[target.id],
            "rank_from_left": from_left[target.id],
            "to_the_largest": _relations(target, largest),
        }
        for target in told
    ]
    described += [target.to_dict() for target in others[:MOST_OTHERS]]
    return {
        "count": len(told),
        "others": len(others),
        "others_left_out": max(0, len(others) - MOST_OTHERS),
        "targets": described,
    }


def _ranks(targets: Sequence[Referent], key: Callable[[Referent], float]) -> dict[int, int]:
    return {target.id: rank for rank, target in enumerate(sorted(targets, key=key), start=1)}


def _words(target: Referent, anatomy: Anatomy) -> dict[str, str | None]:
    return {
        "side": _word(get_args(p.Side), lambda side: p.on_side(target, side)),
        "zone": _word(p.ZONES, lambda zone: p.in_zone(target, zone)),
        "column": _word(p.COLUMNS, lambda column: p.in_column(target, column)),
        "size": _word(get_args(p.Size), lambda size: p.of_size(target, size, anatomy)),
        "shape": _word(get_args(p.Shape), lambda shape: p.of_shape(target, shape)),
        "brightness": _word(get_args(p.Brightness), lambda each: p.of_brightness(target, each)),
    }


def _word(words: Sequence[Any], true_of: Callable[[Any], p.Truth]) -> str | None:
    return next((str(word) for word in words if true_of(word)), None)


def _relations(target: Referent, largest: Referent | None) -> list[str]:
    if largest is None or target is largest:
        return []
    down, along = target.y - largest.y, target.x - largest.x
    pairs = ((-down, "above"), (down, "below"), (-along, "left_of"), (along, "right_of"))
    return [name for apart, name in pairs if apart >= CLEARLY_APART]

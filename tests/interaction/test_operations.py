"""Operations as JSON: what is written is read again, and nothing else is taken."""

import json

import pytest

from lexseg.errors import DataError
from lexseg.interaction.operations import (
    Clear,
    Components,
    Confidence,
    Cover,
    Move,
    Point,
    Region,
    Resize,
    Retarget,
    Shape,
    Spot,
    Stroke,
    Threshold,
    from_json,
    to_json,
)

ALL = [
    Confidence(True, "much", Region((Spot("left", "upper"), Spot("", "lower")), "mask", "half")),
    Threshold(0.3),
    Resize(False, "usual", 2.0, "mm", Region((), beyond="up", line=0.8, name="diaphragm")),
    Cover(Region((Spot("centre", "middle"),)), False),
    Components(True, "spot", spot=Spot("right")),
    Components(False, "largest", 2, 1),
    Shape("smooth", "slight"),
    Move("up"),
    Clear(),
    Retarget("effusion"),
    Stroke(((1.0, 2.5), (3.0, 4.0)), 2.0, True),
    Point(3, 4, False),
]


@pytest.mark.parametrize("operation", ALL, ids=lambda each: type(each).__name__)
def test_what_is_written_is_read_again(operation):
    assert from_json(json.loads(json.dumps(to_json(operation)))) == operation


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        {"kind": "explode"},
        {"kind": "confidence"},
        {"kind": "confidence", "more": "yes"},
        {"kind": "confidence", "more": True, "amount": "huge"},
        {"kind": "confidence", "more": True, "by": 2},
        {"kind": "threshold", "value": float("nan")},
        {"kind": "point", "row": 1.5, "column": 2, "wanted": True},
        {"kind": "stroke", "points": [[1]], "radius": 1, "wanted": True},
        {"kind": "cover", "region": 3, "wanted": True},
        {"kind": "cover", "region": {"spots": [{"side": "up"}]}, "wanted": True},
    ],
)
def test_anything_else_is_told(values):
    with pytest.raises(DataError, match="correction"):
        from_json(values)

"""The six parts of a picture that a caption names."""

import pytest

from lexseg.language.parts import named_parts

YES, NO = True, False


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("two infected areas, all left lung and lower right lung", ((YES, NO), (YES, NO), (YES, YES))),
        ("one infected area, middle lower right lung", ((NO, NO), (NO, YES), (NO, YES))),
        ("a bright square on the left", ((YES, NO), (YES, NO), (YES, NO))),
        ("opacity in both upper zones", ((YES, YES), (NO, NO), (NO, NO))),
        ("a polyp", None),
    ],
)
def test_halves_by_thirds(text, parts):
    assert named_parts(text) == parts

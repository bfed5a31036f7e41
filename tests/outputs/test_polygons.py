"""Outlines of masks: filled again, they are the mask."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays

from lexseg.outputs.polygons import mask_polygons


def filled(rings, shape):
    """By the even-odd rule: a row's pixels are inside behind an odd number of upright edges."""
    inside = np.zeros(shape, int)
    for ring in rings:
        for (x, y), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True):
            assert (x == x2) != (y == y2)  # an edge of pixels, and a corner at each end
            if x == x2:
                inside[min(y, y2) : max(y, y2), x:] += 1
    return inside % 2 == 1


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_filled_again_they_are_the_mask(mask):
    rings = mask_polygons(mask)
    assert np.array_equal(filled(rings, mask.shape), mask)
    for ring in rings:
        turns = [(b[0] - a[0] == 0) for a, b in zip(ring, ring[1:] + ring[:1], strict=True)]
        assert all(a != b for a, b in zip(turns, turns[1:] + turns[:1], strict=True))  # no corner that does not turn


def test_a_hole_is_a_ring_of_its_own():
    mask = np.zeros((6, 7), bool)
    mask[1:5, 2:7] = True
    mask[2:4, 3:5] = False
    outer, hole = sorted(mask_polygons(mask), key=lambda ring: min(ring))
    assert sorted(outer) == [[2, 1], [2, 5], [7, 1], [7, 5]]
    assert sorted(hole) == [[3, 2], [3, 4], [5, 2], [5, 4]]


@pytest.mark.parametrize("most", [3, 4, 8])
def test_too_many_corners_are_not_listed(most):
    mask = np.eye(2, dtype=bool)
    rings = mask_polygons(mask, most)
    assert (rings is None) == (most < 8)
    assert mask_polygons(np.zeros((4, 4), bool), most) == []

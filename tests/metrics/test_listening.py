"""Following, switching and spread: by hand, by drawing, and by what must hold for any masks."""

import statistics

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lexseg.metrics.listening import (
    check_region,
    follow_rate,
    iou_matrix,
    paraphrase_spread,
    switch_score,
    within,
)
from lexseg.metrics.overlap import iou

MASKS = arrays(bool, (4, 6))


def drawn(*rows):
    return np.array([[character == "#" for character in row] for row in rows])


FILM = drawn(
    "##......##",
    "##......##",
    "..........",
    "..........",
    ".#......#.",
    ".#......#.",
    "..........",
    "..........",
    "....###...",
)


@pytest.mark.parametrize(
    ("region", "pixels"),
    [
        ("left", 6),
        ("right", 9),  # the lowest component crosses the midline and has its centroid right of it
        ("upper", 8),
        ("middle", 4),
        ("lower", 3),
        ("left upper", 4),
        ("upper left", 4),
        ("left lower", 0),
        ("center", 3),
        ("center lower", 3),
        ("center upper", 0),
    ],
)
def test_regions_of_whole_components(region, pixels):
    assert within(FILM, region).sum() == pixels
    assert follow_rate(FILM, region) == pytest.approx(pixels / 15)


def test_a_component_is_not_cut_at_the_midline():
    crossing = drawn("...####...", "..........")
    assert follow_rate(crossing[:, :-1], "right") == 1  # centroid in column 4.5 of nine
    assert follow_rate(crossing[:, :-1], "left") == 0
    shifted = drawn("..####....")
    assert follow_rate(shifted, "left") == 1


def test_corners_connect():
    stairs = drawn("###......", "...#.....", "....#....")
    assert within(stairs, "left").sum() == 5


def test_an_empty_prediction_does_not_follow():
    assert follow_rate(np.zeros((5, 5), bool), "left") == 0


@pytest.mark.parametrize("region", ["west", "left right", "upper lower middle", "left center"])
def test_no_such_place(region):
    with pytest.raises(ValueError):
        check_region(region)


def test_without_a_place_nothing_is_followed():
    assert check_region("  ") == ()
    assert within(FILM, "").sum() == FILM.sum()
    with pytest.raises(ValueError, match="empty"):
        follow_rate(FILM, "")


@settings(max_examples=200, deadline=None)
@given(MASKS)
def test_halves_and_thirds_share_the_mask_among_them(mask):
    halves = [within(mask, side) for side in ("left", "right")]
    thirds = [within(mask, zone) for zone in ("upper", "middle", "lower")]
    for parts in (halves, thirds):
        assert np.array_equal(np.sum(parts, axis=0), mask.astype(int))
    if mask.any():
        assert follow_rate(mask, "left") + follow_rate(mask, "right") == pytest.approx(1)


@settings(max_examples=100, deadline=None)
@given(arrays(bool, (3, 4, 6)), arrays(bool, (2, 4, 6)))
def test_the_matrix_is_of_single_ious(predictions, targets):
    expected = [[iou(p, t) for t in targets] for p in predictions]
    assert iou_matrix(predictions, targets) == pytest.approx(np.array(expected))


@settings(max_examples=300, deadline=None)
@given(arrays(bool, (2, 4, 6)), arrays(bool, (2, 4, 6)))
def test_switching_lies_between_its_ends_and_turns_with_the_answers(predictions, targets):
    assume(targets.any(axis=(1, 2)).all() and not np.array_equal(*targets))
    score = switch_score(predictions, targets)
    assert -1 - 1e-9 <= score <= 1 + 1e-9
    assert switch_score(predictions[::-1], targets) == pytest.approx(-score)
    assert switch_score(targets, targets) == pytest.approx(1)
    assert switch_score(targets[::-1], targets) == pytest.approx(-1)
    same = np.stack([predictions[0]] * 2)
    assert switch_score(same, targets) == pytest.approx(0)


def test_switching_by_hand():
    """T1 and T2 share one of three pixels; P1 is T1, P2 is all of both: (1 + 2/3 - 1/3 - 2/3) / 2 / (2/3)."""
    targets = np.array([[[1, 1, 0]], [[0, 1, 1]]], dtype=bool)
    predictions = np.array([[[1, 1, 0]], [[1, 1, 1]]], dtype=bool)
    assert switch_score(predictions, targets) == pytest.approx(0.5)


def test_only_pairs_of_different_targets_count():
    """Of four expressions one names nothing and two name the same: two pairs are left, one answered by its target."""
    one, other, none = (np.zeros((2, 4), bool) for _ in range(3))
    one[:, :2], other[:, 2:] = True, True
    targets = np.stack([one, one, other, none])
    assert switch_score(np.stack([one, other, other, other]), targets) == pytest.approx((1 + 0) / 2)
    assert np.isnan(switch_score(targets[[0, 1, 3]], targets[[0, 1, 3]]))


def test_spread():
    assert paraphrase_spread([[0.8, 0.6], [0.9, 0.9, 0.9], [0.1]]) == pytest.approx(0.02**0.5 / 2)
    assert np.isnan(paraphrase_spread([[0.5], []]))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_spread_of_one_expression(dice):
    spread = paraphrase_spread([dice])
    assert spread == pytest.approx(statistics.stdev(dice), abs=1e-9)
    assert 0 <= spread <= 0.5**0.5 + 1e-9
    assert paraphrase_spread([dice[::-1]]) == pytest.approx(spread)

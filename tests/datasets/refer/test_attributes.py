"""What is measured of targets, against figures that can be worked out by hand."""

import json

import numpy as np
import pytest

from lexseg.datasets.refer.anatomy import ANATOMIES
from lexseg.datasets.refer.attributes import MOST_DESCRIBED, measure
from lexseg.datasets.refer.describe import MOST_OTHERS, describe
from lexseg.datasets.refer.predicates import in_zone, longer_than, of_brightness, of_shape, of_size, on_side
from lexseg.datasets.refer.targets import components
from referring import ellipse, targets_of


def test_a_rectangle():
    mask = np.zeros((60, 100), bool)
    mask[40:50, 10:30] = True
    (target,) = measure(components(mask), np.zeros((60, 100)), min_area=0.01, spacing=(2.0, 0.5))
    assert (target.area, target.fraction, target.area_mm2) == (200, pytest.approx(200 / 6000, rel=1e-4), 200)
    assert target.box == (40, 10, 10, 20)
    assert target.centroid == (44.5, 19.5)
    assert (target.x, target.y) == (0.2, 0.75)
    assert target.left == 1
    assert target.rows == (0, 0, 1)
    assert target.columns == (1, 0, 0)
    assert target.diameter_mm == pytest.approx(2 * (200 / np.pi) ** 0.5, rel=1e-4)
    # 20 mm high and 10 mm wide: the axes of a rectangle's ellipse are its sides by 2 / sqrt(3)
    assert target.length_mm == pytest.approx(20 * 2 / 3**0.5, rel=1e-4)
    assert target.elongation == pytest.approx(2, rel=1e-4)
    assert target.fill == pytest.approx(3 / np.pi, rel=1e-3)
    assert not target.speck


def test_a_target_over_the_midline_is_on_no_side_for_sure():
    (middle,) = targets_of((60, 60, 10, 10))
    (mostly,) = targets_of((60, 30, 10, 40))
    assert middle.left == pytest.approx(0.5, abs=0.05)
    assert on_side(middle, "left") is None and on_side(middle, "right") is None
    # its centroid is plainly on the left, yet a good part is not
    assert mostly.x < 0.3 and on_side(mostly, "left") is True
    (reaching,) = targets_of((60, 48, 10, 40))
    assert reaching.x < 0.45 and on_side(reaching, "left") is None


def test_specks_lie_where_their_centroid_lies():
    (speck,) = targets_of((58, 58, 1, 1))
    assert speck.speck and not speck.describable
    assert on_side(speck, "left") is True and on_side(speck, "right") is False
    assert of_shape(speck, "round") is None


def test_zones_are_thirds_of_the_image_or_of_the_organ():
    (target,) = targets_of((100, 30, 9, 14))
    assert in_zone(target, "lower") is True and in_zone(target, "upper") is False
    organ = np.zeros((120, 120), bool)
    organ[90:120] = True
    (inside,) = targets_of((100, 30, 3, 14), organ=organ)
    assert inside.frame_y == pytest.approx((100.5 - 90) / 30, abs=0.01)
    assert in_zone(inside, "lower") is False
    (two_zones,) = targets_of((40, 30, 15, 10))
    assert in_zone(two_zones, "upper") is None and in_zone(two_zones, "middle") is None
    assert in_zone(two_zones, "lower") is False


def test_an_empty_organ_mask_counts_as_none():
    (with_empty,) = targets_of((100, 30, 9, 14), organ=np.zeros((120, 120), bool))
    (without,) = targets_of((100, 30, 9, 14))
    assert with_empty == without


def test_shapes():
    (disk,) = targets_of((60, 30, 14, 14))
    (band,) = targets_of((60, 30, 4, 20))
    cross = np.zeros((120, 120), bool)
    cross[30:90, 55:60] = cross[55:60, 30:90] = True
    (star,) = measure(components(cross), np.zeros((120, 120)), min_area=0.001)
    truths = [[of_shape(t, shape) for shape in ("round", "elongated", "irregular")] for t in (disk, band, star)]
    assert truths == [[True, False, False], [False, True, False], [False, False, True]]


def test_brightness_is_held_against_the_ring_around_and_other_targets_are_left_out():
    image = np.full((120, 120), 0.5, np.float32)
    ellipse(image, 60, 30, 10, 10, 0.7)
    # a bright neighbour within the ring of the first
    ellipse(image, 60, 46, 4, 4, 1.0)
    first, second = targets_of((60, 30, 10, 10), (60, 46, 4, 4), image=image)
    assert first.contrast == pytest.approx(0.2, abs=1e-3)
    assert second.contrast == pytest.approx(0.5, abs=1e-3)
    assert of_brightness(first, "bright") is True and of_brightness(first, "dark") is False
    colour = np.repeat(image[..., None], 3, axis=2)
    assert targets_of((60, 30, 10, 10), (60, 46, 4, 4), image=colour)[0].contrast == first.contrast


def test_a_mask_that_fills_the_image_has_no_ring():
    (target,) = measure(components(np.ones((20, 20), bool)), np.zeros((20, 20)), min_area=0.1)
    assert target.contrast is None and of_brightness(target, "bright") is None
    assert on_side(target, "left") is None and in_zone(target, "middle") is None


def test_lengths_need_a_spacing():
    (unknown,) = targets_of((60, 30, 10, 10))
    (known,) = targets_of((60, 30, 10, 10), spacing=(1.0, 1.0))
    assert unknown.length_mm is None and longer_than(unknown, 5) is None
    assert known.length_mm == pytest.approx(20, abs=0.7)
    assert [longer_than(known, mm) for mm in (5, 20, 30)] == [True, None, False]


def test_size_has_a_band_between():
    chest = ANATOMIES["chest"]
    small, between, large = targets_of((20, 20, 5, 5), (60, 40, 11, 11), (90, 90, 25, 25), min_area=1e-3)
    assert [of_size(t, "small", chest) for t in (small, between, large)] == [True, False, False]
    assert [of_size(t, "large", chest) for t in (small, between, large)] == [False, False, True]


def test_described_targets_are_plain_json_with_ranks_and_relations():
    targets = targets_of((100, 30, 9, 14), (20, 90, 5, 5), (60, 60, 1, 1))
    found = describe(targets, ANATOMIES["chest"])
    assert json.loads(json.dumps(found, allow_nan=False))["count"] == 2
    assert found["others"] == 1 and len(found["targets"]) == 3
    large = next(t for t in found["targets"] if t.get("rank_by_size") == 1)
    small = next(t for t in found["targets"] if t.get("rank_by_size") == 2)
    assert (large["side"], large["zone"]) == ("left", "lower")
    assert (small["rank_from_top"], small["rank_from_left"]) == (1, 2)
    assert small["to_the_largest"] == ["above", "right_of"]
    assert large["to_the_largest"] == []


def test_thousands_of_specks_are_measured_at_once_and_written_in_part():
    noise = np.random.default_rng(0).random((512, 512)) < 0.02
    targets = measure(components(noise), np.zeros((512, 512)), min_area=1e-4)
    assert len(targets) > 2000 and all(target.speck for target in targets)
    found = describe(targets, ANATOMIES["grid"])
    assert len(found["targets"]) == MOST_OTHERS and found["others_left_out"] == len(targets) - MOST_OTHERS


def test_a_crowd_is_not_held_against_its_surroundings():
    dots = [(row, column, 3, 3) for row in range(5, 120, 10) for column in range(5, 120, 10)]
    targets = targets_of(*dots)
    assert sum(target.describable for target in targets) == len(dots) > MOST_DESCRIBED
    assert all(target.contrast is None for target in targets)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 50), (50, 1), (3, 200)])
def test_images_of_odd_shapes(shape):
    mask = np.zeros(shape, bool)
    mask.flat[0] = True
    for image in (np.zeros(shape, np.float32), np.zeros((*shape, 3), np.float32)):
        (target,) = measure(components(mask), image, min_area=0)
        assert (target.area, target.elongation) == (1, 1.0)
        assert describe([target], ANATOMIES["chest"])["count"] == 1

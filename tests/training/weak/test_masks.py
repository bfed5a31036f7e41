"""Masks from maps: thresholds, components, boxes and what is believed of an answer to a box."""

import numpy as np
import pytest
import torch

from lexseg.training.weak.masks import (
    FLAT,
    SIDE,
    believable,
    box_of,
    entropy,
    from_probability,
    grown,
    largest,
    make_mask,
    two_means,
    within,
)


class Fixed:
    """Answers any box with one mask, and remembers the box."""

    def __init__(self, mask: np.ndarray) -> None:
        self.probability, self.box = np.where(mask, np.float32(0.9), np.float32(0.1)), None

    def __call__(self, box):
        self.box = box
        return self.probability


def square(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[top:bottom, left:right] = True
    return mask


def coarse(*cells: tuple[int, int]) -> torch.Tensor:
    values = torch.zeros(16, 16)
    for row, column in cells:
        values[row, column] = 1.0
    return values


def test_two_means_are_those_of_the_clusters() -> None:
    values = np.array([0, 0, 0, 1, 9, 10, 11], np.float32)
    low, high = two_means(values)
    assert low == pytest.approx(0.25, abs=0.05) and high == pytest.approx(10, abs=0.05)


def test_two_means_agree_with_k_means() -> None:
    """Lloyd's algorithm on the numbers themselves, from the same start."""
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 1, 900), rng.normal(4, 1, 300)]).astype(np.float32)
    low, high = float(values.min()), float(values.max())
    for _ in range(100):
        above = values > (low + high) / 2
        low, high = float(values[~above].mean()), float(values[above].mean())
    assert two_means(values) == pytest.approx((low, high), abs=0.05)


@pytest.mark.parametrize("value", [0.0, 3.0, float("nan")])
def test_a_map_without_content_has_no_means(value: float) -> None:
    assert two_means(np.full((4, 4), value, np.float32)) is None


def test_the_largest_components_are_kept() -> None:
    mask = square(0, 0, 10, 10) | square(50, 50, 60, 58) | square(100, 100, 103, 103)
    assert largest(mask, 1).sum() == 100
    assert largest(mask, 2).sum() == 180
    assert np.array_equal(largest(mask, 5), mask)


def test_a_mask_is_where_the_map_is_high() -> None:
    made = make_mask(coarse((4, 4), (4, 5), (5, 4), (5, 5)))
    assert made.origin == "map" and made.mask[80, 80] and not made.mask[200, 200]
    assert np.array_equal(made.probability >= 0.5, made.mask)
    assert made.weight == pytest.approx(made.probability[made.mask].mean()) and 0.5 < made.weight <= 1
    assert made.box == pytest.approx((4 / 16, 4 / 16, 6 / 16, 6 / 16), abs=0.04)


def test_only_the_scale_of_a_map_does_not_matter() -> None:
    draw = torch.rand(16, 16, generator=torch.Generator().manual_seed(0))
    assert np.array_equal(make_mask(draw).mask, make_mask(draw * 1000 - 5).mask)


def test_an_empty_map_is_the_whole_image_with_little_weight() -> None:
    made = make_mask(torch.zeros(8, 8))
    assert made.origin == "whole image" and made.mask.all() and made.weight == FLAT
    assert made.box == (0.0, 0.0, 1.0, 1.0)


RIGHT = ((False, True),) * 3


def test_what_lies_outside_the_parts_that_are_named_is_left_out() -> None:
    cells = coarse((4, 4), (4, 5), (5, 4), (5, 5), (10, 12))
    made = make_mask(cells, inside=within(RIGHT))
    assert made.mask[168, 200] and not made.mask[:, : SIDE // 2].any() and made.weight > 0.5
    probable = from_probability(cells, inside=within(RIGHT))
    assert probable.mask[168, 200] and not probable.mask[:, : SIDE // 2].any()


def test_named_parts_in_which_nothing_is_are_kept_whole_with_little_weight() -> None:
    made = make_mask(coarse((4, 4), (4, 5)), inside=within(RIGHT))
    assert np.array_equal(made.mask, square(0, SIDE // 2, SIDE, SIDE))
    assert made.weight == FLAT and made.origin == "whole image" and made.box == (0.0, 0.5, 1.0, 1.0)
    assert np.array_equal(made.probability >= 0.5, made.mask)


def test_the_box_that_is_asked_is_a_little_larger() -> None:
    inner = square(70, 70, 90, 90)
    sam = Fixed(inner)
    made = make_mask(coarse((4, 4), (4, 5), (5, 4), (5, 5)), sam=sam)
    assert made.origin == "sam" and np.array_equal(made.mask, inner)
    assert sam.box == pytest.approx(grown(made.box))


@pytest.mark.parametrize(
    "answer", [square(0, 0, 0, 0), square(0, 0, 256, 256), square(150, 150, 250, 250)], ids=["none", "all", "elsewhere"]
)
def test_an_answer_that_cannot_be_believed_leaves_the_map(answer: np.ndarray) -> None:
    cells = coarse((4, 4), (4, 5), (5, 4), (5, 5))
    made, plain = make_mask(cells, sam=Fixed(answer)), make_mask(cells)
    assert made.origin == "map" and np.array_equal(made.mask, plain.mask) and made.weight == plain.weight


def test_a_fifth_may_lie_outside_and_not_more() -> None:
    box = (0.25, 0.25, 0.75, 0.75)
    assert believable(square(64, 64, 128, 192) | square(40, 64, 64, 128), box)  # 8192 inside, 1536 outside
    assert not believable(square(64, 64, 96, 192) | square(40, 64, 64, 128), box)  # 4096 inside, 1536 outside


def test_what_just_fills_its_box_is_no_object() -> None:
    box = (0.25, 0.25, 0.75, 0.75)
    assert not believable(square(64, 64, 192, 192), box)
    assert believable(square(64, 64, 184, 192), box)


def test_boxes_grow_within_the_image() -> None:
    assert grown((0.2, 0.4, 0.4, 0.6), 0.05) == pytest.approx((0.19, 0.39, 0.41, 0.61))
    assert grown((0.0, 0.0, 1.0, 1.0)) == (0.0, 0.0, 1.0, 1.0)
    assert box_of(np.zeros((4, 4), np.bool_)) == (0.0, 0.0, 1.0, 1.0)


def test_entropy_is_in_bits() -> None:
    found = entropy(np.array([0.5, 1.0, 0.0, 0.11], np.float32))
    assert found == pytest.approx([1.0, 0.0, 0.0, 0.4999], abs=1e-3)


def test_a_models_own_probability_is_cut_at_one_half() -> None:
    low = torch.full((8, 8), 0.4)
    assert not from_probability(low).mask.any() and from_probability(low).weight == FLAT
    low[2:4, 2:4] = 0.9
    made = from_probability(low)
    assert made.mask[80, 80] and not made.mask[200, 200]

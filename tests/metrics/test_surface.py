"""HD95 and surface Dice against brute force over all pairs of outline pixels, and on empty masks."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from monai.metrics import compute_hausdorff_distance, compute_surface_dice
from scipy.ndimage import binary_opening
from scipy.spatial.distance import cdist

from lexseg.metrics.surface import hd95, image_diagonal, nsd, surface_scores

PAIRS = st.tuples(st.integers(1, 8), st.integers(1, 8)).flatmap(lambda s: st.tuples(arrays(bool, s), arrays(bool, s)))
SPACINGS = st.none() | st.tuples(st.floats(0.1, 4), st.floats(0.1, 4))


def outline(mask):
    """Pixels of the mask with a neighbour above, below, left or right that is outside mask or image."""
    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.argwhere(mask & ~inside)


def brute(prediction, reference, spacing=None):
    scale = np.asarray(spacing or (1, 1))
    pairs = cdist(outline(prediction) * scale, outline(reference) * scale)
    return pairs.min(axis=1), pairs.min(axis=0)


def brute_hd95(prediction, reference, spacing=None, percentile=95):
    return max(np.percentile(d, percentile) for d in brute(prediction, reference, spacing))


def brute_nsd(prediction, reference, tolerance, spacing=None):
    both = np.concatenate(brute(prediction, reference, spacing))
    return np.mean(both <= tolerance + 1e-6)


@settings(max_examples=300, deadline=None)
@given(PAIRS, SPACINGS)
def test_equals_brute_force(pair, spacing):
    prediction, reference = pair
    if not prediction.any() or not reference.any():
        return
    assert hd95(prediction, reference, spacing=spacing) == pytest.approx(
        brute_hd95(prediction, reference, spacing), rel=1e-5
    )
    assert nsd(prediction, reference) == pytest.approx(brute_nsd(prediction, reference, 2.0))
    scores = surface_scores(prediction, reference, spacing=spacing)
    assert scores.hd95 == hd95(prediction, reference, spacing=spacing)
    assert scores.nsd == nsd(prediction, reference)


@pytest.mark.parametrize("spacing", [None, (0.5, 2.0)])
def test_blobs_in_a_large_image_equal_brute_force_and_monai(spacing):
    """The crop to the bounding box changes nothing, wherever the masks lie."""
    rng = np.random.default_rng(1)
    for _ in range(10):
        masks = []
        for _ in range(2):
            mask = np.zeros((120, 160), bool)
            top, left = rng.integers(0, 90), rng.integers(0, 120)
            blob = binary_opening(rng.random((30, 40)) < 0.8)
            blob[:4, :4] = True
            mask[top : top + 30, left : left + 40] = blob
            masks.append(mask)
        prediction, reference = masks
        assert hd95(prediction, reference, spacing=spacing) == pytest.approx(
            brute_hd95(prediction, reference, spacing), rel=1e-5
        )
        assert nsd(prediction, reference, tolerance=3, spacing=spacing) == pytest.approx(
            brute_nsd(prediction, reference, 3, spacing)
        )
        tensors = [torch.from_numpy(m)[None, None] for m in masks]
        monai = compute_hausdorff_distance(*tensors, include_background=True, percentile=95, spacing=spacing)
        assert hd95(prediction, reference, spacing=spacing) == pytest.approx(float(monai), rel=1e-5)
        monai = compute_surface_dice(*tensors, class_thresholds=[3], include_background=True, spacing=spacing)
        assert nsd(prediction, reference, tolerance=3, spacing=spacing) == pytest.approx(float(monai))


def test_known_distances():
    one, other = np.zeros((20, 30), bool), np.zeros((20, 30), bool)
    one[3, 4], other[6, 8] = True, True
    assert hd95(one, other) == pytest.approx(5)
    assert hd95(one, other, spacing=(2, 0.5)) == pytest.approx(np.hypot(6, 2))
    assert (nsd(one, other), nsd(one, other, tolerance=5)) == (0, 1)
    assert nsd(one, other, tolerance=np.hypot(6, 2), spacing=(2, 0.5)) == 1


def test_a_shift_of_two_pixels_is_within_the_tolerance_and_three_is_not():
    mask = np.zeros((30, 30), bool)
    mask[5:15, 5:15] = True
    assert nsd(np.roll(mask, 2, axis=1), mask) == 1
    assert nsd(np.roll(mask, 3, axis=1), mask) < 1
    assert hd95(np.roll(mask, 3, axis=1), mask) == 3


def test_masks_that_touch_the_border():
    """The border of the image is outline: a mask cut by it must not lose its edge there."""
    left, whole = np.zeros((10, 10), bool), np.ones((10, 10), bool)
    left[:, :5] = True
    assert hd95(left, whole, percentile=100) == 5
    assert hd95(left, whole) == pytest.approx(brute_hd95(left, whole))
    assert (hd95(whole, whole), nsd(whole, whole)) == (0, 1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (6, 9)])
@pytest.mark.parametrize("spacing", [None, (0.5, 3.0)])
def test_empty_masks_follow_our_rule(shape, spacing):
    empty, full = np.zeros(shape, bool), np.ones(shape, bool)
    diagonal = image_diagonal(shape, spacing)
    scale = spacing or (1, 1)
    assert diagonal == pytest.approx(np.hypot(shape[0] * scale[0], shape[1] * scale[1]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (hd95(empty, empty, spacing=spacing), nsd(empty, empty)) == (0, 1)
        assert (hd95(empty, full, spacing=spacing), nsd(empty, full)) == (diagonal, 0)
        assert (hd95(full, empty, spacing=spacing), nsd(full, empty)) == (diagonal, 0)
        assert (hd95(full, full, spacing=spacing), nsd(full, full)) == (0, 1)
        assert surface_scores(empty, full, spacing=spacing).hd95 == diagonal
        assert surface_scores(empty, empty).nsd == 1


@settings(max_examples=100, deadline=None)
@given(PAIRS, SPACINGS)
def test_a_miss_is_never_better_than_a_bad_hit(pair, spacing):
    prediction, reference = pair
    if not reference.any():
        return
    missed = hd95(np.zeros_like(reference), reference, spacing=spacing)
    assert np.isfinite(missed)
    assert hd95(prediction, reference, spacing=spacing) <= missed * (1 + 1e-6)


def test_probabilities_are_refused():
    with pytest.raises(ValueError, match="bool"):
        hd95(np.zeros((3, 3)), np.zeros((3, 3), bool))

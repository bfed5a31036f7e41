"""Dice and IoU against MONAI, against each other and on empty masks."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from monai.metrics import DiceMetric, MeanIoU

from lexseg.metrics.overlap import (
    Counts,
    Pooled,
    counts,
    counts_per_image,
    dice,
    dice_from_counts,
    dice_per_image,
    iou,
    iou_from_counts,
    pixel_counts,
    pooled,
)

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))
PAIRS = SHAPES.flatmap(lambda s: st.tuples(arrays(bool, s), arrays(bool, s)))


def as_monai(mask):
    return torch.from_numpy(mask.astype(np.float32))[None, None]


@pytest.mark.parametrize("density", [0.02, 0.3, 0.9])
def test_agrees_with_monai(density):
    rng = np.random.default_rng(0)
    monai_dice, monai_iou = DiceMetric(ignore_empty=False), MeanIoU(ignore_empty=False)
    for _ in range(25):
        shape = tuple(rng.integers(1, 40, size=2))
        prediction, reference = rng.random(shape) < density, rng.random(shape) < density
        assert dice(prediction, reference) == pytest.approx(
            float(monai_dice(as_monai(prediction), as_monai(reference))), abs=1e-6
        )
        if prediction.any() or reference.any():  # MONAI's IoU leaves "both empty" to chance of its options
            assert iou(prediction, reference) == pytest.approx(
                float(monai_iou(as_monai(prediction), as_monai(reference))), abs=1e-6
            )


@settings(max_examples=200, deadline=None)
@given(PAIRS)
def test_one_image_obeys_the_identity_and_is_symmetric(pair):
    prediction, reference = pair
    d, j = dice(prediction, reference), iou(prediction, reference)
    assert 0 <= j <= d <= 1
    assert j == pytest.approx(d / (2 - d))
    assert (d, j) == (dice(reference, prediction), iou(reference, prediction))


def test_empty_rule():
    empty, full = np.zeros((3, 4), bool), np.ones((3, 4), bool)
    assert (dice(empty, empty), iou(empty, empty)) == (1.0, 1.0)
    assert (dice(full, empty), iou(full, empty)) == (0.0, 0.0)
    assert (dice(empty, full), iou(empty, full)) == (0.0, 0.0)


def test_counts_refuse_probabilities_and_other_shapes():
    with pytest.raises(ValueError, match="bool"):
        counts(np.zeros((2, 2)), np.zeros((2, 2), bool))
    with pytest.raises(ValueError, match="shape"):
        counts(np.zeros((2, 3), bool), np.zeros((2, 2), bool))


@settings(max_examples=50, deadline=None)
@given(st.lists(PAIRS, min_size=1, max_size=5))
def test_pooled_is_the_score_of_all_pixels_in_one_row(pairs):
    accumulator = Pooled()
    for prediction, reference in pairs:
        accumulator.add(prediction, reference)
    prediction, reference = (np.concatenate([p[i].ravel() for p in pairs]) for i in (0, 1))
    assert accumulator.images == len(pairs)
    assert accumulator.dice == dice(prediction, reference)
    assert accumulator.iou == iou(prediction, reference)
    total = accumulator.total
    assert pooled(total.tp, total.fp, total.fn) == (accumulator.dice, accumulator.iou)
    assert (total.predicted, total.reference) == (prediction.sum(), reference.sum())


def test_pooled_and_mean_differ():
    """One large good image and one small missed one: the reason why a score names its aggregation."""
    assert (Counts(90, 5, 5) + Counts(0, 0, 10)).dice == pytest.approx(0.9)
    assert np.mean([Counts(90, 5, 5).dice, Counts(0, 0, 10).dice]) == pytest.approx(0.4737, abs=1e-4)


@pytest.mark.parametrize("kind", ["bool", "logits"])
def test_batched_equals_one_by_one(kind):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 1, 7, 5, generator=generator)
    mask = torch.rand(6, 1, 7, 5, generator=generator) < 0.4
    logits[0], mask[0] = -1, False
    logits[1], mask[2] = -1, False
    prediction = logits > 0 if kind == "bool" else logits
    expected = [counts((logits[i, 0] > 0).numpy(), mask[i, 0].numpy()) for i in range(6)]
    tallies = counts_per_image(prediction, mask.float())
    assert tallies.tolist() == [[c.tp, c.fp, c.fn] for c in expected]
    assert dice_per_image(prediction, mask).tolist() == pytest.approx([c.dice for c in expected])
    assert iou_from_counts(tallies).tolist() == pytest.approx([c.iou for c in expected])
    assert torch.equal(torch.stack([pixel_counts(p[0], m[0]) for p, m in zip(prediction, mask, strict=True)]), tallies)
    whole = sum(expected, Counts())
    assert float(dice_from_counts(tallies.sum(0))) == pytest.approx(whole.dice)
    assert float(iou_from_counts(tallies.sum(0))) == pytest.approx(whole.iou)


def test_invalid_pixels_do_not_count():
    mask = torch.tensor([[[[True, True, False]]]])
    found = torch.tensor([[[[True, False, True]]]])
    valid = torch.tensor([[[[True, False, False]]]])
    assert counts_per_image(found, mask, valid=valid).tolist() == [[1, 0, 0]]
    assert dice_per_image(found, mask, valid=valid).tolist() == [1.0]
    assert dice_per_image(found, mask).tolist() == [0.5]


def test_large_counts_stay_exact():
    """float32 counts lose pixels above 2**24: a pooled test set has more."""
    tallies = torch.tensor([2**25 + 1, 0, 2**25 + 1])
    assert float(dice_from_counts(tallies)) == pytest.approx(2 / 3, abs=1e-7)

"""Thresholds that lose few, against every threshold that there is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexseg.metrics.operating import SIZES, operating_threshold, size_class
from lexseg.models.config import OPERATING_POINTS

PAIRS = st.lists(st.tuples(st.sampled_from([-2.0, -0.5, 0.0, 0.1, 0.25, 3.0]), st.booleans()), min_size=1, max_size=30)


@settings(max_examples=300, deadline=None)
@given(PAIRS, st.sampled_from([0.0, 0.05, 0.1, 0.15, 0.5, 0.9]))
def test_no_other_threshold_that_loses_so_few_denies_more(pairs, lost):
    scores, truth = np.array([s for s, _ in pairs]), np.array([t for _, t in pairs])
    if not truth.any():
        with pytest.raises(ValueError, match="at least one true sample"):
            operating_threshold(scores, truth, lost)
        return
    threshold = operating_threshold(scores, truth, lost)

    def denied(cut):
        return (scores[truth] < cut).sum(), (scores[~truth] < cut).sum()

    missed, rejected = denied(threshold)
    assert missed <= lost * truth.sum() + 1e-9
    others = [denied(cut) for cut in np.linspace(-3, 4, 1401)]
    assert rejected == max(r for m, r in others if m <= lost * truth.sum() + 1e-9)
    assert threshold not in scores  # rounding of a score must not decide


def test_a_higher_loss_never_lowers_the_threshold():
    rng = np.random.default_rng(0)
    scores, truth = rng.normal(size=400), rng.random(400) < 0.4
    cuts = [operating_threshold(scores, truth, lost) for lost in (0, *OPERATING_POINTS.values(), 0.5)]
    assert cuts == sorted(cuts) and len(set(cuts)) == len(cuts)


@pytest.mark.parametrize("lost", [-0.1, 1.0])
def test_shares_that_are_none(lost):
    with pytest.raises(ValueError, match="share"):
        operating_threshold([0.0, 1.0], [True, False], lost)
    with pytest.raises(ValueError, match="finite"):
        operating_threshold([np.nan, 1.0], [True, False], 0.1)


def test_every_target_is_of_one_class_of_size():
    ends = [ends for pair in SIZES.values() for ends in pair]
    assert ends[0] == 0 and ends[1:-1:2] == ends[2::2]
    assert [size_class(share) for share in (1e-6, 0.0049, 0.005, 0.02, 0.0999, 0.1, 1.0)] == [
        "below 0.5 %", "below 0.5 %", "0.5 to 2 %", "2 to 10 %", "2 to 10 %", "10 % and more", "10 % and more",
    ]  # fmt: skip

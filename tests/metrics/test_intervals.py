"""Bootstrap intervals: coverage, clusters, seeds."""

import numpy as np
import pytest
from scipy import stats

from lexseg.metrics.intervals import bootstrap_difference, bootstrap_mean, bootstrap_ratio, bootstrap_weighted


def test_agrees_with_scipy_where_each_image_is_its_own_patient():
    values = np.random.default_rng(0).beta(5, 2, size=200)
    ours = bootstrap_mean(values, seed=1)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=2000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    assert ours.mean == pytest.approx(values.mean())
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=width / 10)
    assert ours.high == pytest.approx(theirs.high, abs=width / 10)
    assert ours.clusters == 200


def test_copies_of_a_patient_add_no_certainty():
    """Ten identical images of each patient: the interval stays that of the patients, and does not shrink."""
    values = np.random.default_rng(0).random(60)
    patients = [f"p{i}" for i in range(60)]
    once = bootstrap_mean(values, patients)
    tenfold = bootstrap_mean(np.repeat(values, 10), np.repeat(patients, 10))
    naive = bootstrap_mean(np.repeat(values, 10))
    assert tenfold.clusters == 60
    assert (tenfold.low, tenfold.high) == pytest.approx((once.low, once.high))
    assert naive.high - naive.low < 0.5 * (tenfold.high - tenfold.low)


def test_large_clusters_weigh_by_their_images():
    values, patients = [1.0] * 9 + [0.0], ["a"] * 9 + ["b"]
    assert bootstrap_mean(values, patients).mean == pytest.approx(0.9)


def test_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(200):
        level = rng.normal(0.8, 0.1, size=40)
        values = np.repeat(level, 3) + rng.normal(0, 0.02, size=120)
        interval = bootstrap_mean(values, np.repeat(np.arange(40), 3).astype(str), n_resamples=400, seed=trial)
        hits += interval.low <= 0.8 <= interval.high
    assert 0.88 <= hits / 200 <= 0.99


def test_same_seed_same_interval():
    values = np.random.default_rng(0).random(50)
    assert bootstrap_mean(values, seed=3) == bootstrap_mean(values, seed=3)
    assert bootstrap_mean(values, seed=3) != bootstrap_mean(values, seed=4)


def test_portions_do_not_change_the_draws(monkeypatch):
    values = np.random.default_rng(0).random(50)
    whole = bootstrap_mean(values)
    monkeypatch.setattr("lexseg.metrics.intervals._DRAWS_AT_ONCE", 333)
    again = bootstrap_mean(values)
    assert [again.low, again.high] == pytest.approx([whole.low, whole.high], rel=1e-12)  # but for rounding


def test_paired_difference_is_narrower_than_the_scores():
    rng = np.random.default_rng(0)
    hard = rng.random(100)
    first, second = hard + 0.05 + rng.normal(0, 0.01, 100), hard
    difference = bootstrap_difference(first, second)
    assert difference.mean == pytest.approx(0.05, abs=0.005)
    assert difference.low > 0.04
    with pytest.raises(ValueError, match="shape"):
        bootstrap_difference(first, second[:-1])


def test_pooled_ratio():
    interval = bootstrap_ratio([90.0, 0.0, 40.0], [100.0, 20.0, 50.0], ["a", "b", "c"])
    assert interval.mean == pytest.approx(130 / 170)
    assert 0 <= interval.low < interval.mean < interval.high <= 0.9


@pytest.mark.parametrize("values", [[], [0.7]])
def test_nothing_to_resample(values):
    interval = bootstrap_mean(values)
    assert not interval.known
    assert np.isnan(interval.mean) if not values else interval.mean == 0.7


def test_refuses_what_is_not_a_score():
    with pytest.raises(ValueError, match="finite"):
        bootstrap_mean([0.5, float("nan")])
    with pytest.raises(ValueError, match="length"):
        bootstrap_mean([0.5, 0.6], ["a"])


def test_a_weighted_mean_has_the_interval_of_the_mean():
    """Drawing patients and counting how often each was drawn is the same, draw by draw."""
    values = np.random.default_rng(0).random(40)
    patients = [f"p{i // 3}" for i in range(40)]
    one = bootstrap_mean(values, patients, n_resamples=200, seed=3)
    other = bootstrap_weighted(lambda w: float(np.average(values, weights=w)), patients, n_resamples=200, seed=3)
    assert (other.low, other.high, other.clusters) == pytest.approx((one.low, one.high, one.clusters))
    assert other.mean == pytest.approx(one.mean)


def test_samples_without_a_score_are_left_out():
    """Where a resample lacks one of the classes there is nothing to tell apart."""
    held = np.array([True, False, False])
    score = bootstrap_weighted(lambda w: float("nan") if w[held].sum() == 0 else 0.5, ["a", "b", "c"], n_resamples=50)
    assert (score.mean, score.low, score.high) == (0.5, 0.5, 0.5)
    assert not bootstrap_weighted(lambda w: float("nan"), ["a", "b"], n_resamples=5).known
    assert not bootstrap_weighted(lambda w: 1.0, ["a", "a"], n_resamples=5).known


def test_a_score_that_one_patient_carries_has_no_interval():
    found = bootstrap_ratio([3.0, 0.0, 0.0, 0.0], [5.0, 0.0, 0.0, 0.0], ["a", "b", "c", "d"])
    assert found.mean == 0.6 and not found.known
    both = bootstrap_ratio([3.0, 1.0, 0.0, 0.0], [5.0, 5.0, 0.0, 0.0], ["a", "b", "c", "d"])
    assert (both.low, both.high) == (0.2, 0.6)

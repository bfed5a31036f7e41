"""AUROC and calibration error against torchmetrics and against counting pairs."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import binary_auroc, binary_calibration_error

from lexseg.metrics.calibration import auroc, expected_calibration_error, reliability, reliability_by_mass

SCORED = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()), min_size=1, max_size=25)


def columns(pairs):
    return [p for p, _ in pairs], np.array([t for _, t in pairs], dtype=bool)


@settings(max_examples=200, deadline=None)
@given(SCORED)
def test_auroc_counts_pairs(pairs):
    scores, truth = columns(pairs)
    true, false = ([s for s, t in pairs if t is kind] for kind in (True, False))
    if not true or not false:
        assert np.isnan(auroc(scores, truth))
        return
    wins = [1.0 if a > b else 0.5 if a == b else 0.0 for a in true for b in false]
    assert auroc(scores, truth) == pytest.approx(np.mean(wins))


@pytest.mark.parametrize("decimals", [1, 6])
def test_agrees_with_torchmetrics(decimals):
    rng = np.random.default_rng(0)
    truth = rng.random(400) < 0.3
    scores = np.clip(rng.normal(0.4 + 0.2 * truth, 0.2), 0, 1).round(decimals)
    ours = auroc(scores, truth)
    assert ours == pytest.approx(float(binary_auroc(torch.tensor(scores), torch.tensor(truth).int())), abs=1e-6)


def test_calibration_error_agrees_with_torchmetrics():
    rng = np.random.default_rng(1)
    for _ in range(10):
        said = rng.random(300)
        truth = rng.random(300) < said**2
        for bins in (5, 15):
            theirs = binary_calibration_error(torch.tensor(said), torch.tensor(truth).int(), n_bins=bins)
            assert expected_calibration_error(said, truth, bins=bins) == pytest.approx(float(theirs), abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(SCORED, st.data())
def test_weights_are_repetitions(pairs, data):
    scores, truth = columns(pairs)
    times = data.draw(st.lists(st.integers(0, 3), min_size=len(pairs), max_size=len(pairs)))
    again = np.repeat(np.arange(len(pairs)), times)
    for measure in (auroc, expected_calibration_error):
        one = measure(scores, truth, weight=times)
        other = measure(np.array(scores)[again], truth[again])
        assert one == pytest.approx(other, nan_ok=True)


def test_the_table():
    """Ten samples said 0.2 of which two are true, four said 1 of which one is: 4/14 * 0.75 off."""
    said, truth = [0.2] * 10 + [1.0] * 4, np.array([True] * 2 + [False] * 8 + [True] + [False] * 3)
    table = reliability(said, truth, bins=4)
    assert table.edges.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert table.count.tolist() == [10, 0, 0, 4]
    assert table.said[[0, 3]].tolist() == pytest.approx([0.2, 1])
    assert table.true[[0, 3]].tolist() == pytest.approx([0.2, 0.25])
    assert np.isnan(table.said[1]) and np.isnan(table.true[2])
    assert table.error == pytest.approx(4 / 14 * 0.75)


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(ValueError, match="0 and 1"):
        reliability([1.2], np.array([True]))
    with pytest.raises(ValueError, match="finite"):
        auroc([float("nan")], np.array([True]))
    with pytest.raises(ValueError, match="bool"):
        auroc([0.3], np.array([1]))
    with pytest.raises(ValueError, match="equal length"):
        auroc([0.3, 0.4], np.array([True]))
    assert np.isnan(expected_calibration_error([], np.array([], dtype=bool)))


def by_halves(said, truth, bins):
    """Bins of equal mass by a second way: sorted samples dealt into portions of equal number."""
    order = np.argsort(said, kind="stable")
    portions = np.array_split(order, bins)
    return [(len(p), said[p].mean(), truth[p].mean()) for p in portions]


@pytest.mark.parametrize(("n", "bins"), [(300, 15), (45, 15), (20, 4)])
def test_bins_of_equal_mass_are_portions_of_the_sorted_samples(n, bins):
    rng = np.random.default_rng(n)
    said = rng.permutation(np.linspace(0.01, 0.99, n)) ** 3  # most of them near 0
    truth = rng.random(n) < said
    table = reliability_by_mass(said, truth, bins=bins)
    expected = by_halves(said, truth, bins)
    np.testing.assert_allclose(np.column_stack([table.count, table.said, table.true]), expected)
    error = sum(k * abs(s - t) for k, s, t in expected) / n
    assert expected_calibration_error(said, truth, bins=bins, equal_mass=True) == pytest.approx(error)
    assert table.edges[0] == said.min() and table.edges[-1] == said.max() and (np.diff(table.edges) > 0).all()


@settings(max_examples=100, deadline=None)
@given(SCORED, st.integers(1, 6), st.data())
def test_neither_order_nor_weight_matters_to_bins_of_equal_mass(pairs, bins, data):
    scores, truth = columns(pairs)
    times = data.draw(st.lists(st.integers(0, 3), min_size=len(pairs), max_size=len(pairs)))
    again = data.draw(st.permutations(np.repeat(np.arange(len(pairs)), times).tolist()))
    one = reliability_by_mass(scores, truth, bins=bins, weight=times)
    other = reliability_by_mass(np.array(scores)[again], truth[again], bins=bins)
    for name in ("count", "said", "true"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-12)
    if again:
        np.testing.assert_allclose(one.count, len(again) / bins)


@settings(max_examples=100, deadline=None)
@given(SCORED, st.integers(1, 6))
def test_equal_answers_share_their_mean_truth_among_bins(pairs, bins):
    """By a third way: each sample replaced by so many small ones, of its ties' mean truth, that no bin cuts one."""
    scores, truth = columns(pairs)
    scores = np.array(scores)
    mean = np.array([truth[scores == s].mean() for s in scores])
    order = np.argsort(scores, kind="stable")
    said, true = (np.repeat(values[order], bins) for values in (scores, mean))
    table = reliability_by_mass(scores, truth, bins=bins)
    np.testing.assert_allclose(table.said, said.reshape(bins, -1).mean(1))
    np.testing.assert_allclose(table.true, true.reshape(bins, -1).mean(1))


def test_perfect_and_overconfident_answers_in_bins_of_equal_mass():
    rng = np.random.default_rng(5)
    chance = rng.random(60_000)
    truth = rng.random(60_000) < chance
    assert expected_calibration_error(chance, truth, equal_mass=True) < 0.01
    sure = np.where(chance > 0.5, 0.99, 0.01)
    assert expected_calibration_error(sure, truth, bins=10, equal_mass=True) == pytest.approx(0.24, abs=0.01)
    assert np.isnan(expected_calibration_error([], np.zeros(0, bool), equal_mass=True))
    with pytest.raises(ValueError, match="between 0 and 1"):
        reliability_by_mass([1.5], [True])

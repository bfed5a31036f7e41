"""Paired tests: against brute force, against closed forms, and by how often they err."""

import math

import numpy as np
import pytest
from scipy import stats

from lexseg.metrics.comparison import PatientBootstrap, holm


def _brute(first, second, patients, n, seed):
    """One patient after the other, in plain Python: mean of the cases' differences in each sample."""
    names = sorted(set(patients))
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        chosen = [names[i] for i in rng.integers(0, len(names), size=len(names))]
        values = [a - b for name in chosen for a, b, p in zip(first, second, patients, strict=True) if p == name]
        found.append(sum(values) / len(values))
    return np.array(found)


def _means(boot, *runs):
    above = np.array(runs, dtype=float).T
    return boot.scores({"it": (above, np.ones_like(above))})["it"]


def test_samples_are_those_of_brute_force():
    rng = np.random.default_rng(0)
    patients = [f"p{i}" for i in rng.integers(0, 12, size=40)]
    first, second = rng.random(40), rng.random(40)
    boot = PatientBootstrap(patients, n_resamples=300, seed=5)
    a, b = _means(boot, first), _means(boot, second)
    expected = _brute(first, second, patients, 300, seed=5)
    assert (a[1] - b[1]) == pytest.approx(expected)
    found = boot.difference(a, b)
    assert found.value == pytest.approx(np.mean(first - second))
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(expected, [2.5, 97.5])))
    worse = min((expected <= 0).sum(), (expected >= 0).sum())
    assert found.p == pytest.approx(min(1, 2 * (worse + 1) / 301))


def test_pooled_difference_is_that_of_the_pixels():
    patients = ["a", "a", "b", "c"]
    tp, total = np.array([10.0, 0, 30, 5]), np.array([40.0, 10, 60, 20])
    boot = PatientBootstrap(patients, n_resamples=50, seed=0)
    pooled = {"pooled": ((2 * tp)[:, None], total[:, None]), "mean": ((2 * tp / total)[:, None], np.ones((4, 1)))}
    found = boot.scores(pooled)
    assert found["pooled"][0] == pytest.approx(2 * 45 / 130)
    assert found["mean"][0] == pytest.approx((0.5 + 0 + 1 + 0.5) / 4)


def test_portions_do_not_change_the_draws(monkeypatch):
    values = np.random.default_rng(0).random((30, 2))
    clusters = [str(i // 2) for i in range(30)]
    whole = PatientBootstrap(clusters, n_resamples=100, seed=1).sums(values)[1]
    monkeypatch.setattr("lexseg.metrics.intervals._DRAWS_AT_ONCE", 40)
    assert PatientBootstrap(clusters, n_resamples=100, seed=1).sums(values)[1] == pytest.approx(whole)


def test_p_goes_with_a_paired_t_test_of_independent_cases():
    rng = np.random.default_rng(3)
    second = rng.random(300)
    first = second + rng.normal(0.008, 0.12, size=300)
    boot = PatientBootstrap([str(i) for i in range(300)], n_resamples=20_000, seed=0)
    found = boot.difference(_means(boot, first), _means(boot, second))
    expected = stats.ttest_rel(first, second).pvalue
    assert 0.0005 < expected < 0.05
    assert found.p == pytest.approx(expected, rel=0.25)


def test_false_alarms_come_as_often_as_the_level_says():
    """No difference, three films of each patient: clustered, about one in twenty; film by film, far more."""
    rng = np.random.default_rng(0)
    wrong = {"patients": 0, "films": 0}
    trials = 300
    for trial in range(trials):
        each = np.repeat(rng.normal(0, 0.05, size=50), 3) + rng.normal(0, 0.01, size=150)
        for name, clusters in (("patients", np.repeat(np.arange(50), 3)), ("films", np.arange(150))):
            boot = PatientBootstrap([str(c) for c in clusters], n_resamples=400, seed=trial)
            wrong[name] += boot.difference(_means(boot, each), _means(boot, np.zeros(150))).p < 0.05
    assert 0.02 < wrong["patients"] / trials < 0.11
    assert wrong["films"] / trials > 0.15


def test_equal_methods_do_not_differ():
    values = np.random.default_rng(0).random(20)
    boot = PatientBootstrap([str(i) for i in range(20)], n_resamples=200, seed=0)
    found = boot.difference(_means(boot, values), _means(boot, values + 1e-16))
    assert found.p == 1 and found.low == pytest.approx(0) and found.high == pytest.approx(0)


def test_p_is_below_the_level_where_the_interval_leaves_zero_out():
    rng = np.random.default_rng(1)
    agree = 0
    for trial in range(60):
        each = rng.normal(0.02, 0.08, size=60)
        boot = PatientBootstrap([str(i) for i in range(60)], n_resamples=2000, seed=trial)
        found = boot.difference(_means(boot, each), _means(boot, np.zeros(60)))
        agree += (found.p < 0.05) == (found.low > 0 or found.high < 0)
    assert agree >= 58  # at the very edge the one that is added may decide


def test_seeds_are_averaged_before_pairing():
    rng = np.random.default_rng(2)
    seeds, other = rng.random((3, 25)), rng.random(25)
    boot = PatientBootstrap([str(i) for i in range(25)], n_resamples=200, seed=0)
    apart, together = _means(boot, *seeds), _means(boot, seeds.mean(axis=0))
    one = boot.difference(apart, _means(boot, other))
    both = boot.difference(together, _means(boot, other))
    assert (one.value, one.low, one.high, one.p) == pytest.approx((both.value, both.low, both.high, both.p))


def test_one_patient_leaves_nothing_to_resample():
    boot = PatientBootstrap(["a", "a"], n_resamples=50, seed=0)
    found = boot.difference(_means(boot, [0.5, 0.7]), _means(boot, [0.4, 0.4]))
    assert found.value == pytest.approx(0.2)
    assert math.isnan(found.p) and math.isnan(found.low)


def test_a_score_that_one_patient_carries_has_no_interval():
    boot = PatientBootstrap(["a", "a", "b", "c"], n_resamples=50, seed=0)
    terms = {"one": ([[1.0], [1.0], [0.0], [0.0]], [[2.0], [2.0], [0.0], [0.0]]), "all": ([[1.0]] * 4, [[2.0]] * 4)}
    found = boot.scores(terms)
    assert found["one"][0] == 0.5 and all(math.isnan(end) for end in boot.interval(found["one"][1]))
    assert boot.interval(found["all"][1]) == (0.5, 0.5)


def test_a_score_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="not finite"):
        PatientBootstrap(["a", "b"]).sums([[0.1], [float("nan")]])


def test_holm_by_hand():
    # Holm 1979: .01 x 4, .02 x 3, .03 x 2 (kept at the one before), .9 x 1
    assert holm([0.03, 0.01, 0.9, 0.02]) == pytest.approx([0.06, 0.04, 0.9, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_leaves_comparisons_out_that_could_not_be_made():
    found = holm([0.02, float("nan"), 0.03])
    assert found[0] == pytest.approx(0.04) and found[2] == pytest.approx(0.04) and math.isnan(found[1])


def test_holm_rejects_what_the_stepwise_rule_rejects():
    """The rule of the paper: walk up the sorted values, stop at the first above level / (those left)."""
    rng = np.random.default_rng(0)
    for _ in range(100):
        p = rng.random(7) ** 3
        rejected = set()
        for step, index in enumerate(np.argsort(p)):
            if p[index] > 0.05 / (7 - step):
                break
            rejected.add(int(index))
        assert {i for i, one in enumerate(holm(p.tolist())) if one <= 0.05} == rejected


def test_of_five_patients_there_is_an_interval_and_no_p():
    rng = np.random.default_rng(0)
    for patients in (1, 2, 5, 6, 30):
        clusters = [str(i % patients) for i in range(60)]
        boot = PatientBootstrap(clusters, n_resamples=500, seed=0)
        one, other = rng.normal(1, 0.1, (60, 1)), rng.normal(0, 0.1, (60, 1))
        ones = np.ones((60, 1))
        scores = boot.scores({"one": (one, ones), "other": (other, ones)})
        found = boot.difference(scores["one"], scores["other"])
        assert math.isnan(found.p) == (patients <= 5)
        assert math.isfinite(found.low) == (patients > 1)
        assert all(math.isnan(p) for p in holm([found.p])) == (patients <= 5)

"""Spoilt masks are wrong somewhere and near the truth; clicks lie in the largest error."""

import numpy as np
import pytest

from lexseg.training.refiner.spoil import next_click, spoilt


def disc(size=64, row=30, column=34, radius=14):
    rows, columns = np.ogrid[:size, :size]
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / max(1, np.count_nonzero(a) + np.count_nonzero(b))


def test_masks_are_spoilt_but_not_made_up():
    truth = disc()
    found = [dice(spoilt(truth, np.random.default_rng(seed)) >= 0.5, truth) for seed in range(40)]
    assert 0.4 < np.median(found) < 0.97 and max(found) < 1 and len({round(f, 6) for f in found}) > 20


@pytest.mark.parametrize("missing", [True, False])
def test_a_click_lies_in_the_largest_error(missing):
    truth = disc()
    now = truth.copy()
    now[truth.nonzero()[0].min()] = ~now[truth.nonzero()[0].min()]  # a thin error beside a thick one
    thick = disc(row=30, column=34, radius=6) if missing else disc(row=54, column=8, radius=6)
    now[thick] = not missing
    row, column, wanted = next_click(now.astype(np.float32), truth, np.random.default_rng(0))
    assert wanted is missing and thick[int(row), int(column)]


def test_a_right_mask_is_not_clicked():
    assert next_click(disc().astype(np.float32), disc(), np.random.default_rng(0)) is None


def test_where_nothing_is_all_can_only_be_too_much():
    empty = np.zeros((32, 32), bool)
    for seed in range(10):
        assert np.isfinite(spoilt(empty, np.random.default_rng(seed))).all()

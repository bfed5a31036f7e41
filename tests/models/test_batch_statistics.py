"""Passes whose statistics are not kept."""

import pytest
import torch
from torch import nn

from lexseg.models.parts.batch_statistics import statistics_not_kept


def norm() -> nn.BatchNorm2d:
    one = nn.BatchNorm2d(3)
    one(torch.randn(4, 3, 5, 5) * 3 + 2)
    return one


def test_a_pass_is_normalised_by_its_batch_and_leaves_nothing_behind() -> None:
    torch.manual_seed(0)
    one, x = norm(), torch.randn(4, 3, 5, 5)
    before = {name: value.clone() for name, value in one.named_buffers()}
    with statistics_not_kept(nn.Sequential(one)):
        found = one(x)
    assert all(torch.equal(value, before[name]) for name, value in one.named_buffers())
    torch.testing.assert_close(found, one(x))  # kept, this time
    assert not torch.equal(one.running_mean, before["running_mean"])


def test_in_evaluation_nothing_changes() -> None:
    one, x = norm().eval(), torch.randn(4, 3, 5, 5)
    with statistics_not_kept(one):
        found = one(x)
    torch.testing.assert_close(found, one(x))


def test_statistics_are_kept_again_after_an_error_and_never_where_they_were_not() -> None:
    both = nn.Sequential(norm(), nn.BatchNorm2d(3, track_running_stats=False))
    with pytest.raises(RuntimeError), statistics_not_kept(both):
        raise RuntimeError
    assert [m.track_running_stats for m in both] == [True, False]

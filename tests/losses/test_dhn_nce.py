"""DHN-NCE against results worked out by hand."""

import math

import pytest
import torch
from torch.nn import functional as F

from lexseg.losses.dhn_nce import dhn_nce


def likeness(n: int = 5, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    images, words = (F.normalize(torch.randn(n, 8, generator=draw), dim=-1) for _ in range(2))
    return images @ words.T


def by_loops(s: list[list[float]], beta: float, ignored: set[tuple[int, int]] = frozenset()) -> float:
    """The equation with one loop for each of its sums."""
    rows = []
    for i, row in enumerate(s):
        negatives = [j for j in range(len(s)) if j != i and (i, j) not in ignored]
        if not negatives:
            continue
        hardness = sum(math.exp(beta * row[k]) for k in negatives)
        weights = {j: len(negatives) * math.exp(beta * row[j]) / hardness for j in negatives}
        rows.append(-row[i] + math.log(sum(math.exp(row[j]) * weights[j] for j in negatives)))
    return sum(rows) / len(rows) if rows else 0.0


def test_worked_example() -> None:
    """Two pairs, tau 1: one negative a row, whose weight is 1, so that each row is s_ij - s_ii.

    Images: (-0.8 - 0.2) / 2 = -0.5; sentences: (-0.6 - 0.4) / 2 = -0.5.
    """
    s = torch.tensor([[0.9, 0.1], [0.3, 0.5]])
    assert float(dhn_nce(s, 1.0)) == pytest.approx(-1.0)
    assert float(dhn_nce(s, 0.5)) == pytest.approx(-2.0)


def test_all_alike_is_the_logarithm_of_the_negatives() -> None:
    """Weights are 1 whatever beta is: -s + log(3 exp(s)) = log 3, in each direction."""
    for value in (0.0, 0.7):
        s = torch.full((4, 4), value)
        assert float(dhn_nce(s, 0.07, beta=(0.15, 2.0))) == pytest.approx(2 * math.log(3), abs=1e-4)


@pytest.mark.parametrize("beta", [(0.15, 0.15), (0.0, 0.0), (1.0, 0.15)])
@pytest.mark.parametrize("temperature", [0.07, 0.6])
def test_is_its_equation(beta: tuple[float, float], temperature: float) -> None:
    s = likeness()
    rows = (s / temperature).tolist()
    columns = (s.T / temperature).tolist()
    expected = by_loops(rows, beta[0]) + by_loops(columns, beta[1])
    assert float(dhn_nce(s, temperature, beta=beta)) == pytest.approx(expected, rel=1e-4)


def test_ignored_pairs_are_in_no_sum() -> None:
    s, ignore = likeness(seed=1), torch.zeros(5, 5, dtype=torch.bool)
    ignore[0, 3] = ignore[3, 0] = ignore[1, 2] = True
    ignored = {(0, 3), (3, 0), (1, 2)}
    expected = by_loops((s / 0.1).tolist(), 0.15, ignored)
    expected += by_loops((s.T / 0.1).tolist(), 0.15, {(j, i) for i, j in ignored})
    assert float(dhn_nce(s, 0.1, ignore=ignore)) == pytest.approx(expected, rel=1e-4)


def test_ignored_pairs_have_no_gradient() -> None:
    s, ignore = likeness(seed=2).requires_grad_(), torch.zeros(5, 5, dtype=torch.bool)
    ignore[0, 3] = ignore[3, 0] = True
    (gradient,) = torch.autograd.grad(dhn_nce(s, 0.1, ignore=ignore), s)
    assert float(gradient[0, 3]) == float(gradient[3, 0]) == 0
    assert bool((gradient[~ignore] != 0).all())


def test_a_harder_negative_counts_more_with_beta() -> None:
    s = torch.tensor([[0.9, 0.6, -0.6], [0.0, 0.9, 0.0], [0.0, 0.0, 0.9]]).requires_grad_()

    def share(beta: float) -> float:
        (gradient,) = torch.autograd.grad(dhn_nce(s, 0.5, beta=(beta, 0.0)), s)
        return float(gradient[0, 1] / (gradient[0, 1] + gradient[0, 2]))

    assert share(0.5) > share(0.0)


def test_rows_without_negatives_say_nothing() -> None:
    s = likeness(seed=3).requires_grad_()
    loss = dhn_nce(s, 0.07, ignore=torch.ones(5, 5, dtype=torch.bool))
    (gradient,) = torch.autograd.grad(loss, s)
    assert loss.item() == 0 and not bool(gradient.any())


def test_what_does_not_belong_together_is_a_negative_alone() -> None:
    """Row 1 is no pair: rows 0 and 2 are as before, and it neither draws near nor counts in the mean."""
    s = likeness(3, seed=5).requires_grad_()
    loss = dhn_nce(s, 1.0, beta=(0.0, 0.0), pairs=torch.tensor([True, False, True]))
    a = s.tolist()
    images = [-a[i][i] + math.log(sum(math.exp(a[i][j]) for j in range(3) if j != i)) for i in (0, 2)]
    words = [-a[i][i] + math.log(sum(math.exp(a[j][i]) for j in range(3) if j != i)) for i in (0, 2)]
    assert loss.item() == pytest.approx((sum(images) + sum(words)) / 2, rel=1e-5)
    (gradient,) = torch.autograd.grad(loss, s)
    assert float(gradient[1, 1]) == 0 and float(gradient[1, 0]) > 0


def test_one_pair_is_finite() -> None:
    assert float(dhn_nce(torch.ones(1, 1), 0.07)) == 0


def test_it_is_not_the_released_code() -> None:
    """What the released code computes on such features is below zero; the equation is far above."""
    assert float(dhn_nce(likeness(16, seed=4), 0.07)) > 1

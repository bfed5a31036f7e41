"""Contrastive targets that know equal captions."""

import pytest
import torch
from torch.nn import functional as F

from lexseg.losses.contrastive import caption_targets, equal_regions, info_nce, soft_targets
from lexseg.losses.target import Target


def embeddings(n: int = 6, d: int = 8, seed: int = 0) -> torch.Tensor:
    return F.normalize(torch.randn(n, d, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_equal_captions_share_their_row() -> None:
    y = caption_targets(torch.tensor([7, 3, 7, -1, 3, 7]))
    assert torch.equal(y[0], torch.tensor([1, 0, 1, 0, 0, 1]) / 3)
    assert torch.equal(y[1], torch.tensor([0, 1, 0, 0, 1, 0]) / 2)
    assert torch.equal(y[3], torch.tensor([0, 0, 0, 1, 0, 0]).float())
    torch.testing.assert_close(y.sum(1), torch.ones(6))
    for i, j in ((0, 2), (0, 5), (1, 4)):
        assert torch.equal(y[i], y[j])


def test_distinct_captions_are_one_hot() -> None:
    assert torch.equal(caption_targets(torch.tensor([4, 2, 9])), torch.eye(3))


def test_ids_beyond_what_a_float_can_tell_apart() -> None:
    big = 2**62
    assert torch.equal(caption_targets(torch.tensor([big, big + 1, big])).bool(), torch.eye(3).bool() | (
        torch.tensor([[0, 0, 1], [0, 0, 0], [1, 0, 0]]) > 0
    ))  # fmt: skip


@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_one_hot_is_the_loss_of_clip(temperature: float) -> None:
    likeness = embeddings(seed=1) @ embeddings(seed=2).T
    logits, labels = likeness / temperature, torch.arange(6)
    clip = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    torch.testing.assert_close(info_nce(likeness, torch.eye(6), temperature), clip)


def test_info_nce_is_its_formula() -> None:
    likeness = embeddings(4, seed=1) @ embeddings(4, seed=2).T
    y = caption_targets(torch.tensor([0, 0, 1, 2]))
    rows = -(y * (likeness / 0.1).log_softmax(1)).sum(1).mean()
    columns = -(y.T / y.T.sum(1, keepdim=True) * (likeness.T / 0.1).log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(info_nce(likeness, y, 0.1), 0.5 * (rows + columns))


def test_one_hot_punishes_what_caption_targets_allow() -> None:
    """Three cases with one caption, all alike: nothing is wrong with that."""
    likeness = torch.tensor([[1.0, 1, 1, -1], [1, 1, 1, -1], [1, 1, 1, -1], [-1, -1, -1, 1]]).requires_grad_()
    y = caption_targets(torch.tensor([5, 5, 5, 6]))
    aware, = torch.autograd.grad(info_nce(likeness, y, 0.07), likeness)  # fmt: skip
    naive, = torch.autograd.grad(info_nce(likeness, torch.eye(4), 0.07), likeness)  # fmt: skip
    assert float(aware.abs().max()) < 1e-4
    assert float(naive.abs().max()) > 0.1


def test_soft_targets_are_their_formula() -> None:
    """Cosine, less its row's mean, clipped at zero, a softmax with tau 0.07, mixed 0.8 to 0.2 with the identity."""
    e = 3 * embeddings(5)
    cosine = F.cosine_similarity(e[:, None], e[None], dim=-1)
    centred = (cosine - cosine.mean(1, keepdim=True)).clamp(min=0)
    expected = 0.8 * (centred / 0.07).softmax(1) + 0.2 * torch.eye(5)
    y = soft_targets(e)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(y.sum(1), torch.ones(5))
    assert torch.all(y.argmax(1) == torch.arange(5))


def test_soft_targets_of_equal_sentences() -> None:
    e = embeddings(4)
    e[2] = e[0]
    y = soft_targets(e, identity=0.0)
    torch.testing.assert_close(y[0], y[2])
    torch.testing.assert_close(y[0, 0], y[0, 2])
    assert torch.equal(soft_targets(e, identity=1.0), torch.eye(4))


def test_no_gradient_flows_into_targets() -> None:
    e = embeddings().requires_grad_()
    assert not soft_targets(e).requires_grad


def test_gradients_reach_likeness_and_temperature() -> None:
    likeness = (embeddings(seed=1) @ embeddings(seed=2).T).requires_grad_()
    temperature = torch.tensor(0.07, requires_grad=True)
    info_nce(likeness, caption_targets(torch.tensor([0, 1, 2, 0, 4, 5])), temperature).backward()
    for grad in (likeness.grad, temperature.grad):
        assert grad is not None
        assert grad.isfinite().all()
        assert grad.abs().max() > 0
    assert likeness.grad is not None
    # a matching pair is drawn together, a wrong one apart
    assert float(likeness.grad[1, 1]) < 0 < float(likeness.grad[1, 2])


def test_cases_count_by_their_weight() -> None:
    likeness = embeddings(4, seed=1) @ embeddings(4, seed=2).T
    y = caption_targets(torch.tensor([0, 0, 1, 2]))
    weight = torch.tensor([1.0, 0.0, 2.0, 0.0])
    columns = y.T / y.sum(0)[:, None]
    each = F.cross_entropy(likeness, y, reduction="none") + F.cross_entropy(likeness.T, columns, reduction="none")
    torch.testing.assert_close(info_nce(likeness, y, 1.0, weight), (each[0] + 2 * each[2]) / 6)
    torch.testing.assert_close(info_nce(likeness, y, 1.0, torch.full((4,), 0.3)), info_nce(likeness, y, 1.0))


def test_half_precision_is_computed_in_full() -> None:
    likeness = embeddings(seed=1) @ embeddings(seed=2).T
    value = info_nce(likeness.bfloat16(), torch.eye(6), 0.07)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, info_nce(likeness.bfloat16().float(), torch.eye(6), 0.07))


@pytest.mark.parametrize("kind", ["caption", "soft"])
def test_ignored_pairs_speak_neither_for_nor_against(kind: str) -> None:
    """Two rows of one region: their likeness to each other's sentence is of no account, all else is as without one."""
    torch.manual_seed(0)
    region = torch.tensor([7, 1, 7, 2])
    ignore = equal_regions(Target(torch.zeros(4, 1, 2, 2), region=region))
    y = caption_targets(torch.arange(4)) if kind == "caption" else soft_targets(torch.randn(4, 8))
    likeness = torch.randn(4, 4, requires_grad=True)
    info_nce(likeness, y, 0.1, ignore=ignore).backward()
    assert likeness.grad is not None
    assert likeness.grad[0, 2] == likeness.grad[2, 0] == 0
    assert (likeness.grad != 0).sum() == 14
    info_nce(likeness, y, 0.1).backward()
    assert likeness.grad[0, 2] != 0
    if kind == "caption":
        rows = [[0, 1, 3], [0, 1, 2, 3], [1, 2, 3], [0, 1, 2, 3]]
        each = [-(likeness[i] / 0.1)[r].log_softmax(0)[r.index(i)] for i, r in enumerate(rows)]
        each += [-(likeness.T[i] / 0.1)[r].log_softmax(0)[r.index(i)] for i, r in enumerate(rows)]
        torch.testing.assert_close(info_nce(likeness, y, 0.1, ignore=ignore), torch.stack(each).sum() / 8)


def test_regions_that_are_not_known_are_not_compared() -> None:
    assert equal_regions(Target(torch.zeros(4, 1, 2, 2))) is None

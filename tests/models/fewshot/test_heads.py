"""Heads, each held against a result worked out another way."""

import pytest
import torch

from lexseg.errors import ConfigError
from lexseg.models.fewshot.heads import HEADS, create_head
from lexseg.models.fewshot.heads.base import Pixels, balanced_loss

CHANNELS = 6


def task(seed=0, count=40, shift=1.5, words=None):
    """Two clouds of points in three images; a quarter of them is of the target."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(count, CHANNELS, generator=generator)
    labels = (torch.arange(count) % 4 == 0).float()
    values[labels == 1] += shift
    return Pixels(values, labels, torch.arange(count) % 3, words)


def right(head, pixels, state):
    return float(((head.score(pixels.values, state) > 0) == (pixels.labels == 1)).float().mean())


@pytest.mark.parametrize(("name", "arguments"), [("proto", {}), ("ridge", {}), ("anil", {"steps": 200})])
def test_two_clouds_are_told_apart(name, arguments):
    head = create_head(name, CHANNELS, **arguments)
    assert right(head, task(1, 200), head.adapt(task())) > 0.9


def test_panet_tells_two_directions_apart():
    values = torch.cat([torch.tensor([[1.0, 0.1]]) * torch.rand(20, 1), torch.tensor([[0.1, 1.0]]) * torch.rand(20, 1)])
    pixels = Pixels(values, (torch.arange(40) < 20).float(), torch.zeros(40).long())
    head = create_head("panet", 2)
    assert right(head, pixels, head.adapt(pixels)) == 1.0


@pytest.mark.parametrize("name", HEADS)
def test_what_is_kept_scores_as_what_was_adapted(name):
    torch.manual_seed(0)
    head, pixels = create_head(name, CHANNELS), task()
    with torch.no_grad():
        head.fit(pixels)
        image = torch.randn(2, CHANNELS, 3, 5)
        own = head.score(image.permute(0, 2, 3, 1).reshape(-1, CHANNELS), head.adapt(pixels)).view(2, 1, 3, 5)
        assert torch.allclose(head(image), own, atol=1e-5)
        again = create_head(name, CHANNELS)
        again.load_state_dict(head.state_dict())
        assert torch.allclose(again(image), own, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in HEADS if name != "finetune"])
def test_each_parameter_that_is_learnt_has_a_slope(name):
    torch.manual_seed(0)
    head = create_head(name, CHANNELS, 4)
    words = torch.randn(4)
    head.task_loss(task(words=words), task(1)).backward()
    slopes = {key: value.grad for key, value in head.named_parameters()}
    without = {key for key, slope in slopes.items() if slope is None or not slope.abs().sum() > 0}
    assert not without, without


def test_prototypes_are_means_and_the_nearer_one_wins():
    head, pixels = (
        create_head("proto", 2),
        Pixels(torch.tensor([[2.0, 0], [4, 0], [0, 1], [0, 3]]), torch.tensor([1.0, 1, 0, 0]), torch.zeros(4).long()),
    )
    state = head.adapt(pixels)
    assert state["pos"].tolist() == [3, 0] and state["neg"].tolist() == [0, 2]
    assert torch.isclose(head.score(torch.tensor([[1.0, 1]]), state), torch.tensor([1.0 + 1 - (4 + 1)])).all()


def test_panet_goes_by_the_angle_alone():
    head, pixels = create_head("panet", CHANNELS), task()
    state = head.adapt(pixels)
    assert torch.allclose(head.score(pixels.values, state), head.score(3 * pixels.values, state), atol=1e-4)


def test_ridge_is_the_weighted_normal_equation():
    pixels, lam = task(count=30), 2.5
    weight = create_head("ridge", CHANNELS, lam=lam).adapt(pixels)["weight"]
    y = 2 * pixels.labels - 1
    each = torch.where(pixels.labels == 1, 15 / pixels.labels.sum(), 15 / (1 - pixels.labels).sum())
    x = pixels.values - (each[:, None] * pixels.values).mean(0)
    level = (each * y).mean()
    slope = x.T @ (each * (y - level - x @ weight)) - lam * weight  # of the penalised squares: none at the solution
    assert slope.abs().max() < 1e-3


def test_the_dual_and_the_primal_solution_agree():
    few, many = task(count=5), task(count=60)
    head = create_head("ridge", CHANNELS, lam=0.7)
    for pixels in (few, many):
        each = torch.where(pixels.labels == 1, 1 / pixels.labels.sum(), 1 / (1 - pixels.labels).sum())
        each = each * len(each) / 2
        x = (pixels.values - (each[:, None] * pixels.values).mean(0)) * each.sqrt()[:, None]
        y = (2 * pixels.labels - 1 - (each * (2 * pixels.labels - 1)).mean()) * each.sqrt()
        primal = torch.linalg.solve(x.T @ x + 0.7 * torch.eye(CHANNELS), x.T @ y)
        assert torch.allclose(head.adapt(pixels)["weight"], primal, atol=1e-4)


def test_metaoptnets_ridge_is_twice_r2d2s():
    one, two = (create_head("ridge", CHANNELS, scale=scale).adapt(task())["weight"] for scale in (1, 2))
    assert torch.allclose(two, 2 * one)


def test_waves_draw_a_circle_that_a_straight_line_cannot():
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(400, 2, generator=generator)
    labels = (values.norm(dim=1) < 1).float()
    pixels = Pixels(values, labels, torch.zeros(400).long())
    straight = create_head("ridge", 2)
    curved = create_head("ridge", 2, kernel="gauss", width=1.0, lam=0.1)
    assert right(straight, pixels, straight.adapt(pixels)) < 0.75
    assert right(curved, pixels, curved.adapt(pixels)) > 0.93


def test_words_stand_alone_without_images_and_count_little_before_they_are_learnt():
    words, nothing = torch.ones(4), task().of(torch.zeros(40, dtype=torch.bool))
    head = create_head("proto", CHANNELS, 4)
    alone = head.adapt(Pixels(nothing.values, nothing.labels, nothing.image, words))
    assert torch.allclose(torch.cat([alone["pos"], alone["neg"]]), head.word(words))
    with_words, without = head.adapt(task(words=words)), create_head("proto", CHANNELS).adapt(task())
    assert torch.allclose(with_words["pos"], without["pos"], atol=0.02)
    with pytest.raises(ValueError, match="needs words"):
        head.adapt(nothing)


def test_maml_sees_through_its_steps():
    """A start is judged by where its steps end: its slope is not that of the support's loss at the start."""
    head, support, query = create_head("maml", CHANNELS), task(), task(1)
    head.task_loss(support, query).backward()
    through = head.start["last"].grad.clone()
    head.zero_grad()
    state = {k: v.detach().requires_grad_() for k, v in head.adapt(support).items()}
    balanced_loss(head.score(query.values, state), query.labels).backward()  # first order
    assert not torch.allclose(through, state["last"].grad, rtol=1e-3)


def test_reptile_moves_towards_where_its_steps_end():
    head = create_head("reptile", CHANNELS)
    support, query = task(), task(1)
    head.task_loss(support, query).backward()
    both = Pixels(
        torch.cat([support.values, query.values]),
        torch.cat([support.labels, query.labels]),
        torch.cat([support.image, query.image + 3]),
    )
    ends = head.adapt(both)
    for name, start in head.start.items():
        assert torch.allclose(start.grad, start.detach() - ends[name], atol=1e-6)


def test_balanced_pixels_come_evenly_from_the_images():
    pixels = Pixels(torch.randn(100, 2), torch.ones(100), torch.tensor([0] * 90 + [1] * 10))
    kept = pixels.balanced(20)
    assert torch.bincount(kept.image).tolist() == [10, 10]


def test_losses_are_finite_with_one_class():
    scores = torch.zeros(4, requires_grad=True)
    assert torch.isfinite(balanced_loss(scores, torch.ones(4))) and torch.isfinite(
        balanced_loss(scores, torch.zeros(4))
    )


def test_unknown_heads_and_keywords_are_refused():
    with pytest.raises(ConfigError, match="no head is called 'nearest'"):
        create_head("nearest", 3)
    with pytest.raises(ConfigError, match="head ridge"):
        create_head("ridge", 3, steps=3)
    with pytest.raises(ConfigError, match="head ridge"):
        create_head("ridge", 3, lam=0.0)

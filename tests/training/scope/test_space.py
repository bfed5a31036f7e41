"""The space of images: its own are known, others are not, and other scanners lie between."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from lexseg.models.scope import ImageScorer
from lexseg.training.scope.space import FEWEST, MARGIN, fit_space, left_out

N, F = 60, 80


def cloud(seed: int, centre: float, n: int = N) -> Tensor:
    """Points about a centre; each direction has a spread of its own."""
    generator = torch.Generator().manual_seed(seed)
    spread = torch.linspace(0.1, 2, F)
    return centre * torch.ones(F) + torch.randn(n, F, generator=generator) * spread


@pytest.fixture(scope="module")
def worlds() -> tuple[list[Tensor], list[Tensor], Tensor]:
    centres = (-6.0, 0.0, 6.0)
    fitted = [cloud(i, c) for i, c in enumerate(centres)]
    return fitted, [cloud(10 + i, c) for i, c in enumerate(centres)], cloud(20, 40.0)


def test_own_images_are_known_and_told_apart(worlds):
    scorer = fit_space(*worlds)
    for i, centre in enumerate((-6.0, 0.0, 6.0)):
        judged = scorer.judge(cloud(30 + i, centre))
        assert (judged.min(1) <= 1).mean() >= 0.97
        assert (judged.argmin(1) == i).all()


def test_images_of_no_world_are_not_known(worlds):
    scorer = fit_space(*worlds)
    assert (scorer.judge(cloud(40, 25.0)).min(1) > 1).all()


def test_a_world_that_was_never_met_is_mostly_refused(worlds):
    assert max(left_out(*worlds)) <= 0.1


def test_a_radius_reaches_beyond_its_own_images_but_not_without_end(worlds):
    fitted, calibrated, foreign = worlds
    scorer = fit_space(fitted, calibrated, foreign)
    for i, own in enumerate(calibrated):
        apart = scorer.judge(own)[:, i]
        assert np.quantile(apart, 0.99) <= 1
        assert np.quantile(apart, 0.95) >= 0.99 / MARGIN


def test_a_radius_keeps_away_from_what_is_foreign(worlds):
    fitted, calibrated, _ = worlds
    close = cloud(50, 6.7)
    alone, beside = (fit_space(fitted, calibrated, each).judge(close)[:, 2] for each in (cloud(20, 40.0), close))
    assert beside.mean() > 1.02 * alone.mean()


def test_without_validation_images_the_training_images_stand_in(worlds):
    fitted, calibrated, foreign = worlds
    scorer = fit_space(fitted, [calibrated[0], torch.zeros(0, 0), calibrated[2]], foreign)
    assert (scorer.judge(fitted[1]).min(1) <= 1).mean() > 0.95


def test_a_map_of_few_channels_counts_as_much_as_one_of_many():
    """What a deep map, which knows its worlds and nothing else, no longer shows, an early one still does."""
    early, deep = 4, 400

    def seen(seed: int, world: int, strange: float = 0.0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        first = strange + torch.randn(N, 2 * early, generator=generator)
        return torch.cat([first, 5.0 * world + torch.randn(N, 2 * deep, generator=generator)], 1)

    fitted, calibrated = ([seen(at + i, i) for i in range(3)] for at in (0, 10))
    nothing, photographs = seen(20, 1, strange=40.0), seen(30, 1, strange=3.0)
    by_feature, by_map = (fit_space(fitted, calibrated, nothing, c) for c in ((), (early, deep)))
    assert (by_map.judge(photographs).min(1) > 1).all()
    assert (by_feature.judge(photographs).min(1) > 1).mean() < 0.9
    assert (by_map.judge(seen(40, 1)).min(1) <= 1).mean() > 0.95


def test_what_the_deepest_map_lets_pass_the_finest_maps_refuse():
    """A strange image is like its own in all but the finest maps, and little off there."""
    channels = (4, 4, 40, 40)

    def seen(seed: int, world: int, strange: float = 0.0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        maps = [torch.randn(N, 2 * count, generator=generator) for count in channels]
        return torch.cat([strange + maps[0], strange + maps[1], *(4.0 * world + each for each in maps[2:])], 1)

    fitted, calibrated = ([seen(at + i, i) for i in range(3)] for at in (0, 10))
    nothing, strange = seen(20, 1, strange=40.0), seen(30, 1, strange=1.5)
    scorer = fit_space(fitted, calibrated, nothing, channels)
    every_map, finest = (apart.min(1) > 1 for apart in judged_in_each_space(scorer, strange))
    assert every_map.mean() < 0.5 < 0.9 < finest.mean()
    assert (scorer.judge(strange).min(1) > 1).mean() >= finest.mean()
    assert (scorer.judge(seen(40, 1)).min(1) <= 1).mean() > 0.9


def test_a_world_of_few_validation_images_is_judged_by_all_maps_alone():
    channels = (4, 4, 40, 40)
    draw = [torch.randn(N, 2 * sum(channels), generator=torch.Generator().manual_seed(i)) for i in range(7)]
    fitted, calibrated = [draw[0], 4 + draw[1]], [draw[2][: FEWEST - 1], 4 + draw[3]]
    scorer = fit_space(fitted, calibrated, 40 + draw[4], channels)
    assert np.isfinite(scorer.state()["radius"]).tolist() == [[True, True], [False, True]]
    assert (scorer.judge(draw[5]).argmin(1) == 0).all() and (scorer.judge(4 + draw[6]).argmin(1) == 1).all()


def judged_in_each_space(scorer: ImageScorer, features: Tensor) -> list[NDArray[np.float32]]:
    """By a scorer of each space alone."""
    state = scorer.state()
    alone = []
    for number, radius in enumerate(state["radius"]):
        own = state["space"] == number
        part = {"project": state["project"][:, own], "bank": state["bank"][:, own], "radius": radius}
        alone.append(ImageScorer({k: v for k, v in state.items() if k != "space"} | part).judge(features))
    return alone

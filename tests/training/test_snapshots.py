"""Cycles of the rate, and the mean of the weights at their ends."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lexseg.errors import ConfigError
from lexseg.training.config import OptimizerConfig
from lexseg.training.optimizer import cycle_factor
from lexseg.training.recipe import read_recipe
from lexseg.training.run import train
from lexseg.training.snapshots import snapshot_steps


def test_a_cycle_falls_then_stays_then_begins_anew() -> None:
    assert cycle_factor(0.0, 3) == 1
    assert cycle_factor(0.5 / 3, 3) == pytest.approx(0.5**0.9)
    flat = [cycle_factor((1 + within) / 3, 3) for within in (0.8, 0.9, 0.999)]
    assert flat == pytest.approx([0.2**0.9] * 3)
    assert cycle_factor(1 / 3 + 1e-6, 3) == pytest.approx(1, abs=1e-4)
    assert cycle_factor(1.0, 3) == pytest.approx(0.2**0.9)


def test_snapshots_are_taken_where_the_rate_is_flat_the_last_at_the_end() -> None:
    config = OptimizerConfig(schedule="cyclic", cycles=3, warmup=0.0)
    steps = snapshot_steps(config, 301, 4)
    assert len(steps) == 12 and steps[-1] == 300
    for step in steps:
        assert cycle_factor((step - 1) / 300, 3) == pytest.approx(0.2**0.9)


def test_a_short_run_has_fewer() -> None:
    assert snapshot_steps(OptimizerConfig(schedule="cyclic", cycles=2, warmup=0.0), 5, 4)[-1] == 4


def test_the_model_is_the_mean_of_the_snapshots(tmp_path: Path, cases: Path, recipe: Path) -> None:
    config = read_recipe(recipe)
    config = replace(
        config,
        data=replace(config.data, cases=str(cases)),
        optimizer=replace(config.optimizer, schedule="cyclic", cycles=2),
        trainer=replace(config.trainer, ema=0.0, snapshots=2, keep="last", epochs=2, steps=24),
    )
    model = load_file(train(config, tmp_path / "run") / "model.safetensors")
    kept = [load_file(path) for path in sorted((tmp_path / "run/snapshots").iterdir())]
    assert len(kept) == 4 and not torch.equal(kept[0]["head.weight"], kept[-1]["head.weight"])
    for name in ("head.weight", "encoder.1.running_mean"):
        torch.testing.assert_close(model[name], torch.stack([state[name] for state in kept]).mean(0))


@pytest.mark.parametrize(
    ("optimizer", "trainer", "wrong"),
    [
        ({"schedule": "cosine"}, {"snapshots": 2, "ema": 0.0}, "ends of cycles"),
        ({"schedule": "cyclic"}, {"snapshots": 2, "ema": 0.9}, "two averages"),
        ({"schedule": "cyclic", "cycles": 0}, {}, "optimizer.cycles is 0"),
    ],
)
def test_settings_that_contradict(tmp_path: Path, cases: Path, recipe: Path, optimizer, trainer, wrong: str) -> None:
    config = read_recipe(recipe)
    config = replace(
        config,
        data=replace(config.data, cases=str(cases)),
        optimizer=replace(config.optimizer, **optimizer),
        trainer=replace(config.trainer, **trainer),
    )
    with pytest.raises(ConfigError, match=wrong):
        train(config, tmp_path / "run")

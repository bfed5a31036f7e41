"""Where losses and scores go beside the run's own curves."""

import csv
from pathlib import Path

import pytest

from lexseg.errors import ConfigError
from lexseg.training import loggers
from lexseg.training.config import TrainConfig
from lexseg.training.run import train
from lexseg.training.settings import check

from .test_run import config


def test_only_tensorboard_unless_asked(recipe, cases, tmp_path):
    assert TrainConfig().trainer.loggers == ["tensorboard"]


def test_a_run_can_do_without_and_can_have_another(recipe, cases, tmp_path):
    train(config(recipe, cases, epochs=1, loggers=[]), tmp_path / "none")
    assert not (tmp_path / "none" / "tensorboard").exists()
    train(config(recipe, cases, epochs=1, loggers=["csv"]), tmp_path / "csv")
    (table,) = (tmp_path / "csv").rglob("metrics.csv")
    with table.open(newline="") as file:
        names = csv.DictReader(file).fieldnames or []
    assert {"loss/total", "val/dice_per_image"} <= set(names)
    assert not any("square" in path.read_text() for path in (tmp_path / "csv" / "csv").rglob("*") if path.is_file())


def test_an_unknown_logger_is_named(recipe, cases):
    with pytest.raises(ConfigError, match=r"trainer\.loggers.*comet"):
        check(config(recipe, cases, loggers=["comet"]))


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_missing_package_is_named_before_anything_is_trained(recipe, cases, tmp_path, name, monkeypatch):
    from lightning.pytorch import loggers as theirs

    def missing(*args: object, **keywords: object) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(theirs, {"wandb": "WandbLogger", "mlflow": "MLFlowLogger"}[name], missing)
    with pytest.raises(ConfigError, match=f"pip install {name}"):
        train(config(recipe, cases, loggers=[name]), tmp_path / "run")
    assert not (tmp_path / "run" / "model").exists()


def test_a_service_that_refuses_is_no_traceback(tmp_path: Path, monkeypatch):
    from lightning.pytorch import loggers as theirs

    def refused(*args: object, **keywords: object) -> None:
        raise RuntimeError("api_key not configured\nmore")

    monkeypatch.setattr(theirs, "WandbLogger", refused)
    with pytest.raises(ConfigError, match=r"wandb cannot be begun: api_key not configured$"):
        loggers.make_loggers(["wandb"], tmp_path)

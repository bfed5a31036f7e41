"""Whole runs of every regime: what they leave, what they do not read, and that they go on where they were."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lexseg.cases.manifest import read_manifest
from lexseg.cli.train import with_regime_names
from lexseg.errors import ConfigError
from lexseg.models.io import load_model
from lexseg.predict.segmenter import Segmenter
from lexseg.scans.images import read_image
from lexseg.training.config import DataConfig, TrainConfig
from lexseg.training.data_module import CaseDataModule
from lexseg.training.recipe import read_recipe
from lexseg.training.regimes import REGIMES, stream
from lexseg.training.run import train
from lexseg.training.stop import StopRun
from lexseg.training.task import SegmentationTask

from ..conftest import RECIPE, write_set
from ..test_resume import same

BOTH = "correction, both"
KINDS = sorted([*REGIMES, BOTH])
SETTINGS: dict[str, dict[str, Any]] = {
    "self-training": {"sure": 0.0, "generations": 2, "mixed": 0.5},
    BOTH: {"correct": "both"},
}
METHODS = {"correction": "tiny-pyramid", BOTH: "tiny-pyramid", "dec-full": "tiny-unet"}
AROUND = {BOTH: "corrected", "dec-full": "two-scales"}
Run = Callable[..., Path]


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., TrainConfig]:
    write_set(tmp_path / "set", n=16, train=12)
    (tmp_path / "tiny.yaml").write_text(RECIPE, encoding="utf-8")

    def settings(kind: str, **data: Any) -> TrainConfig:
        recipe = read_recipe(tmp_path / "tiny.yaml")
        view = replace(recipe.regime.view, mirror=0.5)
        regime = replace(recipe.regime, kind=kind.split(",")[0], batch=3, view=view, args=SETTINGS.get(kind, {}))
        given: DataConfig = replace(recipe.data, cases=str(tmp_path / "set/cases.csv"), size=64, grow={}, **data)
        return replace(
            recipe,
            method=METHODS.get(kind, "tiny"),
            data=given,
            regime=regime,
            optimizer=replace(recipe.optimizer, loss_warmup={}),
            trainer=replace(recipe.trainer, steps=11, epochs=3, samples=0),
        )

    return settings


def checkpoint(run: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    state.pop("loops")  # counts batches that were begun twice
    return state


def drop_unlabelled_masks(run: Path, cases: Path) -> None:
    kept = set((run / "labelled.txt").read_text(encoding="utf-8").split())
    for case in read_manifest(cases):
        if case.split == "train" and case.id not in kept:
            assert case.mask is not None
            case.mask.unlink()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_is_its_labels_and_goes_on_bit_by_bit(
    kind: str, settings: Callable[..., TrainConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(kind, labels=5)
    train(config, tmp_path / "whole")
    plain = load_model(train(replace(settings("none"), method=config.method), tmp_path / "plain"))
    found = load_model(tmp_path / "whole/model")
    wanted = plain.model.state_dict().keys()
    if kind in AROUND:
        assert found.config.method == AROUND[kind]
        assert {f"base.{name}" for name in wanted} < found.model.state_dict().keys()
    else:
        assert found.config.method == plain.config.method
        assert found.model.state_dict().keys() == wanted
    case = read_manifest(tmp_path / "set/cases.csv")[-1]
    segmenter = Segmenter.from_pretrained(tmp_path / "whole/model", device="cpu")
    assert segmenter.set_image(case.image).segment(case.text).mask.shape == (48, 56)
    assert len((tmp_path / "whole/labelled.txt").read_text(encoding="utf-8").split()) == 5

    # stopped in the middle of an epoch, and with the masks of all unlabelled cases gone
    drop_unlabelled_masks(tmp_path / "whole", tmp_path / "set/cases.csv")
    step = SegmentationTask.training_step

    def stop(self: SegmentationTask, batch: Any, index: int) -> Any:
        if self.global_step == 8:
            raise StopRun("enough")
        return step(self, batch, index)

    monkeypatch.setattr(SegmentationTask, "training_step", stop)
    train(config, tmp_path / "halted")
    assert checkpoint(tmp_path / "halted")["global_step"] == 7
    monkeypatch.setattr(SegmentationTask, "training_step", step)
    train(config, tmp_path / "halted", resume=True)
    same(checkpoint(tmp_path / "halted"), checkpoint(tmp_path / "whole"))
    for name in ("model.safetensors", "metrics.json"):
        assert (tmp_path / "halted/model" / name).read_bytes() == (tmp_path / "whole/model" / name).read_bytes()


@pytest.mark.parametrize(("kind", "looked"), [("self-training", 5), ("correction", 9), ("meta-pseudo", 7)])
def test_images_that_nobody_looks_at_are_not_read(
    kind: str, looked: int, settings: Callable[..., TrainConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And their reading changes nothing."""
    read = []
    monkeypatch.setattr(stream, "read_image", lambda path: read.append(path) or read_image(path))
    train(settings(kind, labels=5), tmp_path / "run")
    assert len(read) == 3 * looked  # three unlabelled images in a batch
    always = property(lambda self: lambda step: True, lambda self, reads: None)
    monkeypatch.setattr(CaseDataModule, "reads", always, raising=False)
    train(settings(kind, labels=5), tmp_path / "all")
    assert len(read) == 3 * looked + 3 * 11
    one, other = ((tmp_path / name / "model/model.safetensors").read_bytes() for name in ("run", "all"))
    assert one == other


def test_other_labels_are_another_run(settings: Callable[..., TrainConfig], tmp_path: Path) -> None:
    """And a run goes on with its own regime alone."""
    for seed in (0, 1):
        train(settings("mean-teacher", labels=5, labels_seed=seed), tmp_path / f"run{seed}")
    one, other = ((tmp_path / f"run{seed}/model/model.safetensors").read_bytes() for seed in (0, 1))
    assert one != other
    with pytest.raises(ConfigError, match=r"began with other values of regime\.kind"):
        train(settings("supervised", labels=5), tmp_path / "run0", resume=True)


def test_the_name_on_the_command_line() -> None:
    assert with_regime_names(["--regime", "dec", "--regime=x", "--regime.batch", "2"]) == [
        "--regime.kind", "dec", "--regime.kind=x", "--regime.batch", "2",
    ]  # fmt: skip

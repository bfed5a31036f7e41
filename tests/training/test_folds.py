"""Cross-validation by one command, and the ensemble it leaves."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from lexseg.cases.manifest import read_manifest
from lexseg.cli.main import main
from lexseg.errors import ConfigError, ModelError
from lexseg.models.io import load_model
from lexseg.predict.segmenter import Segmenter
from lexseg.training.ensemble import join_models
from lexseg.training.folds import train_folds
from lexseg.training.recipe import read_recipe

from .conftest import read_rows
from .test_run import config, lexseg


@pytest.fixture
def short(recipe: Path) -> Path:
    text = recipe.read_text(encoding="utf-8").replace("epochs: 4", "epochs: 2")
    recipe.write_text(text, encoding="utf-8")
    return recipe


def folds(*more: str | Path) -> int:
    return main([str(word) for word in ("folds", *more)])


def test_every_part_validates_once_and_the_ensemble_is_the_mean(short, cases, tmp_path, capsys):
    out = tmp_path / "out"
    assert folds("--config", short, "--data.cases", cases, "--data.folds", "3", "--output", out) == 0
    said = capsys.readouterr().out
    assert "14 cases" in said and str(out / "ensemble") in said

    validated = [
        row["id"] for k in range(3) for row in read_rows(out / f"fold{k}" / "split.csv") if row["split"] == "val"
    ]
    assert sorted(validated) == sorted(case.id for case in read_manifest(cases))
    rows = yaml.safe_load((out / "folds.yaml").read_text())["dice"]
    assert [row["fold"] for row in rows] == [0, 1, 2] and sum(row["cases"] for row in rows) == 14

    images = [case.image for case in read_manifest(cases)][:2]
    asked = [["the bright square on the left", None]] * 2
    members = [Segmenter.from_pretrained(out / f"fold{k}" / "model", device="cpu") for k in range(3)]
    whole = Segmenter.from_pretrained(out / "ensemble", device="cpu")
    each = [member.segment_batch(images, asked) for member in members]
    for i, answers in enumerate(whole.segment_batch(images, asked)):
        for j, found in enumerate(answers):
            # at the network's size the mean is exact; stretching logits, not probabilities, moves it by little
            np.testing.assert_allclose(found, np.mean([e[i][j] for e in each], 0), atol=0.03)

    # again with --resume: nothing is trained anew
    stamps = {k: (out / f"fold{k}" / "model" / "model.safetensors").stat().st_mtime_ns for k in range(3)}
    assert folds("--resume", "--output", out) == 0
    assert stamps == {k: (out / f"fold{k}" / "model" / "model.safetensors").stat().st_mtime_ns for k in range(3)}


@pytest.mark.parametrize(
    ("data", "trainer", "named"),
    [
        ({"folds": 0}, {}, "data.folds"),
        ({"folds": 3, "fold": 1}, {}, "data.fold"),
        ({"folds": 3}, {"devices": 2}, "one device"),
    ],
)
def test_what_one_run_cannot_do_for_several_parts_is_refused(recipe, cases, tmp_path, data, trainer, named):
    asked = config(recipe, cases, **trainer)
    with pytest.raises(ConfigError, match=named):
        train_folds(replace(asked, data=replace(asked.data, **data)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_models_of_other_shapes_are_no_ensemble(short, cases, tmp_path):
    for name, size in (("one", "64"), ("other", "32")):
        more = ("--data.size", size, "--data.grow", "{}", "--output", tmp_path / name)
        assert lexseg("train", "--config", short, "--data.cases", cases, "--trainer.epochs", "1", *more) == 0
    with pytest.raises(ModelError, match="size"):
        join_models([tmp_path / "one" / "model", tmp_path / "other" / "model"], tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_presence_is_the_mean_of_calibrated_answers(short, cases, tmp_path):
    """Two members whose calibrations alone differ: one always sure, one never."""
    run = tmp_path / "run"
    # stretched, a network of one epoch paints something: what paints nothing is not found, whatever presence says
    more = ("--method", "tiny-presence", "--trainer.epochs", "1", "--data.fit", "stretch", "--output", run)
    assert lexseg("train", "--config", short, "--data.cases", cases, *more) == 0
    other = tmp_path / "other"
    shutil.copytree(run / "model", other)
    for folder, bias in ((run / "model", 20.0), (other, -20.0)):
        path = folder / "config.json"
        values = json.loads(path.read_text())
        path.write_text(json.dumps(values | {"presence": {"scale": 0.001, "bias": bias, "threshold": 0.2}}))
    join_models([run / "model", other], tmp_path / "both")
    loaded = load_model(tmp_path / "both")
    assert loaded.config.presence == {"scale": 1.0, "bias": 0.0, "threshold": 0.2}
    segmenter = Segmenter.from_pretrained(tmp_path / "both", device="cpu")
    image = read_manifest(cases)[0].image
    (answer,) = segmenter.answer_batch([image], [["left square"]])[0]
    assert answer.presence == pytest.approx(0.5, abs=1e-3)
    with pytest.raises(ModelError, match="members"):
        loaded.model.training_losses(torch.zeros(1, 3, 64, 64), None, None)  # type: ignore[arg-type]


def test_a_run_starts_from_a_model_without_its_recipe(short, cases, tmp_path):
    one = tmp_path / "one"
    assert lexseg("train", "--config", short, "--data.cases", cases, "--trainer.epochs", "1", "--output", one) == 0
    two = ("--init", one / "model", "--data.cases", cases, "--data.batch_size", "4", "--trainer.epochs", "1")
    assert lexseg("train", *two, "--output", tmp_path / "two") == 0
    began = read_recipe(tmp_path / "two" / "config.yaml")
    assert began.method == "tiny" and began.data.size == load_model(one / "model").config.size[0]

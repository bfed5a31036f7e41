"""How images come to the network's size: chosen for a run, and kept by its model."""

from dataclasses import replace

import numpy as np
import pytest
import yaml

from lexseg.cli.main import main
from lexseg.models.config import bundled_models
from lexseg.models.io import load_model
from lexseg.predict.segmenter import Segmenter
from lexseg.training.config import TrainConfig
from lexseg.training.published import as_published
from lexseg.training.recipe import read_recipe
from lexseg.training.run import train

from .test_run import config, dice_of


def test_new_runs_keep_the_shape_of_images():
    assert TrainConfig().data.fit == "pad" and read_recipe("tmca-lite").data.fit == "pad"


def test_bundled_models_stretch_and_so_do_their_recipes():
    assert all(load_model(folder).config.fit == "stretch" for folder in bundled_models().values())
    names = ("default", "default-refine", "default-listen", "default-worlds", "default-worlds-refine")
    assert all(read_recipe(name).data.fit == "stretch" for name in names)


def test_runs_as_published_stretch():
    assert as_published(read_recipe("lvit-lite")).data.fit == "stretch"


@pytest.mark.parametrize("fit", ["pad", "stretch"])
def test_a_model_is_used_as_it_was_trained(recipe, cases, tmp_path, fit):
    asked = config(recipe, cases, epochs=2)
    folder = train(replace(asked, data=replace(asked.data, fit=fit)), tmp_path / "run")
    loaded = load_model(folder)
    assert loaded.config.fit == fit
    # what validation counted is what anyone finds who uses the model: images of 48 x 56 at 64 x 64
    assert dice_of(folder, cases)["per_image"] == pytest.approx(
        loaded.metrics["val"]["per_image"]["dice"]["mean"], abs=1e-3
    )


def test_a_run_begun_before_the_choice_goes_on_as_it_began(recipe, cases, tmp_path):
    asked = config(recipe, cases, epochs=1)
    train(replace(asked, data=replace(asked.data, fit="stretch")), tmp_path / "run")
    path = tmp_path / "run" / "config.yaml"
    values = yaml.safe_load(path.read_text())
    del values["data"]["fit"]
    path.write_text(yaml.safe_dump(values))
    assert main(["train", "--output", str(tmp_path / "run"), "--resume", "--trainer.epochs", "2"]) == 0
    assert load_model(tmp_path / "run" / "model").config.fit == "stretch"


def test_a_segmenter_takes_the_model_s_way(sides):
    image = np.zeros((40, 200), np.float32)
    image[10:30, 20:60] = 1
    padded = Segmenter(sides.model, sides.text_encoder, size=sides.size, fit="pad", laterality="image", device="cpu")
    found = padded.segment(image, "bright").mask
    truth = image > 0.5
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.85

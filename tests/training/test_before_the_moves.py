"""A run, its checkpoint and its model folder, made before the rooms of the package were moved, still serve.

`before_the_moves.zip` was made by version 0.1.0 as of November 2026, from eight drawn images: two epochs of a small
LViT. What is expected here is what that code itself went on to.
"""

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from lexseg import Segmenter
from lexseg.training.recipe import read_recipe
from lexseg.training.run import train

from .conftest import read_rows

MADE = Path(__file__).with_name("before_the_moves.zip")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    with zipfile.ZipFile(MADE) as file:
        file.extractall(tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace("SET/", f"{tmp_path}/set/"), encoding="utf-8")
    return tmp_path


def test_a_model_folder_still_answers(run: Path) -> None:
    session = Segmenter.from_pretrained(run / "model").set_image(run / "set" / "images" / "6.png")
    answer = session.segment("the bright square on the left")
    assert answer.state == "found"
    assert answer.probability.mean() == pytest.approx(0.51699, abs=1e-4)
    assert answer.probability.max() == pytest.approx(0.52087, abs=1e-4)


def test_a_run_still_goes_on(run: Path) -> None:
    config = read_recipe(run / "config.yaml")
    train(replace(config, trainer=replace(config.trainer, epochs=4)), run, resume=True)
    rows = read_rows(run / "curves.csv")
    assert [float(row["step"]) for row in rows] == [2, 4, 6, 8]
    assert [float(row["loss/total"]) for row in rows[2:]] == pytest.approx([0.71247, 0.71006], abs=1e-3)

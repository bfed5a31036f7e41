"""``lexseg few-shot``."""

import csv
import json

import pytest
from PIL import Image

from few_discs import disc, write_set
from lexseg.cli.main import main

FAST = ["--parts", "statistics,place", "--size", "64"]


def test_a_target_is_taught_and_the_folder_is_a_model_like_any_other(tmp_path, sides_folder, capsys):
    support = write_set(tmp_path, 3)
    out = tmp_path / "disc"
    assert main(["few-shot", "fit", str(sides_folder), str(support), "--output", str(out), *FAST]) == 0
    said = capsys.readouterr().out
    assert "taught from 3 labelled images" in said and "left out in turn: Dice " in said
    assert main(["models", str(out)]) == 0
    assert "few-shot, 64x64 px" in (said := capsys.readouterr().out) and "taught from 3 images" in said
    Image.fromarray((disc(9)[0] * 255).astype("uint8")).save(tmp_path / "film.png")
    asked = ["segment", str(tmp_path / "film.png"), "--model", str(out), "--output", str(tmp_path / "answers")]
    assert main(asked) == 0
    (told,) = (tmp_path / "answers").rglob("*.json")
    assert json.loads(told.read_text())["state"] == "found"


def test_leaving_one_out_is_told_by_task_and_written_by_image(tmp_path, sides_folder, capsys):
    cases = write_set(tmp_path, 3, dense=True)
    table = tmp_path / "scores.csv"
    asked = ["few-shot", "evaluate", str(sides_folder), str(cases), "--labels", "drawn", "--output", str(table), *FAST]
    assert main(asked) == 0
    said = capsys.readouterr().out
    assert "3 answers, 2 shots" in said and "mean of 1 task: Dice " in said
    rows = list(csv.DictReader(table.open()))
    assert [row["id"] for row in rows] == ["d0", "d1", "d2"] and all(0.5 < float(row["dice"]) <= 1 for row in rows)


def test_labels_can_be_made_of_the_masks(tmp_path, sides_folder, capsys):
    cases = write_set(tmp_path, 3, dense=True)
    asked = ["few-shot", "evaluate", str(sides_folder), str(cases), "--sparse", "scribbles", "--shots", "1", *FAST]
    assert main(asked) == 0
    assert "1 shots" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--steps", "5"], "--steps changes nothing about the head ridge"),
        (["--size", "50"], "divisible by 32"),
        (["--parts", "colour"], "parts"),
        (["--head", "guided"], "lexseg few-shot learn"),
        (["--labels", "gone"], "'gone' names no labels"),
    ],
)
def test_what_cannot_be_done_is_told(tmp_path, sides_folder, capsys, more, told):
    asked = ["few-shot", "fit", str(sides_folder), str(write_set(tmp_path, 2)), "--output", str(tmp_path / "m")]
    assert main([*asked, *FAST, *more]) == 1
    assert told in capsys.readouterr().err
    assert not (tmp_path / "m").exists()


def test_a_style_that_is_none_is_refused(tmp_path, sides_folder, capsys):
    cases = str(write_set(tmp_path, 2, dense=True))
    assert main(["few-shot", "evaluate", str(sides_folder), cases, "--sparse", "blobs", *FAST]) == 1
    assert "there are: points, grid" in capsys.readouterr().err

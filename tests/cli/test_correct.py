"""``lexseg correct``: scripts, what is typed, and what is written."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

import fakes
from lexseg.cases.manifest import read_manifest
from lexseg.cli.main import main
from lexseg.models.refiner import Refiner
from lexseg.training.refiner.folder import write_refiner


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "film.png"
    Image.fromarray((fakes.picture() * 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def correct(film, sides_folder, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def call(*arguments):
        return main(["correct", str(film), "--model", str(sides_folder), "--device", "cpu", *map(str, arguments)])

    return call


def mask(folder):
    return np.asarray(Image.open(folder / "film_mask.png")) > 0


def test_says_in_their_order_and_writes_the_mask(correct, tmp_path, capsys):
    assert correct("--text", "bright left", "--output", tmp_path / "first") == 0
    said = ["--say", "3 px larger", "--say", "2 px smaller", "--say", "undo"]
    assert correct("--text", "bright left", *said, "--output", tmp_path / "out") == 0
    assert mask(tmp_path / "out").sum() > mask(tmp_path / "first").sum()
    told = json.loads((tmp_path / "out" / "film.json").read_text())
    assert told["corrections"] == 1 and told["found"] and "corrected" not in told.get("text", "")
    printed = capsys.readouterr().out
    assert "> 2 px smaller" in printed and "undone: smaller" in printed


def test_what_is_not_understood_is_named_and_the_script_learns_of_it(correct, tmp_path, capsys):
    assert correct("--text", "bright left", "--say", "frobnicate it", "--say", "bigger", "--output", tmp_path) == 1
    out, err = capsys.readouterr()
    assert "'frobnicate'" in out and "1 of 2" in err and mask(tmp_path).any()


def test_typed_line_by_line_until_accepted(correct, tmp_path, monkeypatch, capsys, film):
    monkeypatch.setattr("sys.stdin", io.StringIO("bigger\n\nnonesuch\naccept\nsmaller\n"))
    assert correct("--text", "bright left", "--manifest", tmp_path / "cases.csv") == 0
    out = capsys.readouterr().out
    assert "not done" in out and "accepted" in out and "smaller" not in out
    (case,) = read_manifest(tmp_path / "cases.csv")
    assert case.id == "film" and case.text == "bright left" and case.image == film.resolve()


def test_what_was_not_accepted_is_no_case(correct, tmp_path, capsys):
    assert correct("--text", "bright left", "--say", "bigger", "--manifest", tmp_path / "cases.csv") == 0
    assert not (tmp_path / "cases.csv").exists() and "not accepted" in capsys.readouterr().out


def test_a_saved_session_is_played_again(correct, tmp_path, capsys):
    saved = tmp_path / "said.json"
    said = ["--say", "bigger", "--say", "smooth it", "--say", "accept"]
    assert correct("--text", "bright left", *said, "--save", saved, "--output", tmp_path / "a") == 0
    assert correct("--replay", saved, "--output", tmp_path / "b") == 0
    assert np.array_equal(mask(tmp_path / "a"), mask(tmp_path / "b"))
    values = json.loads(saved.read_text())
    values["entries"][1]["echo"] = "nothing"
    saved.write_text(json.dumps(values))
    assert correct("--replay", saved, "--output", tmp_path / "c") == 1
    assert "entry 2" in capsys.readouterr().err and not (tmp_path / "c").exists()


def test_a_correction_before_any_mask_is_found(correct, capsys):
    """Where nothing was found the mask is empty, and what asks for less of it says so."""
    assert correct("--text", "right", "--say", "stricter") == 1
    assert "the mask is empty" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--text", " "], "blank"),
        (["--replay", "x.json", "--say", "undo"], "--replay"),
        (["--replay", "none.json"], "none.json"),
        (["--slice", "3"], "no slice 3"),
    ],
)
def test_what_cannot_be_is_told(correct, capsys, arguments, told):
    assert correct(*arguments) == 1
    assert told in capsys.readouterr().err


def test_words_are_written_only_where_asked(correct, tmp_path):
    correct("--text", "bright left", "--say", "bigger", "--output", tmp_path / "a")
    correct("--text", "bright left", "--say", "bigger", "--output", tmp_path / "b", "--include-text")
    assert "bright" not in (tmp_path / "a" / "film.json").read_text()
    assert "bright left" in (tmp_path / "b" / "film.json").read_text()


def test_clicks_are_answered_by_a_refiner(correct, tmp_path, capsys):
    torch.manual_seed(0)
    write_refiner(tmp_path / "refiner", Refiner((4, 8)), size=32, how={})
    clicks = ["--click", "3,4", "--click", "20,20,-", "--save", tmp_path / "said.json"]
    correct("--text", "bright left", *clicks, "--refiner", tmp_path / "refiner", "--output", tmp_path / "out")
    assert "by the refiner" in capsys.readouterr().out
    assert mask(tmp_path / "out")[3, 4] and not mask(tmp_path / "out")[20, 20]
    again = ["--replay", tmp_path / "said.json", "--output", tmp_path / "again"]
    assert correct(*again, "--refiner", tmp_path / "refiner") == 0
    assert np.array_equal(mask(tmp_path / "again"), mask(tmp_path / "out"))


def test_a_click_that_is_none_is_refused(correct, capsys):
    assert correct("--text", "bright left", "--click", "3;4") == 2
    assert "such as 120,80" in capsys.readouterr().err

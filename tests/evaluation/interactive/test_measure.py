"""From cases to the report of ``lexseg evaluate --interactive``."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

import fakes
from lexseg.cli.main import main
from lexseg.evaluation.interactive.measure import PLAYERS


@pytest.fixture
def cases(tmp_path):
    """Pictures whose truth is a little more than what is bright."""
    rows = ["id,image,mask,split,text"]
    for number in range(4):
        picture = fakes.picture()
        truth = np.zeros(picture.shape, bool)
        truth[26:60, 14 : 50 + 4 * number] = True
        Image.fromarray((picture * 255).astype(np.uint8)).save(tmp_path / f"{number}.png")
        Image.fromarray((truth * 255).astype(np.uint8)).save(tmp_path / f"{number}_m.png")
        rows.append(f"c{number},{number}.png,{number}_m.png,val,bright left")
    (tmp_path / "cases.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "cases.csv"


@pytest.fixture
def evaluate(cases, sides_folder, tmp_path):
    def call(*more):
        asked = ["evaluate", str(sides_folder), str(cases), "--split", "val", "--output", str(tmp_path / "out")]
        return main([*asked, "--device", "cpu", *more])

    return call


def test_a_report_of_all_players(evaluate, tmp_path, capsys):
    assert evaluate("--interactive", "4", "--resamples", "50") == 0
    report = json.loads((tmp_path / "out" / "interactive.json").read_text())
    assert report["n"] == 4 and set(report["players"]) == set(PLAYERS)
    for part in report["players"].values():
        assert len(part["dice"]) == 5 and part["dice"][0] == report["players"]["words"]["dice"][0]
    assert report["players"]["words"]["not_understood"] == 0
    assert set(report["words_after_4_above"]) == {"first", "best_threshold", *PLAYERS} - {"words"}
    with (tmp_path / "out" / "interactive.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * len(PLAYERS)
    mean = np.mean([float(row["dice_4"]) for row in rows if row["player"] == "words"])
    assert mean == pytest.approx(report["players"]["words"]["dice"][4], abs=1e-4)
    assert "bright" not in (tmp_path / "out" / "interactive.csv").read_text()
    assert "Dice@4" in capsys.readouterr().out


def test_equal_seeds_give_equal_plays(evaluate, tmp_path):
    def table():
        assert evaluate("--interactive", "3", "--interactive-cases", "2", "--seed", "5", "--resamples", "10") == 0
        return (tmp_path / "out" / "interactive.csv").read_text()

    first = table()
    assert table() == first and first.count("words") == 2


@pytest.mark.parametrize("option", [["--threshold", "0.4"], ["--tta"], ["--size", "64"]])
def test_what_changes_nothing_is_refused(evaluate, capsys, option):
    assert evaluate("--interactive", "3", *option) == 1
    assert option[0] in capsys.readouterr().err

"""``lexseg models NAME``: what a model has learnt, or that nobody knows."""

import json
from pathlib import Path

import pytest

from lexseg.cli.main import main
from lexseg.models.scope import Scope, World


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config = {"method": "tmca", "size": [160, 160], "modalities": ["CR"], "scope": None}
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


WORLDS = (
    World("chest", "chest", ("CR", "DX"), ("pneumonia",), ("pneumonia in the left lung",), "research use only"),
    World("mine", "kidney"),
)


def test_a_model_tells_what_it_has_learnt(folder: Path, capsys: pytest.CaptureFixture[str]):
    Scope(WORLDS).save(folder)
    assert main(["models", str(folder)]) == 0
    said = capsys.readouterr().out
    for text in ("chest", "CR, DX", "pneumonia", '"pneumonia in the left lung"', "research use only", "kidney"):
        assert text in said


def test_the_same_as_json(folder: Path, capsys: pytest.CaptureFixture[str]):
    Scope(WORLDS).save(folder)
    assert main(["models", "--json", str(folder)]) == 0
    worlds = json.loads(capsys.readouterr().out)["scope"]
    assert [world["name"] for world in worlds] == ["chest", "mine"]
    assert worlds[0]["findings"] == ["pneumonia"]


def test_an_older_folder_says_that_its_scope_is_unknown(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["models", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "scope: unknown" in said and "CR" in said
    assert main(["models", "--json", str(folder)]) == 0
    assert json.loads(capsys.readouterr().out)["scope"] is None


def test_an_unknown_name_is_answered_by_a_sentence(capsys: pytest.CaptureFixture[str]):
    assert main(["models", "defualt"]) == 1
    assert "no such model" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["{", "[]", '{"scope": 3}', '{"scope": {"format": 99}}'])
def test_a_damaged_folder_is_answered_by_a_sentence(folder: Path, capsys: pytest.CaptureFixture[str], content: str):
    (folder / "config.json").write_text(content)
    assert main(["models", str(folder)]) == 1
    assert "config.json" in capsys.readouterr().err


def test_a_folder_without_a_model_is_answered_by_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["models", str(tmp_path)]) == 1
    assert "config.json" in capsys.readouterr().err


def test_an_encoder_folder_tells_what_it_is_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    how = {"kind": "align", "images": 1200, "sentences": 90}
    (tmp_path / "encoder.json").write_text(json.dumps({"format": 1, "encoder": "mscan-tiny", "how": how}))
    assert main(["models", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "mscan-tiny, from 1,200 images without masks (align)" in said and "pseudo-label" not in said
    (tmp_path / "towers.json").write_text("{}")
    assert main(["models", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["points_at_words"] and told["sentences"] == 90

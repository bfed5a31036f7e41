"""``lexseg pretrain``: what all its ways have in common."""

from pathlib import Path

import pytest

from lexseg.cli.main import main

WAYS = ("align", "restoration", "field", "refiner", "lang2box")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("output", "message"),
    [(".", "the folder you are in"), ("full", "not empty"), ("note.txt/encoder", "note.txt")],
)
def test_a_folder_that_cannot_be_made_is_refused_before_the_training(
    way: str, output: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    """Nothing is read before: what is to be read is not there, and that is not what is complained of."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    for name in ("note.txt", "full/one.txt"):
        (tmp_path / name).write_text("mine", encoding="utf-8")
    assert main(["pretrain", way, "nowhere.csv", "--output", output]) == 1
    said = capsys.readouterr().err
    assert message in said and "nowhere" not in said
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["full", "note.txt", "one.txt"]

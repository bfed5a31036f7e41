"""Training on phantoms says so in the model card, and its validation never mixes them with real images."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lexseg.cases.manifest import read_manifest
from lexseg.cli.main import main

from .conftest import read_rows, write_rows


def lexseg(*arguments: str | Path) -> int:
    return main([str(a) for a in arguments])


@pytest.fixture
def mark(cases: Path) -> Callable[[str], Path]:
    """Marks the rows of a split as phantoms; "" marks all."""

    def write(split: str = "") -> Path:
        rows = [row | {"phantom": "yes" if split in ("", row["split"]) else ""} for row in read_rows(cases)]
        return write_rows(cases, rows)

    return write


def test_the_card_says_that_the_cases_are_phantoms(tmp_path: Path, recipe: Path, mark: Callable[[str], Path]) -> None:
    run = tmp_path / "run"
    assert lexseg("train", "--config", recipe, "--data.cases", mark(""), "--output", run, "--trainer.epochs", "1") == 0
    assert "drawn phantoms: the numbers say nothing about patients" in (run / "model/README.md").read_text()
    assert json.loads((run / "model/metrics.json").read_text())["val"]["phantoms"] is True


def test_phantoms_may_help_to_train_but_not_to_validate(
    tmp_path: Path, recipe: Path, mark: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("train", "--config", recipe, "--trainer.epochs", "1", "--data.cases")
    assert lexseg(*arguments, mark("train"), "--output", tmp_path / "run") == 0
    assert "phantom" not in (tmp_path / "run/model/README.md").read_text()
    rows = read_rows(mark(""))
    rows[-1]["phantom"] = "no"
    path = write_rows(tmp_path / "set/cases.csv", rows)
    assert len(read_manifest(path)) == len(rows)
    assert lexseg(*arguments, path, "--output", tmp_path / "other") == 1
    assert "are not scored together" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()

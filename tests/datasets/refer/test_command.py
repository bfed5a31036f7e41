"""``lexseg refer`` as it is typed."""

from typing import get_args

import pytest

from lexseg.cases.manifest import read_manifest
from lexseg.cli import refer as command
from lexseg.cli.main import main
from lexseg.datasets.refer import ANATOMIES
from lexseg.datasets.refer.nouns import NOUNS
from lexseg.datasets.refer.targets import TargetKind
from referring import LEFT_LOWER, RIGHT_UPPER


def lexseg(*arguments):
    return main([str(argument) for argument in arguments])


def test_a_set_is_made_and_checked(make_films, tmp_path, capsys):
    path = make_films([LEFT_LOWER], [LEFT_LOWER, RIGHT_UPPER], laterality="")
    assert lexseg("refer", path, "--output", tmp_path / "out", "--anatomy", "chest", "--captions") == 0
    printed = capsys.readouterr().out
    assert "2 images, 18 rows:" in printed and "2 caption" in printed
    assert "do not say whose left is left" in printed
    assert printed.splitlines()[-1] == f"wrote {tmp_path / 'out/cases.csv'}"
    # neither sentences nor the names of cases
    assert "infected lungs" not in printed and "f0" not in printed
    assert len(read_manifest(tmp_path / "out/cases.csv")) == 18
    assert lexseg("check", tmp_path / "out/cases.csv", "--text_encoder", "none") == 0


def test_all_options(make_films, tmp_path):
    path = make_films([LEFT_LOWER], words="an opacity")
    options = ["--targets", "classes", "--class_names", "255=nodule", "--anatomy", "grid", "--expressions", 3]
    options += ["--wordings", 2, "--captions", "--text_column", "words", "--min_area", 0.01, "--seed", 5]
    assert lexseg("refer", path, "--output", tmp_path / "out", *options) == 0
    cases = read_manifest(tmp_path / "out/cases.csv")
    assert len(cases) == 4 and cases[-1].text == "an opacity"
    assert all("nodule" in case.text.lower() for case in cases[:-1])


@pytest.mark.parametrize(
    "options, status, message",
    [
        (["--anatomy", "foot"], 2, "invalid choice: 'foot'"),
        (["--class_names", "one=cyst"], 2, "VALUE=NAME"),
        (["--expressions", "0"], 1, "at least one expression"),
        (["--class_column", "nowhere"], 1, "no column 'nowhere' in the manifest; it has none but those of every"),
        (["--min_area_mm2", "5"], 1, "--min-area-mm2: asked of volumes only"),
        (["--text_column", "nowhere"], 1, "there is no such column"),
    ],
)
def test_mistakes_are_told_without_a_traceback(make_films, tmp_path, capsys, options, status, message):
    path = make_films([LEFT_LOWER])
    assert lexseg("refer", path, "--output", tmp_path / "out", *options) == status
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_help_names_what_there_is():
    assert set(command.ANATOMIES) == set(ANATOMIES) == set(NOUNS)
    assert get_args(TargetKind) == command.TARGETS

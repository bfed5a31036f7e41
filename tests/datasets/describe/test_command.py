"""``lexseg describe`` as it is typed."""

import pytest

from lexseg.cases.manifest import read_manifest
from lexseg.cli import describe as command
from lexseg.cli.main import main
from lexseg.datasets.describe import STYLES
from referring import LEFT_LOWER, RIGHT_UPPER


def lexseg(*arguments):
    return main([str(argument) for argument in arguments])


def test_a_manifest_is_made_and_checked(make_films, tmp_path, capsys):
    path = make_films([LEFT_LOWER], [LEFT_LOWER, RIGHT_UPPER], [])
    assert lexseg("describe", path, "--style", "lvit", "--output", tmp_path / "out") == 0
    printed = capsys.readouterr().out
    assert "1 mask is empty" in printed
    assert "rows: 3, style: lvit, distinct sentences: 3, written from the mask" in printed and "upper bound" in printed
    assert printed.splitlines()[-1] == f"wrote {tmp_path / 'out/cases.csv'}"
    # neither sentences nor the names of cases
    assert "lung" not in printed and "f0" not in printed
    assert lexseg("check", tmp_path / "out/cases.csv", "--text_encoder", "none") == 0
    assert "sentences written from the mask  3 cases" in capsys.readouterr().out


def test_all_options(make_films, tmp_path, capsys):
    path = make_films([LEFT_LOWER], hue="red")
    options = ["--style", "p9", "--class_name", "polyp", "--description", "a lump", "--description", "a bump"]
    options += ["--color-column", "hue", "--min-area", 0.001, "--seed", 3]
    assert lexseg("describe", path, "--output", path.with_name("p9.csv"), *options) == 0
    (case,) = read_manifest(path.with_name("p9.csv"))
    assert case.text.replace("bump", "lump") == (
        "one small red oval polyp which is a lump located in bottom left of the image"
    )
    assert lexseg("describe", path, "--output", tmp_path / "p1", "--style", "p1", "--class-column", "hue") == 0
    assert "leak-free" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ([], 2, "--style"),
        (["--style", "p10"], 2, "invalid choice: 'p10'"),
        (["--style", "p6"], 1, "--class_name polyp, or --class_column NAME"),
        (["--style", "p8", "--class_name", "polyp"], 1, "needs a description in your words"),
        (["--style", "p1", "--class_column", "nowhere"], 1, "no column 'nowhere' in the manifest"),
        (["--style", "lvit", "--min_area", "2"], 1, "share of the image from 0 to 1"),
    ],
)
def test_mistakes_are_told_without_a_traceback(make_films, tmp_path, capsys, options, status, message):
    path = make_films([LEFT_LOWER])
    assert lexseg("describe", path, "--output", tmp_path / "out", *options) == status
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_help_names_what_there_is():
    assert tuple(STYLES) == command.STYLES

"""``lexseg check`` and ``lexseg import`` as they are typed."""

import argparse
import json
import re

import pytest

from lexseg.cli import check as check_command
from lexseg.cli import import_ as import_command
from lexseg.cli.main import main
from lexseg.datasets.importers import LAYOUTS


def lexseg(*arguments):
    return main([str(argument) for argument in arguments])


@pytest.fixture
def broken(make_set):
    rows = [{"split": "train", "text": "left lung"}] * 4 + [{"split": "val", "text": "[b]x[/b]", "id": "c1"}]
    path = make_set(*rows, {"split": "test", "text": "x"})
    (path.parent / "images/6.png").write_bytes(b"")
    return path


def test_check_prints_every_problem_and_exits_with_1(broken, capsys):
    assert lexseg("check", broken, "--text_encoder", "none") == 1
    printed, _ = capsys.readouterr()
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert any(line.startswith("cases 6 (train 4, val 1, test 1)") for line in lines)
    assert f"error {broken}, row 6 id id 'c1' is also that of row 2; ids must differ" in lines
    assert f"error {broken}, row 7 image images/6.png: the file is empty" in lines
    assert any(line.startswith(f"warning {broken}, rows 2-5 laterality the sentence names a side") for line in lines)
    assert lines[-1] == "6 cases: 2 errors, 4 warnings"


def test_check_of_a_sound_set(make_set, capsys):
    path = make_set({"split": "train", "text": "[red]an opacity[/red]"})
    assert lexseg("check", path, "--text-encoder", "none") == 0
    assert capsys.readouterr().out.splitlines()[-1].strip() == "1 cases: 0 errors, 0 warnings"


def test_check_writes_json(broken, tmp_path):
    assert lexseg("check", broken, "--text_encoder", "none", "--json", tmp_path / "report.json") == 1
    report = json.loads((tmp_path / "report.json").read_text())
    assert [(p["severity"], p["row"], p["column"]) for p in report["problems"][:2]] == [
        ("error", 6, "id"),
        ("error", 7, "image"),
    ]
    assert report["summary"]["cases"] == 6


def test_check_other_columns(make_set, capsys):
    path = make_set({"split": "train", "short": "x", "long": "y"})
    assert lexseg("check", path, "--text_column", "short, long", "--text_encoder", "none") == 0
    assert lexseg("check", path, "--text_column", "shrot", "--text_encoder", "none") == 1
    assert "'short', 'long'" in capsys.readouterr().out


def test_check_holds_sentences_against_minilm(make_set, capsys):
    path = make_set({"split": "train", "text": "opacity " * 600}, {"split": "train", "text": "\U0001f642 肺炎"})
    assert lexseg("check", path) == 1
    printed = capsys.readouterr().out
    assert re.search(r"row 2 +text +the sentence has \d{3,} tokens, .* reads at most 512", printed)
    assert "'minilm' does not know" in printed


def test_check_of_no_file(tmp_path, capsys):
    assert lexseg("check", tmp_path / "no.csv", "--text_encoder", "none") == 1
    assert "there is no such file" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["a.csv", "--nonsense"]])
def test_check_usage(arguments):
    assert lexseg("check", *arguments) == 2


@pytest.fixture
def source(make_set):
    return make_set(*[{"text": "x"}] * 10).parent


def test_import(source, tmp_path, capsys):
    arguments = ("--text", "a left polyp", "--split", "50/25/25", "--seed", "3", "--laterality", "image")
    assert lexseg("import", "folder", source, "--output", tmp_path / "out", *arguments, "--text_encoder", "none") == 0
    printed = capsys.readouterr().out
    assert f"wrote {tmp_path / 'out' / 'cases.csv'}" in printed
    assert "10 cases: 0 errors, 0 warnings" in printed
    assert lexseg("check", tmp_path / "out/cases.csv", "--text_encoder", "none") == 0


def test_import_refuses_without_a_traceback(source, tmp_path, capsys):
    (source / "images/1.png").write_bytes(b"")
    (source / "masks/2.png").write_bytes(b"x")
    assert lexseg("import", "folder", source, "--output", tmp_path / "out", "--text_encoder", "none") == 1
    _, printed = capsys.readouterr()
    assert printed.startswith("error: ")
    assert "2 problems" in printed
    assert "Traceback" not in printed
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("split", ["70/15", "a/b/c", "70/15/16"])
def test_import_usage(source, tmp_path, split, capsys):
    assert lexseg("import", "folder", source, "--output", tmp_path / "out", "--split", split) == 2
    assert "such as 70/15/15" in capsys.readouterr().err
    assert lexseg("import", "nonsense", source, "--output", tmp_path / "out") == 2
    assert lexseg("import", "folder", source) == 2


def test_the_command_names_every_layout():
    assert set(import_command.LAYOUTS) == set(LAYOUTS)


def test_parsers_name_their_command():
    subparsers = argparse.ArgumentParser().add_subparsers()
    for command in (check_command, import_command):
        command.add_parser(subparsers)
    assert set(subparsers.choices) == {"check", "import"}

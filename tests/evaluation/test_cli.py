"""``lexseg evaluate`` from the command line."""

import argparse
import csv
import json
from dataclasses import replace

import pytest

from lexseg.cases.manifest import read_manifest
from lexseg.cases.splits import fold_cases
from lexseg.cli.evaluate import add_parser
from lexseg.cli.main import main


def parse(*arguments):
    parser = argparse.ArgumentParser(prog="lexseg")
    add_parser(parser.add_subparsers())
    return parser.parse_args(["evaluate", *arguments])


@pytest.mark.parametrize(
    "arguments",
    [
        ["m", "c.csv", "--split", "val", "--output", "o"],
        ["--split", "val", "--output", "o", "m", "c.csv"],
        ["m", "--split", "val", "c.csv", "--output", "o"],
    ],
)
def test_options_may_stand_anywhere(arguments):
    args = parse(*arguments)
    assert (args.inputs, args.split, str(args.output)) == (["m", "c.csv"], "val", "o")


def test_masks_of_another_tool(tmp_path, manifest, masks_of, capsys):
    folder = masks_of(lambda case: f"{case.id}.png")
    arguments = ["evaluate", str(manifest), "--predictions", str(folder), "--output", str(tmp_path / "out")]
    assert main([*arguments, "--split", "all", "--resamples", "20"]) == 0
    printed = capsys.readouterr().out
    assert "per image   Dice 1.0000" in printed and "missed 0, false alarms 0" in printed
    assert json.loads((tmp_path / "out" / "report.json").read_text())["split"] == "all"


def test_splits_of_a_run(tmp_path, manifest, masks_of, capsys):
    """A split that training made stands in its folder and not in the manifest."""
    folder, out = masks_of(lambda case: f"{case.id}.png"), tmp_path / "out"
    cases = read_manifest(manifest)
    written = fold_cases([replace(case, split=None) for case in cases], 3, 1)
    file = tmp_path / "split.csv"
    file.write_text("id,split\n" + "".join(f"{case.id},{case.split}\n" for case in written))
    arguments = ["evaluate", str(manifest), "--predictions", str(folder), "--output", str(out), "--resamples", "20"]
    assert main([*arguments, "--split-file", str(file), "--split", "val"]) == 0
    with open(out / "cases.csv", newline="") as scored:
        names = [row["id"] for row in csv.DictReader(scored)]
    assert names == [case.id for case in written if case.split == "val"]
    assert 0 < len(names) < len(cases)
    capsys.readouterr()
    assert main([*arguments, "--split-file", str(file)]) == 1  # test, of which there are none now
    assert "train (3), val (3)" in capsys.readouterr().err
    file.write_text("id,split\nc0,train\n")
    assert main([*arguments, "--split-file", str(file)]) == 1
    assert "5 of 6 cases have no split in" in capsys.readouterr().err


def test_mistakes_are_messages(tmp_path, manifest, masks_of, capsys):
    folder, out = masks_of(lambda case: f"{case.id}.png", skip=("c5",)), str(tmp_path / "out")
    assert main(["evaluate", str(manifest), "--predictions", str(folder), "--output", out]) == 1
    assert "'c5'" in capsys.readouterr().err
    assert main(["evaluate", str(manifest), "--predictions", str(folder), "--output", out, "--split", "dev"]) == 1
    assert "test (2), val (4)" in capsys.readouterr().err
    assert main(["evaluate", str(manifest), "--predictions", str(tmp_path / "none"), "--output", out]) == 1
    assert main(["evaluate", str(manifest), "--output", out]) == 2
    assert main(["evaluate", "m", str(manifest), "--predictions", str(folder), "--output", out]) == 2
    for option, value in (("--resamples", "0"), ("--seed", "-1")):
        assert main(["evaluate", "m", str(manifest), "--output", out, option, value]) == 2
        assert option in capsys.readouterr().err
    assert not (tmp_path / "out").exists()

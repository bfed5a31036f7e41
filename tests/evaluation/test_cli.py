"""``lexseg evaluate`` from the command line."""

import argparse
import json

import pytest

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


def test_mistakes_are_messages(tmp_path, manifest, masks_of, capsys):
    folder, out = masks_of(lambda case: f"{case.id}.png", skip=("c5",)), str(tmp_path / "out")
    assert main(["evaluate", str(manifest), "--predictions", str(folder), "--output", out]) == 1
    assert "'c5'" in capsys.readouterr().err
    assert main(["evaluate", str(manifest), "--predictions", str(folder), "--output", out, "--split", "dev"]) == 1
    assert "test (2), val (4)" in capsys.readouterr().err
    assert main(["evaluate", str(manifest), "--predictions", str(tmp_path / "none"), "--output", out]) == 1
    assert main(["evaluate", str(manifest), "--output", out]) == 2
    assert main(["evaluate", "m", str(manifest), "--predictions", str(folder), "--output", out]) == 2
    assert not (tmp_path / "out").exists()

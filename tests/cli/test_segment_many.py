"""``lexseg segment`` of many images: several at a time, and resumed."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from lexseg.cli.main import ENGINES, main
from lexseg.predict.engines import CHOICES


@pytest.fixture
def films(tmp_path):
    folder, random = tmp_path / "films", np.random.default_rng(0)
    folder.mkdir()
    for i in range(6):
        Image.fromarray(random.integers(0, 256, (40 + 7 * i, 60), dtype=np.uint8)).save(folder / f"film{i}.png")
    (folder / "film2.png").write_bytes(b"no picture")
    return folder


@pytest.fixture
def segment(sides_folder, films, tmp_path, capsys):
    def call(out, *options, text="bright left"):
        arguments = [str(films), "--text", text, "--model", str(sides_folder), "--output", str(tmp_path / out)]
        status = main(["segment", *arguments, *options])
        return status, capsys.readouterr().err

    return call


def content(folder):
    """Every file but for the seconds that it took."""
    found = {}
    for path in sorted(folder.iterdir()):
        values = json.loads(path.read_text()) if path.suffix == ".json" else None
        found[path.name] = path.read_bytes() if values is None else {k: v for k, v in values.items() if k != "seconds"}
    return found


def test_several_at_a_time_write_what_one_after_the_other_writes(segment, tmp_path):
    alone, together = segment("alone", "--workers", "1"), segment("together", "--workers", "3")
    assert alone[0] == together[0] == 1
    assert "5 done, 1 could not be segmented" in together[1]
    assert content(tmp_path / "alone") == content(tmp_path / "together")
    assert len(content(tmp_path / "alone")) == 15


def test_what_is_written_is_not_done_again(segment, tmp_path):
    segment("out")
    out = tmp_path / "out"
    (out / "film1_overlay.png").unlink()
    (out / "film4.json").write_text("{")
    times = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    _, said = segment("out", "--resume")
    assert "3 of 6 are written already" in said
    changed = {
        path.name.split("_")[0].split(".")[0]
        for path in out.iterdir()
        if times.get(path.name) != path.stat().st_mtime_ns
    }
    assert changed == {"film1", "film4"}


def test_what_a_killed_run_had_begun_is_removed_and_nothing_else(segment, tmp_path):
    segment("out")
    begun, another, mine, within = (
        tmp_path / "out" / name
        for name in (".0123abcd.89abcdef", ".4567abcd.89abcdef", ".mine.89abcdef", "d/.0123abcd.89abcdef")
    )
    within.parent.mkdir()
    for path in (begun, another, mine, within):
        path.write_bytes(b"a patient")
        if path != another:  # which may be another process's, that still writes it
            os.utime(path, (0, 0))
    segment("out", "--resume")
    assert [path.exists() for path in (begun, another, mine, within)] == [False, True, True, True]


def test_results_of_another_model_are_done_again(segment, tmp_path):
    segment("out")
    path = tmp_path / "out" / "film0.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_sha256": "0" * 64}))
    assert "4 of 6 are written already" in segment("out", "--resume")[1]


def test_maps_of_several_sentences_are_not_made_again(segment, tmp_path):
    asked = ("--text", "bright right", "--together")
    segment("out", *asked)
    out = tmp_path / "out"
    names = {f"film{n}_{end}" for n in (0, 1, 3, 4, 5) for end in ("labels.png", "labels.json", "overlay.png")}
    assert {path.name for path in out.iterdir()} == names
    assert set(np.unique(np.asarray(Image.open(out / "film5_labels.png")))) == {0, 1, 2}
    (out / "film1_labels.png").unlink()
    assert "4 of 6 are written already" in segment("out", *asked, "--resume")[1]
    assert {path.name for path in out.iterdir()} == names
    # a map of other sentences is another
    assert "written already" not in segment("out", *asked, "--text", "bright", "--resume")[1]


def test_the_engines_of_the_command_line_are_those_that_there_are():
    assert ENGINES == CHOICES

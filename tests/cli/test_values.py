"""Progress where the output is no terminal; how many cores are used."""

import os

import numpy as np
import pytest
import torch
from PIL import Image

from lexseg.cli.check import progress_bar
from lexseg.cli.main import EVERY, SpokenProgress, main


class Clock:
    """Seconds that a test sets."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_short_work_says_nothing(capsys):
    clock = Clock()
    said = SpokenProgress("scoring", clock)
    for done in range(1, 101):
        clock.now += EVERY / 200
        said(done, 100)
    assert capsys.readouterr() == ("", "")


def test_long_work_says_a_line_now_and_then_to_standard_error(capsys):
    clock = Clock()
    said = SpokenProgress("scoring", clock)
    for done in range(1, 101):
        clock.now += 1
        said(done, 100)
    out, err = capsys.readouterr()
    assert out == "" and err.splitlines() == [
        "scoring: 30 of 100 (30%), 30 s", "scoring: 60 of 100 (60%), 60 s", "scoring: 90 of 100 (90%), 90 s",
    ]  # fmt: skip


def test_work_of_unknown_length(capsys):
    clock = Clock()
    said = SpokenProgress("frames", clock)
    clock.now += 40
    said(1234, None)
    assert capsys.readouterr().err == "frames: 1,234, 40 s\n"


def test_commands_say_it_where_there_is_no_terminal(capsys, monkeypatch):
    monkeypatch.setattr("lexseg.cli.main.EVERY", 0.0)
    with progress_bar("Reading cases") as progress:
        progress(1, 2)
        progress(2, 2)
    err = capsys.readouterr().err
    assert "Reading cases: 1 of 2 (50%)" in err and "\x1b" not in err


@pytest.fixture
def threads(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", str(before))
    yield before
    torch.set_num_threads(before)


def test_the_number_of_cores_is_an_option(sides_folder, tmp_path, threads):
    Image.fromarray(np.eye(40, dtype=np.uint8) * 255).save(tmp_path / "film.png")
    wanted = 2 if threads == 1 else 1
    asked = ["segment", str(tmp_path / "film.png"), "--text", "bright", "--model", str(sides_folder)]
    assert main([*asked, "--threads", str(wanted), "--output", str(tmp_path / "out")]) == 0
    assert torch.get_num_threads() == wanted
    assert os.environ["OMP_NUM_THREADS"] == str(wanted)  # which ONNX Runtime's sessions are opened with


def test_no_core_is_no_number_of_cores(tmp_path, capsys):
    assert main(["segment", "x.png", "--threads", "0", "--output", str(tmp_path)]) == 2
    assert "--threads" in capsys.readouterr().err

"""``lexseg correct --voice``: recordings become corrections once they are confirmed. A recogniser that is told what it
hears stands in for Whisper."""

import io
import threading
import time

import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile

import fakes
from lexseg.cli import correct_voice
from lexseg.cli.main import main
from lexseg.interaction import hearing
from lexseg.interaction.record import read_record

WORDS = ["2 px smaller", "3 px larger", "feel no fouls", "yes", "no", "accept", "quit"]


class Told:
    """Hears the word whose number is the sound's level: the way from the file to the recogniser is the real one."""

    def __init__(self, model):
        assert model == "tiny.en"

    def __call__(self, sound):
        return WORDS[round(float(np.abs(sound).max()) * 10)]


@pytest.fixture(autouse=True)
def recogniser(monkeypatch):
    monkeypatch.setattr(hearing, "Whisper", Told)


@pytest.fixture
def correct(tmp_path, sides_folder, monkeypatch):
    Image.fromarray((fakes.picture() * 255).astype(np.uint8)).save(tmp_path / "film.png")

    def call(*arguments, typed=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        told = ["--text", "bright left", "--model", sides_folder, "--device", "cpu", "--save", tmp_path / "said.json"]
        return main(["correct", *map(str, [tmp_path / "film.png", *told, "--voice", "tiny.en", *arguments])])

    return call


def record(path, words):
    wavfile.write(path, 16_000, np.full(16_000, WORDS.index(words) / 10, np.float32))
    return path


def said(tmp_path):
    return [(event.said, event.act is not None) for event in read_record(tmp_path / "said.json").steps]


def test_a_recording_is_shown_and_done_after_a_typed_yes(correct, tmp_path, capsys):
    path = record(tmp_path / "a.wav", "3 px larger")
    assert correct("--hear", path, typed="yes\n") == 0
    out = capsys.readouterr().out
    assert out.index('heard: "3 px larger"') < out.index("larger by 3")
    assert said(tmp_path) == [("3 px larger", True)]


@pytest.mark.parametrize("typed", ["no\n", "\n", ""])
def test_without_a_yes_nothing_is_done(correct, tmp_path, capsys, typed):
    assert correct("--hear", record(tmp_path / "a.wav", "3 px larger"), typed=typed) == 1
    out, err = capsys.readouterr()
    assert "nothing was changed" in out and "1 of 1" in err and said(tmp_path) == []


def test_what_is_typed_takes_the_place_of_what_was_heard(correct, tmp_path):
    assert correct("--hear", record(tmp_path / "a.wav", "3 px larger"), typed="2 px smaller\n") == 0
    assert said(tmp_path) == [("2 px smaller", True)]


def test_several_recordings_are_confirmed_one_by_one(correct, tmp_path, capsys):
    paths = [record(tmp_path / f"{i}.wav", WORDS[i]) for i in range(3)]
    hear = [part for path in paths for part in ("--hear", path)]
    assert correct(*hear, typed="yes\nyes\n") == 1  # the third is not understood and waits for nobody
    assert said(tmp_path) == [(WORDS[0], True), (WORDS[1], True)] and "'fouls'" in capsys.readouterr().out


def test_a_recording_that_cannot_be_read_is_told_before_anything_is_done(correct, tmp_path, capsys):
    (tmp_path / "b.wav").write_bytes(b"RIFF")
    hear = ["--hear", record(tmp_path / "a.wav", "3 px larger"), "--hear", tmp_path / "b.wav"]
    assert correct(*hear, typed="yes\n") == 1
    assert "b.wav" in capsys.readouterr().err and not (tmp_path / "said.json").exists()


def test_listens_and_is_answered_by_voice_alone(correct, tmp_path, monkeypatch, capsys):
    """A recording that is not whole is told, and the next one is heard."""

    def spoken(path):
        for words in ("3 px larger", "no", "2 px smaller", "yes", None, "accept", "yes", "3 px larger"):
            path.write_bytes(b"RIFF") if words is None else record(path, words)
            yield path

    monkeypatch.setattr(correct_voice, "_written", spoken)
    assert correct("--listen", tmp_path / "said.wav") == 0
    assert said(tmp_path) == [("2 px smaller", True), ("accept", True)]
    assert "not heard" in capsys.readouterr().out


def test_quit_ends_it_unconfirmed(correct, tmp_path, monkeypatch):
    monkeypatch.setattr(correct_voice, "_written", lambda path: (record(path, words) for words in ("quit", "accept")))
    assert correct("--listen", tmp_path / "said.wav") == 0
    assert said(tmp_path) == []


def test_a_file_is_heard_when_it_is_written_anew_and_whole(tmp_path, monkeypatch):
    """What is there at first is old, and what a recorder still writes to is not whole."""
    monkeypatch.setattr(correct_voice, "_QUIET", 1.0)
    path, begun = tmp_path / "said.wav", threading.Event()
    path.write_bytes(b"old")
    state = correct_voice._state
    monkeypatch.setattr(correct_voice, "_state", lambda path: (state(path), begun.set())[0])

    def write():
        begun.wait(30)
        with path.open("wb", buffering=0) as file:
            for _ in range(4):
                time.sleep(0.15)
                file.write(b"new ")

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    assert next(correct_voice._written(path)).read_bytes() == b"new " * 4
    writer.join()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ([], "give one of them"),
        (["--hear", "a.wav", "--listen", "b.wav"], "give one of them"),
        (["--hear", "a.wav", "--say", "bigger"], "leave --say"),
    ],
)
def test_options_that_do_not_go_together_are_refused(correct, capsys, options, why):
    assert correct(*options) == 1
    assert why in capsys.readouterr().err


def test_a_recording_needs_a_recogniser(capsys):
    assert main(["correct", "film.png", "--hear", "a.wav"]) == 1
    assert "--voice" in capsys.readouterr().err

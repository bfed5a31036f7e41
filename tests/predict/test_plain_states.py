"""Plain sentences are answered by states that lie beside the graphs: the text encoder is not even opened for them."""

import json
import shutil
import threading
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from lexseg.encoders.text import create_text_encoder
from lexseg.errors import ModelError
from lexseg.export.folder import export_model
from lexseg.graphs.plain import plain_states
from lexseg.graphs.store import ABOUT, FOLDER, PLAIN, TEXT_ENCODER, Weights, open_graphs
from lexseg.language.asking import plain_sentences
from lexseg.models.config import bundled_models, read_config
from lexseg.predict.engines import OnnxEngine, SentenceStates, Threads
from lexseg.predict.segmenter import Segmenter

DEFAULT = bundled_models()["default"]
EXAMPLES = Path(str(files("lexseg"))) / "assets" / "examples" / "images"
FILM = EXAMPLES / "cxr_00003426.png"
UNDERSTOOD = ("opacity in the left lung", "What is wrong with the right lung?", "Mark the pneumonia.")


def closed(segmenter, monkeypatch):
    def never():
        raise AssertionError("the text encoder was opened")

    assert segmenter.engine._sentences._session is None
    monkeypatch.setattr(segmenter.engine._sentences, "_open", never)
    return segmenter


@pytest.fixture
def copied(tmp_path):
    """The graphs of the bundled model, to be changed: its folder stays as it is."""
    return shutil.copytree(DEFAULT / FOLDER, tmp_path / "graphs")


def test_the_stored_states_are_the_text_encoders(tmp_path):
    """Where this fails, plain words or the text encoder have changed: `make graphs`."""
    config = read_config(DEFAULT)
    (tmp_path / PLAIN).write_bytes(plain_states(create_text_encoder(config.text_encoder), config))
    stored, fresh = Weights(DEFAULT / FOLDER / PLAIN), Weights(tmp_path / PLAIN)
    assert set(stored) == set(fresh) == set(plain_sentences(config.plain))
    for sentence in fresh:
        assert stored[sentence].shape == fresh[sentence].shape, sentence
        assert np.abs(stored[sentence] - fresh[sentence]).max() < 1e-5, sentence
    assert (DEFAULT / FOLDER / PLAIN).stat().st_size < 1_000_000


@pytest.mark.parametrize("tta", [False, True])
def test_what_is_understood_needs_no_text_encoder(monkeypatch, tta):
    segmenter = closed(Segmenter.from_pretrained("default", engine="onnx"), monkeypatch)
    session = segmenter.set_image(FILM, tta=tta)
    assert [session.segment(text).outside for text in (*UNDERSTOOD, None)] == [None] * 4
    assert segmenter.segment(EXAMPLES / "breast_case012.png", "Is there a breast tumour?").found


def test_what_is_not_understood_has_it_opened_and_fails_by_name(monkeypatch):
    segmenter = Segmenter.from_pretrained("default", engine="onnx")
    session = segmenter.set_image(FILM)

    def fails():
        raise ModelError("model.safetensors: was changed")

    monkeypatch.setattr(segmenter.engine._sentences, "_open", fails)
    for again in ("a hippopotamus", "a hippopotamus"):
        with pytest.raises(ModelError, match="was changed"):
            session.segment(again)
    assert session.segment(UNDERSTOOD[0]).outside is None
    with pytest.raises(ModelError, match="was changed"):
        segmenter.open_all()


def test_the_answers_are_those_of_the_text_encoder_itself(copied):
    config = read_config(DEFAULT)
    about = json.loads((copied / ABOUT).read_text())
    del about["files"][PLAIN]  # as graphs were before there were such states
    (copied / ABOUT).write_text(json.dumps(about))
    engines = [OnnxEngine.of(graphs, DEFAULT, config) for graphs in (DEFAULT / FOLDER, copied)]
    image = np.random.default_rng(0).random((1, 3, *config.size), np.float32)
    texts = plain_sentences(config.plain)
    one, other = (engine.answer(engine.look(image), [0] * len(texts), texts) for engine in engines)
    assert np.abs(one[0] - other[0]).max() < 2e-3
    assert np.abs(one[1] - other[1]).max() < 1e-4


def test_states_of_another_text_encoder_are_passed_over(copied):
    about = json.loads((copied / ABOUT).read_text())
    (copied / ABOUT).write_text(json.dumps(about | {"text_sha256": "0" * 64}))
    assert not open_graphs(copied, DEFAULT, read_config(DEFAULT)).plain


@pytest.mark.parametrize("name", [PLAIN, TEXT_ENCODER])
def test_a_changed_file_is_refused_by_name(copied, name):
    content = bytearray((copied / name).read_bytes())
    content[-1] ^= 1
    (copied / name).write_bytes(content)
    with pytest.raises(ModelError, match=f"{name}.*was changed"):
        OnnxEngine.of(copied, DEFAULT, read_config(DEFAULT)).open_all()


@pytest.mark.slow
def test_an_exported_model_opens_its_text_encoder_as_late(tmp_path, monkeypatch):
    export_model("default", tmp_path / "onnx")
    segmenter = closed(Segmenter.from_pretrained(tmp_path / "onnx"), monkeypatch)
    session = segmenter.set_image(FILM)
    own = Segmenter.from_pretrained("default", engine="onnx").set_image(FILM)
    for text in UNDERSTOOD:
        one, other = session.segment(text), own.segment(text)
        assert one.state == other.state and abs(one.presence - other.presence) < 1e-4
    assert PLAIN in (tmp_path / "onnx" / "README.md").read_text()


def test_many_threads_open_it_once():
    made, waiting = [], threading.Barrier(4)

    def make():
        made.append(1)
        return "graph"

    states = SentenceStates(make, None, Threads(1))

    def ask():
        waiting.wait()
        assert states.open() == "graph"

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert made == [1]

"""What tests of all rooms share."""

import logging
import os
from pathlib import Path

import pytest

from lexseg.extensions import VARIABLE


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The development data, named by LEXSEG_DATA; a test that asks for it is skipped where it is not there."""
    folder = os.environ.get("LEXSEG_DATA")
    if not folder:
        pytest.skip("LEXSEG_DATA is not set")
    root = Path(folder)
    if not root.is_dir():
        pytest.fail(f"LEXSEG_DATA is {folder}, which is not a folder")
    return root


@pytest.fixture(autouse=True)
def environment():
    """Commands tell their own processes by the environment; what one test's commands said is not for the next's."""
    names = (VARIABLE, "OMP_NUM_THREADS", "HF_HUB_OFFLINE")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    yield
    for name in names:
        os.environ.pop(name, None)
    os.environ.update(kept)


@pytest.fixture
def server_logs():
    """For tests that call ``lexseg serve``: its handler would go on writing to a stream that pytest has closed."""
    logs = [logging.getLogger(name) for name in ("lexseg.server", "uvicorn", "python_multipart")]
    kept = [(log.handlers, log.propagate, log.level) for log in logs]
    yield
    for log, (handlers, propagate, level) in zip(logs, kept, strict=True):
        log.handlers, log.propagate = handlers, propagate
        log.setLevel(level)


@pytest.fixture
def sides():
    """A segmenter whose answers can be worked out by hand (:class:`fakes.Sides`)."""
    import fakes
    from lexseg.predict.segmenter import Segmenter

    model = fakes.Sides(text_encoder=fakes.WORDS)
    encoder = model.text_input.encoder
    return Segmenter(model, encoder, size=fakes.SIZE, laterality="image", name="sides", device="cpu")


@pytest.fixture
def careful_sides():
    """The same, but it says whether what it is asked for is there."""
    import fakes
    from lexseg.predict.segmenter import Segmenter

    model = fakes.Sides(text_encoder=fakes.WORDS, presence=True)
    calibration = {"scale": 0.5, "bias": -1.0, "threshold": 0.7}
    encoder = model.text_input.encoder
    return Segmenter(
        model, encoder, size=fakes.SIZE, presence=calibration, laterality="image", name="sides", device="cpu"
    )


@pytest.fixture
def scoped(careful_sides):
    """The same, which knows what it has learnt (:class:`fakes.Known`)."""
    import fakes

    careful_sides.scope = fakes.Known()
    return careful_sides


@pytest.fixture
def known_scope(monkeypatch):
    """Every model folder has that scope."""
    import fakes

    monkeypatch.setattr("lexseg.models.scope.Scope.load", classmethod(lambda cls, folder: fakes.Known()))


@pytest.fixture
def sides_folder(tmp_path, monkeypatch):
    """The same as a model folder."""
    return _model_folder("Sides", tmp_path, monkeypatch)


@pytest.fixture
def unsure_folder(tmp_path, monkeypatch):
    """A model folder of one that says what is not there (:class:`fakes.Unsure`)."""
    return _model_folder("Unsure", tmp_path, monkeypatch)


def _model_folder(name, tmp_path, monkeypatch):
    import fakes
    from lexseg.models import MODELS
    from lexseg.models.io import ModelConfig, save_model

    method, model = name.lower(), getattr(fakes, name)(text_encoder=fakes.WORDS)
    monkeypatch.setitem(MODELS, method, f"fakes:{name}")
    config = ModelConfig(method=method, arguments={}, size=fakes.SIZE, text_encoder=fakes.WORDS, laterality="image")
    save_model(tmp_path / method, model, config, card=f"# {name}\n")
    return tmp_path / method

"""A model that looks twice, as ONNX graphs."""

import pytest
import torch

import tiny
from lexseg.export.folder import export_model
from lexseg.models import MODELS
from lexseg.models.corrected import Corrected
from lexseg.models.io import ModelConfig, save_model

WORDS = {"kind": "word", "vocabulary": ["left", "right"], "width": 16, "layers": 1, "heads": 2, "trainable": True}


@pytest.mark.slow
def test_it_answers_as_graphs_too(tmp_path, monkeypatch):
    """What is exported was held against the network: a graph that answers otherwise does not leave the house."""
    monkeypatch.setitem(MODELS, "tiny-pyramid", tiny.PYRAMID_PLACE)
    torch.manual_seed(0)
    model = Corrected.around(tiny.TinyPyramid(text_encoder=WORDS))
    arguments = model.configuration("tiny-pyramid", {"text_width": 16, "text_encoder": WORDS})
    config = ModelConfig(Corrected.name, arguments, (64, 64), text_encoder=WORDS, laterality="image")
    save_model(tmp_path / "model", model.eval(), config, card="")
    export_model(tmp_path / "model", tmp_path / "graphs")
    assert {"image_encoder.onnx", "text_encoder.onnx", "decoder.onnx"} <= {
        f.name for f in (tmp_path / "graphs").iterdir()
    }

"""Models that stand around another, as ONNX graphs."""

import pytest
import torch

import tiny
from lexseg.export.folder import export_model
from lexseg.models import MODELS
from lexseg.models.corrected import Corrected
from lexseg.models.io import ModelConfig, save_model
from lexseg.models.two_scales import TwoScales

WORDS = {"kind": "word", "vocabulary": ["left", "right"], "width": 16, "layers": 1, "heads": 2, "trainable": True}


@pytest.mark.slow
@pytest.mark.parametrize("words", [WORDS, None])
def test_it_answers_as_graphs_too(words, tmp_path, monkeypatch):
    """What is exported was held against the network: a graph that answers otherwise does not leave the house."""
    place, cls, within = (
        (tiny.UNET_PLACE, TwoScales, tiny.TinyUNet)
        if words is None
        else (tiny.PYRAMID_PLACE, Corrected, tiny.TinyPyramid)
    )
    monkeypatch.setitem(MODELS, within.name, place)
    torch.manual_seed(0)
    given = {} if words is None else {"text_width": 16, "text_encoder": words}
    model = cls.around(within() if words is None else within(text_encoder=words))
    config = ModelConfig(
        cls.name, cls.configuration(within.name, given), (64, 64), text_encoder=words, laterality="image"
    )
    save_model(tmp_path / "model", model.eval(), config, card="")
    export_model(tmp_path / "model", tmp_path / "graphs")
    graphs = {file.name for file in (tmp_path / "graphs").glob("*.onnx")}
    assert graphs == {"image_encoder.onnx", "decoder.onnx"} | ({"text_encoder.onnx"} if words else set())

"""What several tests of few shots share."""

import pytest
import torch

from lexseg.models import MODELS
from lexseg.models.io import LoadedModel, ModelConfig

_SIZES = {"width": 16, "layers": 1, "heads": 2, "max_length": 8}
WORDS = {"kind": "word", "vocabulary": ["disc", "square"], **_SIZES}


@pytest.fixture
def base(monkeypatch, tmp_path):
    """A small model that reads words."""
    monkeypatch.setitem(MODELS, "tiny", "tiny:Tiny")
    import tiny

    torch.manual_seed(0)
    model = tiny.Tiny(text_width=16, text_encoder=WORDS).eval()
    config = ModelConfig(
        "tiny", {"text_width": 16}, (64, 64), text_encoder=WORDS | {"trainable": True}, laterality="image"
    )
    return LoadedModel(model, model.text_input.encoder, config, tmp_path / "tiny")

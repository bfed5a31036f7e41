"""A small model with words of its own, as a folder, and its graphs."""

import numpy as np
import pytest
import torch

import tiny
from lexseg.graphs.make import make_graphs
from lexseg.models import MODELS
from lexseg.models.io import ModelConfig, save_model

WORDS = {
    "kind": "word",
    "vocabulary": ["left", "right", "lung", "opacity", "."],
    "width": 16,
    "layers": 1,
    "heads": 2,
    "trainable": True,
}
SIZE = (64, 96)


def save(folder, seed=0, **config):
    """The model, with weights of a seed."""
    torch.manual_seed(seed)
    model = tiny.TinyPresence(text_encoder=WORDS)
    with torch.no_grad():
        model.encoder[1].running_mean.normal_()  # a norm that has learnt something
        model.encoder[1].running_var.uniform_(0.5, 2)
    values = {"method": "tiny-presence", "arguments": {}, "size": SIZE, "text_encoder": WORDS, "laterality": "image"}
    save_model(folder, model, ModelConfig(**values | config), card="# tiny\n")
    return folder


@pytest.fixture(scope="session")
def registered():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "tiny-presence", tiny.PRESENCE_PLACE)
        yield


@pytest.fixture(scope="session")
def model_folder(registered, tmp_path_factory):
    return save(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def graphs(model_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs") / "graphs"
    make_graphs(model_folder, folder)
    return folder


@pytest.fixture(scope="session")
def images():
    return np.random.default_rng(0).random((3, 3, *SIZE), dtype=np.float32)

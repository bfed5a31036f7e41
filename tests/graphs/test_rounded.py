"""The text encoder of an install without torch: half the bytes, and nearly what it was."""

import numpy as np
import pytest

from lexseg.encoders.text.reader import minilm_folder, minilm_reader
from lexseg.errors import ModelError
from lexseg.graphs.rounded import write_rounded
from lexseg.graphs.store import Weights, text_fingerprint
from lexseg.models.config import bundled_models, read_config


@pytest.fixture(scope="module")
def rounded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rounded") / "minilm"
    write_rounded(folder)
    return folder


def test_every_number_is_as_near_as_its_row_allows(rounded):
    own, read = Weights(minilm_folder() / "model.safetensors"), Weights(rounded / "model.safetensors")
    assert set(read) == {name for name in own if not name.startswith(("pooler.", "embeddings.position_ids"))}
    for name in read:
        if own[name].ndim == 2:
            step = np.abs(own[name]).max(1, keepdims=True) / 32767
            assert (np.abs(read[name] - own[name]) <= 0.51 * step).all(), name
        else:
            assert np.array_equal(read[name], own[name]), name
    assert read.path.stat().st_size < 0.51 * own.path.stat().st_size


def test_it_stands_for_the_encoder_that_the_bundled_model_was_trained_with(rounded):
    config = read_config(bundled_models()["default"])
    told = text_fingerprint(Weights(rounded / "model.safetensors"), minilm_reader())
    assert told == config.text_encoder_sha256


def test_one_changed_byte_is_refused(rounded, tmp_path):
    for path in rounded.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    content = bytearray((tmp_path / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="was changed since it was packaged"):
        text_fingerprint(Weights(tmp_path / "model.safetensors"), minilm_reader())

"""The scripts that trained the bundled model on a GPU machine, on a CPU and on a few images."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parents[2]))
import gpu_pack
import gpu_train
from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.training.augment import AugmentConfig

from .conftest import RECIPE, STILL


@pytest.fixture(scope="module")
def folder(manifests, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpu")
    gpu_pack.make(manifests, folder)
    return folder


@pytest.fixture
def drawn(folder, monkeypatch):
    monkeypatch.setattr(gpu_train, "CONFIG", STILL)
    return gpu_train.Drawn(folder, torch.device("cpu"), gpu_train.SHARES, gpu_train.KINDS, 0)


def test_a_batch_is_what_the_files_say(drawn, manifests, monkeypatch):
    image, text, target = drawn.draw(6, 2, 128)
    assert image.shape == (6, 3, 128, 128) and len(text) == 12 and target.mask.shape == (12, 1, 128, 128)
    assert torch.equal(target.present == 1, target.mask.flatten(1).amax(1) > 0.5)
    assert 0 < float(target.present.mean()) < 1
    # the states are the encoder's
    known = TextPipeline(create_text_encoder({"kind": "minilm"}))
    sentences = ["mass in the left half of the picture", "mass in the right half of the picture"]
    for sentence in sentences:
        states = known([sentence]).states[0]
        length = drawn.starts.diff()
        found = [
            i for i in torch.nonzero(length == len(states)).flatten().tolist()
            if torch.allclose(drawn.tokens[drawn.starts[i] : drawn.starts[i + 1]].float(), states, atol=5e-3)
        ]  # fmt: skip
        assert found  # of several that differ in letter case alone, all
    first = found[0]
    assert drawn.t["swapped"].shape[1] == 2 and (drawn.t["swapped"][first] >= 0).sum() == 1


def test_mirrored_images_keep_their_masks(drawn):
    rows = drawn.t["image"].long()
    for row in range(4):
        theta, zoomed = drawn.placed(1, torch.tensor([True]))
        valid = torch.ones(1, 1, 224, 224, dtype=torch.bool)
        one = torch.tensor([row])
        target = drawn.target(one, torch.tensor([1]), theta, zoomed, valid, rows[one])
        assert torch.allclose(target.mask, drawn.masks(drawn.t["mask"][one]).flip(-1), atol=0.51)
        assert float((target.mask - drawn.masks(drawn.t["mask"][one]).flip(-1)).abs().mean()) < 0.02


def test_another_scanner_leaves_things_in_their_places(drawn, monkeypatch):
    monkeypatch.setattr(gpu_train, "CONFIG", AugmentConfig(scanner=1.0))
    x = drawn.images[:4].float() / 255
    x = torch.nn.functional.interpolate(x, (128, 128))
    y = drawn.scanned(x.repeat(3, 1, 1, 1))
    assert float(y.min()) >= 0 and float(y.max()) <= 1
    for one, other in zip(x.repeat(3, 1, 1, 1), y, strict=True):
        a, b = one[0, 10:-10, 10:-10].flatten(), other[0, 10:-10, 10:-10].flatten()
        assert np.corrcoef(a, b)[0, 1] > 0.7


def test_jpegs_loss_grows_as_its_quality_falls(drawn):
    x = torch.nn.functional.interpolate(drawn.images[:3].float() / 255, (64, 64))
    off = [float((gpu_train.compressed(x, torch.full((3,), q)) - x).abs().mean()) for q in (95.0, 60.0, 20.0)]
    assert 0 < off[0] < off[1] < off[2] < 0.1


def test_sentences_have_one_length_where_that_is_asked_for(drawn):
    drawn.length = 5
    text = drawn.sentences(torch.tensor([1, 2, 0]))
    assert text.states.shape[1] == text.attention_mask.shape[1] == text.swapped[0].states.shape[1] == 5
    assert text.attention_mask.sum(1).tolist()[2] == 0 and text.is_null.tolist() == [False, False, True]


@pytest.mark.slow
def test_it_trains_and_leaves_the_weights_of_the_model(folder, tmp_path):
    config = {"method": "tmca", "arguments": RECIPE["model"] | {"text_width": 384, "presence_weight": 0.2}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    short = ["--device", "cpu", "--steps", "2", "--images", "2", "--arguments", str(tmp_path / "config.json")]
    gpu_train.main([str(folder), str(tmp_path / "out"), *short])
    weights = load_file(tmp_path / "out" / "model.safetensors")
    assert all(value.isfinite().all() for value in weights.values())
    gpu_train.main([str(folder), str(tmp_path / "on"), *short, "--init", str(tmp_path / "out/model.safetensors")])

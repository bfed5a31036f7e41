"""Model folders: whole, strict, and without pickle."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.errors import ModelError
from lexseg.models import create_model
from lexseg.models.io import ModelConfig, load_model, save_model

from .base import WIDTH, WORDS, images

ARGUMENTS: dict[str, Any] = {
    "encoder": "efficientnet-lite0",
    "encoder_args": {"pretrained": False},
    "text_width": WIDTH,
    "widths": [16, 16, 8, 8],
    "head_channels": 1,
    "joint_dim": 8,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = create_model("tmca", **ARGUMENTS)
    save_model(tmp_path / "model", model, ModelConfig("tmca", ARGUMENTS, (64, 96), threshold=0.4), card="# card\n")
    return tmp_path / "model"


def edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = folder / "config.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def test_what_was_saved_comes_back(folder: Path) -> None:
    loaded = load_model(folder)
    assert (loaded.config.size, loaded.config.threshold, loaded.config.method) == ((64, 96), 0.4, "tmca")
    assert not loaded.model.training
    assert sorted(p.name for p in folder.iterdir()) == ["README.md", "config.json", "metrics.json", "model.safetensors"]
    assert all(p.stat().st_mode & 0o044 == 0o044 for p in folder.iterdir())
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("place", [8, 5000, -1])
def test_one_changed_byte_is_refused(folder: Path, place: int) -> None:
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[place] ^= 1
    weights.write_bytes(data)
    with pytest.raises(ModelError, match=r"model\.safetensors: the file is damaged"):
        load_model(folder)


def test_a_truncated_file_is_refused(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="damaged"):
        load_model(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v.update(colour="red"), r"unknown keys \['colour'\]"),
        (lambda v: v["arguments"].update(colour="red"), "colour"),
        (lambda v: v["arguments"].update(joint_dim=16), "does not fit"),
        (lambda v: v["arguments"].update(encoder="nonsense"), "nonsense"),
        (lambda v: v.update(method="nonsense"), "unknown method 'nonsense'; choose one of .*tmca"),
        (lambda v: v.update(format=99), "format 99, this version of LexSeg reads 1"),
        (lambda v: v.update(threshold=1.5), "threshold"),
        (lambda v: v.update(threshold="high"), "config.json"),
        (lambda v: v.pop("size"), "size"),
        (lambda v: v.update(size=[64]), "config.json"),
        (lambda v: v.update(arguments=[]), "'arguments' an object"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(folder: Path, change: Callable[[Any], Any], message: str) -> None:
    edit(folder, change)
    with pytest.raises(ModelError, match=message) as caught:
        load_model(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x00\x01"])
def test_a_config_that_is_no_object_is_refused(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)
    with pytest.raises(ModelError, match=r"config\.json"):
        load_model(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"{name} is missing"):
        load_model(folder)


def test_another_version_of_the_text_encoder_is_refused(folder: Path) -> None:
    edit(folder, lambda v: v.update(text_encoder={"kind": "minilm"}, text_encoder_sha256="0" * 64))
    with pytest.raises(ModelError, match="another version of the text encoder 'minilm'"):
        load_model(folder)


def test_a_failed_save_leaves_the_older_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (folder / "model.safetensors").read_bytes()

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lexseg.models.io.save", full)
    with pytest.raises(OSError, match="No space"):
        save_model(folder, create_model("tmca", **ARGUMENTS), ModelConfig("tmca", ARGUMENTS, (64, 64)), card="")
    assert (folder / "model.safetensors").read_bytes() == before
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


def test_a_trained_text_encoder_travels_with_the_model(tmp_path: Path) -> None:
    arguments = ARGUMENTS | {"text_encoder": WORDS}
    model = create_model("tmca", **arguments).eval()
    config = ModelConfig("tmca", arguments, (64, 64), text_encoder=dict(WORDS) | {"trainable": True})
    save_model(tmp_path / "m", model, config, card="")
    loaded = load_model(tmp_path / "m")
    assert loaded.text_encoder is not None and loaded.model.text_input is not None
    assert loaded.text_encoder is loaded.model.text_input.encoder
    words = ["upper left lung", None]
    with torch.no_grad():
        want = model(images(2), TextPipeline(model.text_input.encoder)(words)).logits  # type: ignore[union-attr,arg-type]
        got = loaded.model(images(2), TextPipeline(loaded.text_encoder)(words)).logits
    assert torch.equal(want, got)

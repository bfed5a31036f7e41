"""A scope fitted at the end of a run, and by command: what it then knows, and what stands in the folder."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lexseg.cli.main import main
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.errors import ConfigError
from lexseg.models.io import load_model
from lexseg.models.place import to_input
from lexseg.models.scope import Scope
from lexseg.predict.images import load_image
from lexseg.training.config import ScopeConfig
from lexseg.training.recipe import read_recipe
from lexseg.training.run import train
from lexseg.training.scope import fit


@pytest.fixture(autouse=True)
def few_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "KNOWN", 150)
    monkeypatch.setattr(fit, "FOREIGN", 150)


def run(tmp_path: Path, recipe: Path, cases: Path, scope: ScopeConfig, text: str = "minilm") -> Path:
    config = read_recipe(recipe)
    data = replace(config.data, cases=str(cases))
    kind = {"kind": "minilm"} if text == "minilm" else config.text
    trainer = replace(config.trainer, epochs=1)
    return train(replace(config, data=data, trainer=trainer, text=kind, scope=scope), tmp_path / "run")


def test_a_run_with_a_world_knows_its_own_words_and_images(tmp_path: Path, recipe: Path, cases: Path):
    folder = run(tmp_path, recipe, cases, ScopeConfig(["squares"], {"squares": "CC0"}))
    loaded = load_model(folder)
    assert loaded.scope is not None and loaded.text_encoder is not None
    encode = TextPipeline(loaded.text_encoder)
    own = loaded.scope.words(encode(["the bright square on the left", "right square, the bright one"]))
    foreign = loaded.scope.words(encode(["inflamed appendix", "gallstones in the left lung", "zxqvw krrp"]))
    assert [each.known for each in own] == [True, True]
    assert sum(each.known for each in foreign) <= 1  # fitted to fourteen images' two sentences
    paths = [cases.parent / f"images/{i}.png" for i in (11, 13)]
    inputs = torch.stack(
        [torch.from_numpy(to_input(load_image(path), loaded.config.size, loaded.config.fit)) for path in paths]
    )
    with torch.inference_mode():
        judged = loaded.scope.image(loaded.model.encode_image(inputs))
        blank = loaded.scope.image(loaded.model.encode_image(torch.ones(1, 3, *loaded.config.size)))
    assert [each.world for each in judged] == ["squares", "squares"]
    assert not blank[0].known
    # what may be told, and nothing that a patient's report could say
    assert (folder / "scope.safetensors").stat().st_size < 1_000_000
    written = (folder / "config.json").read_text(encoding="utf-8")
    assert "CC0" in written and "bright" not in written


def test_words_are_not_judged_by_an_encoder_that_was_trained_along(tmp_path: Path, recipe: Path, cases: Path):
    folder = run(tmp_path, recipe, cases, ScopeConfig(["squares"]), text="word")
    loaded = load_model(folder)
    assert loaded.scope is not None and loaded.text_encoder is not None
    (judged,) = loaded.scope.words(TextPipeline(loaded.text_encoder)(["an inflamed appendix"]))
    assert judged.known and judged.worlds == {}


def test_the_command_writes_the_same_as_the_run(tmp_path: Path, recipe: Path, cases: Path, capsys):
    folder = run(tmp_path, recipe, cases, ScopeConfig(["squares"]), text="word")
    first = (folder / "scope.safetensors").read_bytes()
    (folder / "scope.safetensors").unlink()
    values = json.loads((folder / "config.json").read_text()) | {"scope": None}
    (folder / "config.json").write_text(json.dumps(values))
    assert Scope.load(folder) is None
    assert main(["scope", str(folder), str(cases), "--worlds", "squares", "--seed", "3", "--device", "cpu"]) == 0
    assert "images refused: squares" in capsys.readouterr().out
    assert (folder / "scope.safetensors").read_bytes() == first


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--worlds", "a,b"], "one for each of 1 manifests"),
        (["--worlds", "a", "--terms", "nothing"], "WORLD=TEXT"),
        (["--worlds", "a", "--terms", "b=free"], "none of its worlds"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, cases: Path, capsys, options: list[str], message: str):
    (tmp_path / "config.json").write_text("{}")
    assert main(["scope", str(tmp_path), str(cases), *options]) == 1
    assert message in capsys.readouterr().err


def test_a_bundled_model_is_not_written_into(cases: Path, capsys):
    assert main(["scope", "default", str(cases), "--worlds", "chest"]) == 1
    assert "a folder of your own" in capsys.readouterr().err


def test_a_recipe_names_a_world_for_each_manifest(tmp_path: Path, recipe: Path, cases: Path):
    with pytest.raises(ConfigError, match=r"scope\.worlds"):
        run(tmp_path, recipe, cases, ScopeConfig(["a", "b"]))
    with pytest.raises(ConfigError, match=r"scope\.terms"):
        run(tmp_path, recipe, cases, ScopeConfig(["a"], {"b": "free"}))

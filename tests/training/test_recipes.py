"""Shipped recipes: each is parsed by the real command, builds its model and trains a step."""

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import torch

from lexseg.cli.main import main
from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.batch import no_words
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.encoders.text.reader import minilm_folder
from lexseg.losses.target import Target
from lexseg.models import create_model
from lexseg.training.config import TrainConfig
from lexseg.training.optimizer import build_optimizer
from lexseg.training.prepare import model_arguments
from lexseg.training.recipe import read_recipe
from lexseg.training.settings import check

FOLDER = Path(str(files("lexseg"))) / "assets" / "recipes"
NAMES = sorted(p.stem for p in FOLDER.glob("*.yaml"))
# of these the networks are large, the pretrained weights lie on a hub, or both
LARGE = {
    "clipseg", "cris", "lvit", "reclmis", "dynunet", "m2snet", "fmiseg", "ddcmd",
    "languide", "tmca", "lsms", "unet", "lsms-tiny",
}  # fmt: skip
SENTENCES = ["left upper lung", "right lung", None, "left upper lung"]


def test_all_that_are_promised_are_there() -> None:
    assert {"tmca-lite", "lsms-lite", "unet-lite", "lsms-tiny", "tmca", "lsms", "unet", "default"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_parsed_by_the_command(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[TrainConfig] = []

    def train(config: TrainConfig, output: Path, **_: Any) -> Path:
        seen.append(config)
        return output / "model"

    monkeypatch.setattr("lexseg.training.run.train", train)
    recipe = read_recipe(name)
    cases = ",".join(f"{i}.csv" for i in range(len(recipe.scope.worlds) or 2))  # a recipe may name a world for each
    arguments = ["--config", name, "--data.cases", cases, "--output", str(tmp_path), "--optimizer.lr", "0.5"]
    assert main(["train", *arguments]) == 0
    check(seen[0])
    assert seen[0] == replace(
        recipe, data=replace(recipe.data, cases=cases), optimizer=replace(recipe.optimizer, lr=0.5)
    )
    lines = (FOLDER / f"{name}.yaml").read_text().splitlines()
    assert lines[0].startswith("# ")
    assert max(map(len, lines)) <= 128


def small_text(config: TrainConfig) -> dict[str, Any]:
    """The recipe's text encoder; one on a hub as a BERT of its width, with a single layer of random weights."""
    if config.text["kind"] != "huggingface":
        return config.text
    tokenizer = json.loads((minilm_folder() / "tokenizer.json").read_text(encoding="utf-8"))
    return config.text | {"architecture": {"model_type": "bert", "num_hidden_layers": 1}, "tokenizer": tokenizer}


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in LARGE else n for n in NAMES])
def test_trains_a_step(name: str) -> None:
    """Every parameter has a gradient, so that several devices do not wait for one that never comes."""
    config = read_recipe(name)
    encoder = create_text_encoder(small_text(config), pretrained=config.text["kind"] == "minilm")
    arguments = model_arguments(config, encoder)
    arguments["encoder_args"] = dict(arguments.get("encoder_args") or {}) | {"pretrained": False}
    if "text_encoder" in arguments:
        arguments["text_encoder"] = dict(arguments["text_encoder"]) | {"pretrained": False}
    torch.manual_seed(0)
    model = create_model(config.method, **arguments).train()
    own = model.text_input.encoder if model.text_input is not None else None
    batch = model.training_text(TextPipeline(own or encoder) if model.uses_text else no_words)(SENTENCES)
    mask = torch.zeros(4, 1, 64, 64)
    mask[:, :, 8:40, 16:48] = 1
    optimizer, _ = build_optimizer(model, config.optimizer, 10)
    before = [p.detach().clone() for p in model.parameters()]
    losses = model.training_losses(torch.rand(4, 3, 64, 64), batch, Target(mask))
    assert set(losses) == set(model.loss_names)
    assert set(config.optimizer.loss_warmup) <= set(model.loss_names)
    torch.stack(list(losses.values())).sum().backward()
    assert [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None] == []
    optimizer.step()
    assert all(p.isfinite().all() for p in model.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))

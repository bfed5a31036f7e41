"""A whole run, in this process: what it leaves, what ends it, and what it starts from."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import tiny
from lexseg.cases.manifest import read_manifest
from lexseg.cli.main import main
from lexseg.encoders.text.batch import TextBatch
from lexseg.errors import ModelError
from lexseg.metrics.overlap import Pooled, dice
from lexseg.models.io import load_model
from lexseg.predict.segmenter import Segmenter
from lexseg.scans.images import read_image
from lexseg.scans.masks import read_mask
from lexseg.training.config import TrainConfig
from lexseg.training.recipe import read_recipe
from lexseg.training.run import train
from lexseg.training.task import DivergedError, SegmentationTask

from .conftest import read_rows, write_rows, write_set


def config(recipe: Path, cases: Path, **trainer: object) -> TrainConfig:
    values = read_recipe(recipe)
    return replace(
        values,
        data=replace(values.data, cases=str(cases)),
        trainer=replace(values.trainer, **trainer),  # type: ignore[arg-type]
    )


def lexseg(*arguments: str | Path) -> int:
    return main([str(a) for a in arguments])


def dice_of(folder: Path, manifest: Path) -> dict[str, float]:
    """Dice on the validation cases, as anyone finds it who uses the model."""
    segmenter = Segmenter.from_pretrained(folder, device="cpu")
    pooled, each = Pooled(), []
    for case in read_manifest(manifest):
        if case.split == "val":
            assert case.mask is not None
            found = segmenter.segment_batch([read_image(case.image)], [[case.text]])[0][0] > 0.5
            each.append(dice(found, read_mask(case.mask)))
            pooled.add(found, read_mask(case.mask))
    return {"per_image": float(np.mean(each)), "pooled": pooled.dice}


def test_what_a_run_leaves(tmp_path: Path, recipe: Path, cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert (
        lexseg("train", "--config", recipe, "--data.cases", cases, "--output", run, "--trainer.validate_every", 3) == 0
    )

    said = capsys.readouterr()
    assert said.err == ""
    lines = said.out.splitlines()
    assert lines[0].startswith("10 training and 4 validation cases; tiny, 0.0 M trained parameters; 1 x cpu, 32-true;")
    assert lines[0].endswith("4 epochs of 2 steps")
    assert re.match(r"epoch 1/4  loss \d\.\d{4}  \d+ s$", lines[1])
    assert re.match(
        r"epoch 3/4  loss \d\.\d{4}  val Dice 0\.\d{4} per image, 0\.\d{4} pooled \(best\)  \d+ s$", lines[3]
    )
    assert lines[5:] == [f"the model is in {run / 'model'}"]

    assert sorted(p.name for p in run.iterdir()) == [
        "checkpoints", "config.yaml", "curves.csv", "curves.png", "model", "run.json", "samples", "split.csv",
        "tensorboard",
    ]  # fmt: skip
    assert [p.name for p in (run / "checkpoints").iterdir()] == ["last.ckpt"]
    events = EventAccumulator(str(run / "tensorboard")).Reload()
    assert {"loss/total", "loss/small", "lr", "val/dice_per_image", "val/dice_pooled"} <= set(events.Tags()["scalars"])
    assert len(events.Scalars("loss/total")) == 4
    assert len(events.Scalars("val/dice_pooled")) == 2

    again = read_recipe(run / "config.yaml")
    assert again.method == "tiny"
    assert again.data.cases == [str(cases)]
    assert again.data.grow == {32: 0.5}
    assert again.trainer.validate_every == 3

    record = json.loads((run / "run.json").read_text())
    assert record["cases"] == {"train": 10, "val": 4, "test": 0}
    assert record["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert len(record["data_sha256"]) == 64
    assert [row["split"] for row in read_rows(run / "split.csv")] == ["train"] * 10 + ["val"] * 4

    rows = read_rows(run / "curves.csv")
    assert [row["epoch"] for row in rows] == ["0.0", "1.0", "2.0", "3.0"]
    assert [row["step"] for row in rows] == ["2.0", "4.0", "6.0", "8.0"]
    assert {"lr", "seconds", "loss/total", "loss/dice", "loss/bce", "loss/small"} <= set(rows[0])
    # every third epoch, and the last one; an epoch without validation does not repeat the scores of an earlier one
    assert [bool(row["val/dice_per_image"]) for row in rows] == [False, False, True, True]
    for name in ("curves.png", "samples/epoch_002.png", "samples/epoch_003.png"):
        with Image.open(run / name) as picture:
            assert picture.width > 400
    assert len(list((run / "samples").iterdir())) == 2

    model = load_model(run / "model")
    best = max(rows[2:], key=lambda row: float(row["val/dice_per_image"]))
    assert model.metrics["val"]["per_image"]["dice"]["mean"] == pytest.approx(float(best["val/dice_per_image"]))
    assert model.metrics["epoch"] == float(best["epoch"])
    assert (model.config.size, model.config.laterality) == ((64, 64), "image")
    card = (run / "model" / "README.md").read_text()
    assert f"{model.metrics['val']['pooled']['dice']:.4f}" in card
    assert "Research use only" in card
    assert "square" not in card
    assert str(tmp_path) not in card


def test_validation_says_what_the_model_will_score(tmp_path: Path, recipe: Path, cases: Path) -> None:
    """The running average, the trained words and the sizes of the masks all come through the model folder."""
    folder = train(config(recipe, cases, epochs=6), tmp_path / "run")
    val = json.loads((folder / "metrics.json").read_text())["val"]
    expected = dice_of(folder, cases)
    assert val["per_image"]["dice"]["mean"] == pytest.approx(expected["per_image"], abs=1e-6)
    assert val["pooled"]["dice"] == pytest.approx(expected["pooled"], abs=1e-6)


def test_a_run_that_ends_while_it_grows_leaves_a_model_of_that_size(tmp_path: Path, recipe: Path, cases: Path) -> None:
    still = config(recipe, cases, epochs=4, patience=1)
    assert still.data.grow == {32: 0.5}
    folder = train(replace(still, optimizer=replace(still.optimizer, lr=1e-12)), tmp_path / "run")
    assert len(read_rows(tmp_path / "run" / "curves.csv")) == 2
    assert load_model(folder).config.size == (32, 32)
    val = json.loads((folder / "metrics.json").read_text())["val"]
    assert val["per_image"]["dice"]["mean"] == pytest.approx(dice_of(folder, cases)["per_image"], abs=1e-6)


def test_words_are_trained_and_come_back(tmp_path: Path, recipe: Path, cases: Path) -> None:
    folder = train(config(recipe, cases, epochs=1), tmp_path / "run")
    encoder = load_model(folder).text_encoder
    assert encoder is not None
    assert encoder.unknown_share("the bright square on the right") == 0
    assert encoder.unknown_share("an unheard word") > 0
    began = train(config(recipe, cases, max_time="00:00:00:00"), tmp_path / "untrained")
    name = "text_input.encoder.embedding.weight"
    before, after = (load_file(f / "model.safetensors")[name] for f in (began, folder))
    assert before.shape == after.shape
    assert not torch.equal(before[2:], after[2:])


@pytest.mark.parametrize("column", ["text", "sentence"])
def test_who_trains_a_model_of_words_without_any_is_told(
    tmp_path: Path, recipe: Path, cases: Path, capsys: pytest.CaptureFixture[str], column: str
) -> None:
    head, rest = cases.read_text(encoding="utf-8").split("\n", 1)
    renamed = ",".join(column if name == "text" else name for name in head.split(","))
    cases.write_text(f"{renamed}\n{rest}", encoding="utf-8")
    arguments = ("--data.cases", cases, "--trainer.epochs", "1", "--text", '{"kind": "minilm"}')
    assert lexseg("train", "--config", recipe, *arguments, "--output", tmp_path / "run") == 0
    assert ("no training case has a sentence" in capsys.readouterr().out) == (column != "text")


def test_a_word_encoder_without_any_sentence_says_what_it_lacks(
    tmp_path: Path, recipe: Path, cases: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head, rest = cases.read_text(encoding="utf-8").split("\n", 1)
    cases.write_text(f"{head.replace('text', 'words')}\n{rest}", encoding="utf-8")
    arguments = ("--data.cases", cases, "--trainer.epochs", "1", "--text", "kind: word")
    assert lexseg("train", "--config", recipe, *arguments, "--output", tmp_path / "run") == 1
    err = capsys.readouterr().err
    assert "no training case has a sentence in text" in err and "data.text_column" in err and "vocabulary" not in err


def test_frozen_encoder_is_cached_in_the_run(
    tmp_path: Path, recipe: Path, cases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second epoch, and a resumed run, read the states that the first one wrote."""
    from lexseg.encoders.text.bert import BertTextEncoder

    calls = []
    forward = BertTextEncoder.forward

    def counting(self: BertTextEncoder, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        calls.extend(ids)
        return forward(self, ids, mask)

    monkeypatch.setattr(BertTextEncoder, "forward", counting)
    frozen = replace(config(recipe, cases, epochs=2), text={"kind": "minilm"})
    folder = train(frozen, tmp_path / "run")
    assert len(calls) == 2  # left and right: the swapped sentences are the other ones
    train(frozen, tmp_path / "run", resume=True)
    assert len(calls) == 2
    loaded = load_model(folder)
    assert loaded.config.text_encoder_sha256 is not None
    assert not [name for name in loaded.model.state_dict() if "encoder.model" in name]
    assert "square" not in "".join(
        p.read_text(errors="ignore") for p in (tmp_path / "run" / "text_cache").rglob("*.json")
    )


def test_a_short_run_on_a_large_set_reads_what_it_draws(
    tmp_path: Path, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a hundred thousand sentences a run of a few hundred steps never meets most: to read all takes hours."""
    from lexseg.encoders.text.bert import BertTextEncoder

    manifest = write_set(tmp_path / "set", 12)
    rows = read_rows(manifest)
    for number, row in enumerate(rows):
        row["text"] = f"square number {number} on the left"
    write_rows(manifest, rows)
    lengths: list[int] = []
    forward = BertTextEncoder.forward

    def counting(self: BertTextEncoder, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        lengths.extend(map(len, ids))
        return forward(self, ids, mask)

    monkeypatch.setattr(BertTextEncoder, "forward", counting)
    values = config(recipe, manifest, epochs=1, steps=1)
    short = replace(values, text={"kind": "minilm"}, data=replace(values.data, batch_size=2, val_limit=1))
    train(short, tmp_path / "run")
    assert len(lengths) == 3, "two that were drawn, and one of validation"


class Swapping(tiny.Tiny):
    """Wants the sentences with their places swapped, and keeps what it is given."""

    given: ClassVar[list[TextBatch]] = []

    def __init__(self, **arguments):  # type: ignore[no-untyped-def]
        super().__init__(**arguments)
        self.reads_swapped = True

    def training_losses(self, image, text, target):  # type: ignore[no-untyped-def]
        Swapping.given.append(text)
        return super().training_losses(image, text, target)


@pytest.mark.parametrize("text", [{"kind": "minilm"}, {"kind": "word", "width": 16, "layers": 1}])
def test_a_model_that_wants_swapped_sentences_is_given_them(
    tmp_path: Path, recipe: Path, cases: Path, monkeypatch: pytest.MonkeyPatch, text: dict[str, Any]
) -> None:
    monkeypatch.setattr(tiny, "Tiny", Swapping)
    monkeypatch.setattr(Swapping, "given", [])
    train(replace(config(recipe, cases, epochs=2), text=text), tmp_path / "run")
    captions = {int(c) for batch in Swapping.given for c in batch.caption_id}
    assert len(captions) == 2 and len(Swapping.given) == 4
    for batch in Swapping.given:
        sides, heights = batch.swapped
        assert not sides.is_null.any() and heights.is_null.all()
        assert all(
            {int(own), int(other)} == captions for own, other in zip(batch.caption_id, sides.caption_id, strict=True)
        )


def test_early_stop_holds_when_resumed(tmp_path: Path, recipe: Path, cases: Path) -> None:
    still = config(recipe, cases, epochs=9, patience=2)
    still = replace(still, optimizer=replace(still.optimizer, lr=1e-12))
    train(still, tmp_path / "run")
    rows = read_rows(tmp_path / "run" / "curves.csv")
    assert len(rows) < 9
    train(still, tmp_path / "run", resume=True)
    assert read_rows(tmp_path / "run" / "curves.csv") == rows


class Failing(tiny.Tiny):
    """Its loss is not finite from the sixth step on."""

    steps = 0

    def training_losses(self, image, text, target):  # type: ignore[no-untyped-def]
        Failing.steps += 1
        losses = super().training_losses(image, text, target)
        return losses | {"bce": losses["bce"] * float("nan")} if Failing.steps > 5 else losses


def test_diverging_leaves_what_was_best(
    tmp_path: Path, recipe: Path, cases: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tiny, "Tiny", Failing)
    monkeypatch.setattr(Failing, "steps", 0)
    run = tmp_path / "run"
    assert lexseg("train", "--config", recipe, "--data.cases", cases, "--output", run) == 1
    error = capsys.readouterr().err
    assert re.search(r"the loss is not finite in epoch 2, step 5 \(.*bce nan.*\); lower optimizer.lr", error)
    assert "Traceback" not in error
    assert load_model(run / "model").metrics["epoch"] in (0, 1)
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["epoch"] == 1
    assert all(v.isfinite().all() for v in checkpoint["state_dict"].values())


def test_output_that_is_not_finite_is_no_score(
    tmp_path: Path, recipe: Path, cases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = tiny.Tiny.decode

    def broken(self: tiny.Tiny, features, text):  # type: ignore[no-untyped-def]
        prediction = decode(self, features, text)
        return prediction if self.training else replace(prediction, logits=prediction.logits * float("nan"))

    monkeypatch.setattr(tiny.Tiny, "decode", broken)
    with pytest.raises(DivergedError, match="output is not finite in the validation of epoch 0"):
        train(config(recipe, cases), tmp_path / "run")
    assert not (tmp_path / "run" / "model").exists()


@pytest.mark.parametrize("half", [True, False])
def test_full_disk_leaves_the_last_checkpoint_whole(
    half: bool,
    tmp_path: Path,
    recipe: Path,
    cases: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save, calls = pl.Trainer.save_checkpoint, []

    def full(self: pl.Trainer, path: Path, *args: object) -> None:
        calls.append(path)
        if len(calls) == 3:
            if half:
                Path(path).write_bytes(b"half a checkpoint")
            raise OSError(28, "No space left on device", str(path))
        save(self, path, *args)  # type: ignore[arg-type]

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(pl.Trainer, "save_checkpoint", full)
        assert lexseg("train", "--config", recipe, "--data.cases", cases, "--output", run) == 1
    assert "the disk is full" in capsys.readouterr().err
    assert [p.name for p in (run / "checkpoints").iterdir()] == ["last.ckpt"]
    assert torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] == 1
    assert load_model(run / "model")
    assert lexseg("train", "--output", run, "--resume") == 0
    assert len(read_rows(run / "curves.csv")) == 4


def test_init_starts_from_the_weights_of_a_model(tmp_path: Path, recipe: Path, cases: Path) -> None:
    first = train(config(recipe, cases, epochs=1), tmp_path / "first")
    # no time at all: the model that is left is the one that it began with
    second = train(config(recipe, cases, max_time="00:00:00:00"), tmp_path / "second", init=first)
    one, two = load_file(first / "model.safetensors"), load_file(second / "model.safetensors")
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert json.loads((second / "metrics.json").read_text())["val"] is None
    assert "stopped before its first validation" in (second / "README.md").read_text()
    assert json.loads((tmp_path / "second" / "run.json").read_text())["init"] == str(first)
    # a resumed run that has no checkpoint yet starts from there, too
    (second / "config.json").unlink()
    third = train(config(recipe, cases, max_time="00:00:00:00"), tmp_path / "second", resume=True)
    assert load_file(third / "model.safetensors").keys() == one.keys()


def test_init_knows_the_words_of_the_model_by_its_numbers(tmp_path: Path, recipe: Path, cases: Path) -> None:
    first = train(config(recipe, cases, epochs=1), tmp_path / "first")
    rows = [row | {"text": f"wholly other words, {row['text_short']}"} for row in read_rows(cases)]
    other = write_rows(cases.with_name("other.csv"), rows)
    second = train(config(recipe, other, epochs=1), tmp_path / "second", init=first)
    assert load_model(second).config.text_encoder == load_model(first).config.text_encoder


def test_init_that_does_not_fit_is_refused(tmp_path: Path, recipe: Path, cases: Path) -> None:
    first = train(config(recipe, cases, epochs=1), tmp_path / "first")
    wide = replace(config(recipe, cases), model={"width": 12})
    with pytest.raises(ModelError, match=r"do not fit the recipe's `model`: .*size mismatch"):
        train(wide, tmp_path / "wide", init=first)
    unet = replace(config(recipe, cases), method="unet", model={"encoder_args": {"pretrained": False}})
    with pytest.raises(ModelError, match="is a tiny, but this run trains a unet"):
        train(unet, tmp_path / "unet", init=first)
    with pytest.raises(ModelError, match="no such model"):
        train(config(recipe, cases), tmp_path / "none", init="nothing")
    assert not any((tmp_path / name).exists() for name in ("wide", "unet", "none"))


def test_two_manifests_repeat_and_limit(tmp_path: Path, recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = write_set(tmp_path / "one"), write_set(tmp_path / "two", n=8, train=6, seed=1)
    run = tmp_path / "run"
    arguments = ["--trainer.epochs", "1", "--data.repeat", "[1, 3]", "--output", run]
    assert lexseg("train", "--config", recipe, "--data.cases", f"{one},{two}", *arguments) == 0
    assert capsys.readouterr().out.startswith("16 training (28 an epoch) and 6 validation cases;")
    assert read_rows(run / "split.csv")[0]["id"] == "one/c0"
    assert json.loads((run / "run.json").read_text())["cases"] == {"train": 16, "val": 6, "test": 0}


def test_missing_split_is_made_by_patient_and_written_down(tmp_path: Path, recipe: Path, cases: Path) -> None:
    rows = [{k: v for k, v in row.items() if k != "split"} for row in read_rows(cases)]
    for i, row in enumerate(rows):
        row["patient"] = f"p{i // 2}"
    write_rows(cases, rows)
    train(config(recipe, cases, epochs=1), tmp_path / "run")
    split = {row["id"]: row["split"] for row in read_rows(tmp_path / "run" / "split.csv")}
    assert set(split.values()) == {"train", "val", "test"}
    assert all(split[f"c{i}"] == split[f"c{i + 1}"] for i in range(0, 14, 2))
    # the run goes on with the split that it made
    train(config(recipe, cases, epochs=1), tmp_path / "run", resume=True)


def test_image_only_model_reads_no_words(tmp_path: Path, recipe: Path, cases: Path) -> None:
    """No text encoder is built for it, whatever the recipe names."""
    unet = replace(
        config(recipe, cases, epochs=1, samples=0),
        method="unet",
        model={"encoder_args": {"pretrained": False}, "widths": [8, 8, 8]},
        text={"kind": "huggingface", "name": "nowhere/to-be-had"},
    )
    unet = replace(unet, data=replace(unet.data, size=32, grow={}), optimizer=replace(unet.optimizer, loss_warmup={}))
    folder = train(unet, tmp_path / "run")
    assert load_model(folder).config.text_encoder is None
    assert not (tmp_path / "run" / "text_cache").exists()
    assert not (tmp_path / "run" / "samples").exists()


def test_bf16_on_a_cpu(tmp_path: Path, recipe: Path, cases: Path) -> None:
    folder = train(config(recipe, cases, epochs=2, precision="bf16-mixed"), tmp_path / "run")
    assert all(v.dtype != torch.bfloat16 for v in load_file(folder / "model.safetensors").values())
    assert float(read_rows(tmp_path / "run" / "curves.csv")[1]["loss/total"]) > 0


def test_no_running_average(tmp_path: Path, recipe: Path, cases: Path) -> None:
    folder = train(config(recipe, cases, epochs=2, ema=0), tmp_path / "run")
    expected = dice_of(folder, cases)["per_image"]
    assert load_model(folder).metrics["val"]["per_image"]["dice"]["mean"] == pytest.approx(expected, abs=1e-6)


def test_trained_bert_lives_in_the_model_folder(tmp_path: Path, recipe: Path, cases: Path) -> None:
    """Words, weights and architecture: the folder that it came from may be gone."""
    source = tiny_bert(tmp_path / "bert")
    text = {"kind": "huggingface", "name": str(source), "trainable": True}
    bert = replace(config(recipe, cases, epochs=2), text=text)
    folder = train(bert, tmp_path / "run")
    shutil.rmtree(source)
    loaded = load_model(folder)
    assert loaded.text_encoder is not None
    assert loaded.text_encoder.unknown_share("the bright square on the right") == 0
    state = loaded.model.state_dict()
    name = "text_input.encoder.model.encoder.layer.0.output.dense.weight"
    assert not torch.equal(state[name], BERT_WEIGHTS[name.partition("model.")[2]])
    val = loaded.metrics["val"]["per_image"]["dice"]["mean"]
    assert dice_of(folder, cases)["per_image"] == pytest.approx(val, abs=1e-6)


def tiny_bert(folder: Path) -> Path:
    from transformers import BertConfig, BertModel

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "bright", "square", "on", "left", "right"]
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    torch.manual_seed(0)
    model = BertModel(BertConfig(vocab_size=len(words), max_position_embeddings=16, **sizes))
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "do_lower_case": true}')
    BERT_WEIGHTS.update({k: v.clone() for k, v in model.state_dict().items()})
    return folder


BERT_WEIGHTS: dict[str, torch.Tensor] = {}


def test_full_disk_while_the_model_is_written(
    tmp_path: Path, recipe: Path, cases: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write, calls = Path.write_bytes, []

    def full(self: Path, content: bytes) -> int:
        if self.name == "model.safetensors":
            calls.append(self)
            if len(calls) > 1:
                write(self, content[:100])
                raise OSError(28, "No space left on device")
        return write(self, content)

    run = tmp_path / "run"
    scores = SegmentationTask.scores

    def better(self: SegmentationTask) -> dict[str, float]:
        """Each epoch is the best so far, and so each is saved."""
        return dict.fromkeys(scores(self), 0.1 * (1 + self.current_epoch))

    monkeypatch.setattr(SegmentationTask, "scores", better)
    monkeypatch.setattr(Path, "write_bytes", full)
    assert lexseg("train", "--config", recipe, "--data.cases", cases, "--output", run) == 1
    assert "the disk is full" in capsys.readouterr().err
    assert load_model(run / "model").metrics["epoch"] == 0
    assert not list(run.glob(".model-*"))


def test_a_bar_on_a_terminal(
    tmp_path: Path, recipe: Path, cases: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # what rich takes for a terminal
    monkeypatch.setenv("TERM", "xterm")
    assert lexseg("train", "--config", recipe, "--data.cases", cases, "--output", tmp_path / "run") == 0
    said = capsys.readouterr().out
    assert "\x1b[?25l" in said  # the cursor is hidden while the bar runs ...
    assert said.rindex("\x1b[?25h") > said.rindex("\x1b[?25l")  # ... and is given back
    assert len(re.findall(r"epoch \d/4  loss", said)) == 4


def test_resume_sweeps_what_a_killed_process_left(tmp_path: Path, recipe: Path, cases: Path) -> None:
    run = tmp_path / "run"
    train(config(recipe, cases, epochs=1), run)
    (run / ".model-abc").mkdir()
    (run / ".model-old-1").mkdir()
    (run / "checkpoints" / ".last.ckpt.part").write_bytes(b"half")
    (run / "samples" / ".epoch_001.png.5fa7014d").write_bytes(b"half")
    train(config(recipe, cases, epochs=1), run, resume=True)
    assert not [p for p in run.rglob("*") if p.name.startswith(".")]

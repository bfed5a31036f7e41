"""Killed, interrupted or out of time: ``--resume`` reaches the very weights of an undisturbed run."""

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lexseg.models.io import load_model
from lexseg.training.recipe import read_recipe

from .conftest import RECIPE, Running, read_rows, write_set
from .test_mixture import write_referring

Start = Callable[..., Running]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set, a recipe, and in ``whole`` the run that nothing disturbs."""
    folder = tmp_path_factory.mktemp("resume")
    write_set(folder / "set")
    (folder / "tiny.yaml").write_text(RECIPE, encoding="utf-8")
    return folder


@pytest.fixture
def begin(folder: Path, start: Start) -> Start:
    def begin(run: Path, *more: str) -> Running:
        return start("train", "--config", folder / "tiny.yaml", "--data.cases", folder / "set/cases.csv",
                     "--output", run, *more)  # fmt: skip

    return begin


@pytest.fixture
def whole(folder: Path, begin: Start) -> Path:
    run = folder / "whole"
    if not run.exists():
        running = begin(run)
        assert running.wait() == 0, running.said
    return run


def until(running: Running, happened: Callable[[], object], seconds: float = 300) -> bool:
    """Wait for something that a run does; false if the run ends before."""
    for _ in range(int(seconds / 0.01)):
        if happened():
            return True
        if not running.process.is_alive():
            return False
        time.sleep(0.01)
    raise AssertionError(f"it did not happen:\n{running.said}")


def same(one: Any, other: Any, where: str = "") -> None:
    """Two checkpoints, bit by bit."""
    assert type(one) is type(other), where
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            same(one[key], other[key], f"{where}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            same(a, b, f"{where}/{i}")
    else:
        assert one == other, where


def assert_same_end(run: Path, whole: Path) -> None:
    one, other = (torch.load(r / "checkpoints" / "last.ckpt", weights_only=True) for r in (run, whole))
    for checkpoint in (one, other):
        checkpoint.pop("loops")  # counts batches that were begun twice
    same(one, other)
    assert int(one["averaging_state"]["n_averaged"]) == 8
    assert not torch.equal(one["state_dict"]["model.head.weight"], one["current_model_state"]["model.head.weight"])
    for name in ("model.safetensors", "config.json", "metrics.json", "README.md"):
        assert (run / "model" / name).read_bytes() == (whole / "model" / name).read_bytes()
    untimed = {"seconds": "", "train_seconds": ""}
    mine, theirs = ([row | untimed for row in read_rows(r / "curves.csv")] for r in (run, whole))
    assert mine == theirs
    assert [row["epoch"] for row in mine] == ["0.0", "1.0", "2.0", "3.0"]
    assert not [p for p in run.rglob("*") if p.name.startswith(".")]


@pytest.mark.parametrize("seed", [0, 1])
def test_killed_at_any_moment(seed: int, tmp_path: Path, begin: Start, whole: Path) -> None:
    rng, run, killed = random.Random(seed), tmp_path / "run", 0
    checkpoint = run / "checkpoints" / "last.ckpt"
    moments: list[Callable[[], object]] = [
        (run / "config.yaml").exists,
        (run / "tensorboard").exists,  # in the first epoch, before there is any checkpoint
        checkpoint.exists,
        lambda: (run / "checkpoints" / ".last.ckpt.part").exists(),  # while one is written
        lambda: len(list((run / "samples").glob("*"))) >= 3,  # during a validation
    ]
    for moment in moments:
        running = begin(run, *(["--resume"] if (run / "config.yaml").exists() else []))
        if until(running, moment):
            time.sleep(rng.random() * 0.05)
            running.process.kill()
            killed += 1
        running.process.join()
        if checkpoint.exists():
            torch.load(checkpoint, weights_only=True)
        if (run / "model").exists():
            load_model(run / "model")
    assert killed >= 3
    last = begin(run, "--resume")
    assert last.wait() == 0, last.said
    assert_same_end(run, whole)


def test_out_of_time_then_interrupted(tmp_path: Path, begin: Start, whole: Path) -> None:
    run = tmp_path / "run"
    first = begin(run, "--trainer.max_time", "00:00:00:00")
    assert first.wait() == 0, first.said
    assert "stopped: max_time is over; go on with --resume" in first.said
    assert load_model(run / "model").metrics["val"] is None

    second = begin(run, "--resume", "--trainer.max_time", "00:10:00:00")
    assert until(second, (run / "checkpoints" / "last.ckpt").exists)
    assert second.process.pid is not None
    os.kill(second.process.pid, signal.SIGINT)
    assert second.wait() == 130, second.said
    assert "stopping after this step" in second.said
    assert "stopped: SIGINT; go on with --resume" in second.said
    assert "Traceback" not in second.said
    assert load_model(run / "model").metrics["val"] is not None
    assert len(read_rows(run / "curves.csv")) < 4

    # a cluster's way of asking
    terminated = begin(run, "--resume", "--trainer.max_time", "00:10:00:00")
    assert until(terminated, lambda: len(read_rows(run / "curves.csv")) >= 2)
    assert terminated.process.pid is not None
    os.kill(terminated.process.pid, signal.SIGTERM)
    assert terminated.wait() == 0, terminated.said
    assert "Traceback" not in terminated.said

    third = begin(run, "--resume", "--trainer.max_time", "00:10:00:00")
    assert third.wait() == 0, third.said
    assert "stopped" not in third.said
    assert_same_end(run, whole)


def test_done_run_stays_as_it_is(begin: Start, whole: Path) -> None:
    before = {p: p.read_bytes() for p in (whole / "model").iterdir()} | {whole: (whole / "curves.csv").read_bytes()}
    again = begin(whole, "--resume")
    assert again.wait() == 0, again.said
    assert {p: p.read_bytes() for p in (whole / "model").iterdir()} | {
        whole: (whole / "curves.csv").read_bytes()
    } == before
    assert json.loads((whole / "run.json").read_text())["seed"] == 3


def test_reading_processes_change_nothing(tmp_path: Path, begin: Start, whole: Path) -> None:
    run = tmp_path / "run"
    running = begin(run, "--data.workers", "2")
    assert running.wait() == 0, running.said
    assert (run / "model" / "model.safetensors").read_bytes() == (whole / "model" / "model.safetensors").read_bytes()


def test_interrupted_while_other_processes_read(tmp_path: Path, begin: Start) -> None:
    """Ctrl-C goes to them, too: they must not die of it with a traceback."""
    run = tmp_path / "run"
    running = begin(run, "--data.workers", "1", "--trainer.epochs", "40")
    assert until(running, (run / "checkpoints" / "last.ckpt").exists)
    children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children")
    if not children.exists():
        pytest.skip("no /proc here")
    assert until(running, lambda: children.read_text().split())
    for pid in [*children.read_text().split(), str(running.process.pid)]:
        try:
            os.kill(int(pid), signal.SIGINT)
        except ProcessLookupError:
            continue
    assert running.wait() == 130, running.said
    assert "Traceback" not in running.said
    assert load_model(run / "model")


def test_several_sentences_an_image(tmp_path: Path, folder: Path, start: Start) -> None:
    """Which images and sentences an epoch has, and their noise, follow from its number, and so does presence."""
    write_referring(tmp_path / "referring", n=10)
    settings = [
        "--config", folder / "tiny.yaml", "--method", "tiny-presence", "--data.sentences", "3",
        "--data.cases", f"{tmp_path / 'referring/cases.csv'},{folder / 'set/cases.csv'}", "--data.weights", "[3, 1]",
        "--data.epoch_images", "8", "--data.kinds", "{caption: 1, one: 2, none: 1}", "--augment.typos", "0.3",
        "--augment.paraphrase", "0.3",
    ]  # fmt: skip
    whole, run = tmp_path / "whole", tmp_path / "run"
    undisturbed = start("train", *settings, "--output", whole)
    assert undisturbed.wait() == 0, undisturbed.said
    killed = start("train", *settings, "--output", run)
    assert until(killed, (run / "checkpoints" / "last.ckpt").exists)
    killed.process.kill()
    killed.process.join()
    last = start("train", "--output", run, "--resume")
    assert last.wait() == 0, last.said
    assert "epoch 1/4" not in last.said
    assert_same_end(run, whole)
    assert set(load_model(run / "model").metrics["val"]) >= {"referring", "presence"}


def test_half_a_checkpoint_is_told(tmp_path: Path, begin: Start) -> None:
    run = tmp_path / "run"
    first = begin(run, "--trainer.epochs", "1")
    assert first.wait() == 0, first.said
    checkpoint = run / "checkpoints" / "last.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:100_000])
    second = begin(run, "--resume")
    assert second.wait() == 1
    assert "last.ckpt: damaged or cut short" in second.said and "Traceback" not in second.said


def test_elsewhere_with_other_workers_and_more_epochs(tmp_path: Path, begin: Start) -> None:
    run = tmp_path / "run"
    first = begin(run, "--trainer.epochs", "1")
    assert first.wait() == 0, first.said
    (manifest,) = read_recipe(run / "config.yaml").data.cases
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(Path(manifest).parent, elsewhere)
    moved = ("--data.cases", str(elsewhere / Path(manifest).name), "--data.workers", "1", "--trainer.epochs", "2")
    second = begin(run, "--resume", *moved)
    assert second.wait() == 0, second.said
    assert len(read_rows(run / "curves.csv")) == 2
    assert read_recipe(run / "config.yaml").trainer.epochs == 2
    fewer = begin(run, "--resume", "--trainer.epochs", "1")
    assert fewer.wait() == 1 and "other values of trainer.epochs" in fewer.said

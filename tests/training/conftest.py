"""A data set of a few small images, a recipe that trains on it within seconds, and the command that does."""

import csv
import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tiny
from lexseg.models import MODELS

RECIPE = """\
# A tiny model on a tiny set
method: tiny
text: {kind: word, width: 16, layers: 1, dropout: 0.1}
data: {size: 64, grow: {32: 0.5}, batch_size: 4}
augment: {blur: 0}
optimizer: {lr: 3.0e-2, loss_warmup: {small: 2}}
trainer: {epochs: 4, ema: 0.9, samples: 2}
seed: 3
"""


def write_set(root: Path, n: int = 14, train: int = 10, seed: int = 0) -> Path:
    """Bright squares on the left and on the right; the sentence says which of them is meant."""
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        image, mask = rng.normal(80, 10, (48, 56)), np.zeros((48, 56), np.uint8)
        image[18:32, 6:20] += 90
        image[18:32, 36:50] += 90
        mask[18:32, 6 : 20 if i % 2 == 0 else 6] = 255
        mask[18:32, 36 : 50 if i % 2 else 36] = 255
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(root / f"images/{i}.png")
        Image.fromarray(mask).save(root / f"masks/{i}.png")
        rows.append(
            {
                "id": f"c{i}",
                "image": f"images/{i}.png",
                "mask": f"masks/{i}.png",
                "split": "train" if i < train else "val",
                "patient": f"p{i}",
                "laterality": "image",
                "text": f"the bright square on the {'right' if i % 2 else 'left'}",
                "text_short": f"{'right' if i % 2 else 'left'} square",
            }
        )
    return write_rows(root / "cases.csv", rows)


def write_rows(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(autouse=True)
def tiny_method(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "tiny", tiny.PLACE)
    monkeypatch.setitem(MODELS, "tiny-presence", tiny.PRESENCE_PLACE)
    monkeypatch.setitem(MODELS, "tiny-pyramid", tiny.PYRAMID_PLACE)
    monkeypatch.setitem(MODELS, "tiny-unet", tiny.UNET_PLACE)


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    return write_set(tmp_path / "set")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


@dataclass
class Running:
    """``lexseg`` at work in another process."""

    process: BaseProcess
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def wait(self) -> int:
        self.process.join(600)
        assert self.process.exitcode is not None, f"still running:\n{self.said}"
        return self.process.exitcode


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """``start("train", ...)`` runs ``lexseg train ...``. Forked from a process that has imported everything already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([tiny.__name__, "lexseg.training.run", "matplotlib.figure", "tensorboard"])
    started: list[Running] = []

    def begin(*arguments: str | Path) -> Running:
        log = tmp_path / f"log{len(started)}.txt"
        process = context.Process(target=tiny.run_lexseg, args=([str(a) for a in arguments], str(log)))
        process.start()
        started.append(Running(process, log))
        return started[-1]

    yield begin
    for running in started:
        running.process.kill()
        running.process.join()

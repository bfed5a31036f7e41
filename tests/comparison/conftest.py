"""A plan of a few seconds: tiny methods on a tiny set, in processes that are forked from one that knows them."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import tiny
from lexseg.comparison.plan import Plan
from lexseg.comparison.plan_file import parse_plan
from lexseg.models import MODELS

RECIPE = """\
method: tiny
text: {kind: word, width: 16, layers: 1, dropout: 0.1}
augment: {blur: 0}
optimizer: {lr: 3.0e-2, loss_warmup: {small: 2}}
trainer: {epochs: 4, ema: 0.9}
"""


def write_set(root: Path, n: int = 14, train: int = 10) -> Path:
    """Bright squares on the left and on the right; the sentence says which of them is meant."""
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = ["id,image,mask,split,patient,laterality,text,zone"]
    for i in range(n):
        image, mask = rng.normal(80, 10, (48, 56)), np.zeros((48, 56), np.uint8)
        image[18:32, 6:20] += 90
        image[18:32, 36:50] += 90
        mask[18:32, 6 : 20 if i % 2 == 0 else 6] = 255
        mask[18:32, 36 : 50 if i % 2 else 36] = 255
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(root / f"images/{i}.png")
        Image.fromarray(mask).save(root / f"masks/{i}.png")
        side, split = "right" if i % 2 else "left", "train" if i < train else "val"
        rows.append(f"c{i},images/{i}.png,masks/{i}.png,{split},p{i},image,the bright square on the {side},{side}")
    (root / "cases.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root / "cases.csv"


@pytest.fixture(autouse=True)
def tiny_method(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "tiny", tiny.PLACE)


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    return write_set(tmp_path / "set")


@pytest.fixture
def values(tmp_path: Path, cases: Path) -> dict:
    """What the plan's file holds; to be changed before `make` reads it."""
    (tmp_path / "tiny.yaml").write_text(RECIPE, encoding="utf-8")
    return {
        "title": "Tiny methods",
        "budget": {"steps": 6},
        "train": {"data.size": 32, "data.batch_size": 4},
        "validations": 2,
        "methods": {"wide": {"recipe": "tiny.yaml", "label": "Wide"}},
        "datasets": {"squares": {"cases": str(cases), "probes": ["none"]}},
    }


@pytest.fixture
def make(tmp_path: Path, values: dict) -> Callable[[], Plan]:
    """The plan, read from a file."""

    def read() -> Plan:
        (tmp_path / "plan.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
        return parse_plan(values, tmp_path / "plan.yaml")

    return read


class Forked:
    """A process as the runner wants one."""

    def __init__(self, process: BaseProcess) -> None:
        self.process = process
        process.start()

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self) -> int:
        self.process.join()
        assert self.process.exitcode is not None
        return self.process.exitcode

    def kill(self) -> None:
        self.process.kill()

    def send_signal(self, sig: int) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, sig)


def work(folder: str) -> None:
    from lexseg.comparison.worker import main

    log = os.open(f"{folder}/log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    MODELS["tiny"] = tiny.PLACE
    torch.set_num_threads(1)
    # a forkserver's processes ignore Ctrl-C, those of a new Python do not
    signal.signal(signal.SIGINT, signal.default_int_handler)
    multiprocessing.set_start_method("fork", force=True)
    sys.exit(main(Path(folder)))


@pytest.fixture
def launch() -> Callable[[Path, Mapping[str, str]], Forked]:
    """Starts a cell's process by a fork of one that has imported everything already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [tiny.__name__, __name__, "lexseg.training.run", "lexseg.comparison.worker",
         "lexseg.evaluation.evaluate", "matplotlib.figure", "tensorboard"]
    )  # fmt: skip
    return lambda folder, environment: Forked(context.Process(target=work, args=(str(folder),)))

"""Two devices: two processes on the CPU, by the command itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from lexseg.models.io import load_model

from .conftest import read_rows, write_set
from .test_run import dice_of

pytestmark = pytest.mark.slow
RECIPE = {
    "method": "tmca",
    "model": {
        "encoder": "efficientnet-lite0",
        "encoder_args": {"pretrained": False},
        "text_adapter": {"dim": 16, "layers": 1},
        "widths": [16, 16, 8, 8],
        "head_channels": 1,
        "self_attention": [32],
        "joint_dim": 8,
        "gate": 0.1,
    },
    "text": {"kind": "word", "width": 16, "layers": 1},
    "data": {"size": 32, "batch_size": 2},
    "trainer": {"epochs": 2, "ema": 0.9, "devices": 2, "strategy": "ddp", "accelerator": "cpu", "samples": 1},
}


def lexseg(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The installed command, in a process of its own."""
    command = [str(Path(sys.executable).with_name("lexseg")), *map(str, arguments)]
    environment = {k: v for k, v in os.environ.items() if k not in ("LOCAL_RANK", "RANK", "WORLD_SIZE")}
    return subprocess.run(
        command, cwd=cwd, env=environment | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=1800
    )


def test_two_processes(tmp_path: Path) -> None:
    """Five validation cases for two devices: one has to fill up, and must not count a case twice."""
    cases = write_set(tmp_path / "set", n=13, train=8)
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(RECIPE), encoding="utf-8")
    arguments = ["--config", "recipe.yaml", "--data.cases", "set/cases.csv", "--output", "run"]
    out_of_time = lexseg("train", *arguments, "--trainer.max_time", "00:00:00:00", cwd=tmp_path)
    assert out_of_time.returncode == 0, out_of_time.stderr
    assert out_of_time.stdout.count("stopped: max_time is over") == 1

    done = lexseg("train", "--output", "run", "--resume", "--trainer.max_time", "01:00:00:00", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "2 x cpu" in done.stdout
    assert done.stdout.count("epoch 2/2") == 1
    assert done.stdout.count("the model is in") == 1

    run = tmp_path / "run"
    assert [row["step"] for row in read_rows(run / "curves.csv")] == ["2.0", "4.0"]
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["epoch"] == 1
    assert len(list((run / "tensorboard").glob("events*"))) <= 2  # one a start, none of the second process

    loaded = load_model(run / "model")
    val, expected = loaded.metrics["val"], dice_of(run / "model", cases)
    assert val["n"] == 5
    assert val["per_image"]["dice"]["mean"] == pytest.approx(expected["per_image"], abs=1e-6)
    assert val["pooled"]["dice"] == pytest.approx(expected["pooled"], abs=1e-6)
    assert json.loads((run / "run.json").read_text())["cases"]["val"] == 5


def test_more_devices_than_cases(tmp_path: Path) -> None:
    write_set(tmp_path / "set", n=9, train=8)
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(RECIPE), encoding="utf-8")
    arguments = ["--config", "recipe.yaml", "--data.cases", "set/cases.csv", "--output", "run"]
    refused = lexseg("train", *arguments, cwd=tmp_path)
    assert refused.returncode == 1
    assert "2 devices, but a split of 1 cases" in refused.stderr
    assert "Traceback" not in refused.stderr

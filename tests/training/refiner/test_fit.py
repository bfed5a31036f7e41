"""A refiner learns from clicks: small, on made-up discs; its folder is read as it was written, or refused."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from lexseg.errors import ConfigError, DataError, ModelError
from lexseg.models.refiner import Refiner, hint_maps
from lexseg.training.refiner.fit import RefinerConfig, check, fit_refiner
from lexseg.training.refiner.folder import load_refiner, write_refiner


@pytest.fixture(scope="module")
def discs(tmp_path_factory):
    """Bright discs on a dark ground."""
    folder, rng = tmp_path_factory.mktemp("discs"), np.random.default_rng(0)
    rows, columns = np.ogrid[:32, :32]
    with (folder / "cases.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "image", "mask", "text", "split"])
        for number in range(24):
            row, column, radius = rng.uniform(9, 23), rng.uniform(9, 23), rng.uniform(4, 8)
            mask = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
            image = np.where(mask, 190, 60) + rng.normal(0, 12, (32, 32))
            Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / f"{number}.png")
            Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"{number}_mask.png")
            writer.writerow([number, f"{number}.png", f"{number}_mask.png", "disc", "val" if number >= 16 else "train"])
    return folder / "cases.csv"


@pytest.fixture(scope="module")
def config(discs):
    return RefinerConfig(cases=[str(discs)], size=32, widths=(8, 16), batch=8, steps=60, clicks=2, lr=0.01)


@pytest.fixture(scope="module")
def fitted(config, tmp_path_factory):
    said = []
    torch.manual_seed(5)
    folder = fit_refiner(config, tmp_path_factory.mktemp("refiner") / "made", say=said.append, device="cpu")
    return folder, said


def test_clicks_help(fitted):
    _, said = fitted
    scores = [float(part) for part in said[-1].rsplit(": ", 1)[1].split(", ")]
    assert len(scores) == 3 and scores[-1] > scores[0] + 0.05 and scores[-1] > 0.85


def test_its_folder_is_read_as_it_was_written(fitted, tmp_path):
    folder, _ = fitted
    loaded = load_refiner(folder)
    assert loaded.size == 32 and not loaded.network.training
    write_refiner(tmp_path / "again", loaded.network, size=32, how={})
    maps = torch.rand(1, 5, 32, 32)
    assert torch.equal(load_refiner(tmp_path / "again").network(maps), loaded.network(maps))


def test_a_damaged_folder_is_refused(fitted, tmp_path):
    loaded = load_refiner(fitted[0])
    write_refiner(tmp_path / "broken", loaded.network, size=32, how={})
    file = tmp_path / "broken" / "refiner.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match="damaged"):
        load_refiner(tmp_path / "broken")
    with pytest.raises(ModelError, match="pretrain refiner"):
        load_refiner(tmp_path)


def test_an_untrained_refiner_begins_near_the_mask_so_far():
    probability = torch.full((32, 32), 0.05)
    probability[8:20, 8:20] = 0.95
    logits = Refiner((8, 16))(hint_maps(torch.rand(32, 32), probability, [], None)[None])
    assert ((logits[0, 0] > 0) == (probability > 0.5)).float().mean() > 0.95


def test_hints_are_drawn_where_they_are():
    maps = hint_maps(torch.zeros(20, 30), torch.zeros(20, 30), [(3, 4, True), (15, 25, False)], (2, 5, 10, 12))
    assert maps[2, 3, 4] == 1 and maps[3, 15, 25] == 1 and maps[2].sum() == maps[3].sum() < 10
    assert maps[1].sum() == 8 * 7 and maps[1, 2, 5] == 1 and maps[1, 10, 12] == 0


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [("size", 33, "divisible by 2"), ("widths", (8, 10), "divisible by 4"), ("clicks", 0, "1 or more"),
     ("lr", 0.0, "between 0 and 1"), ("limit", -1, "0 or more")],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused(config, setting, value, said):
    with pytest.raises(ConfigError, match=said):
        check(replace(config, **{setting: value}))


def test_cases_without_masks_are_refused(config, discs, tmp_path):
    manifest = discs.parent / "validation.csv"
    lines = discs.read_text().splitlines()
    manifest.write_text("\n".join([lines[0], *(line for line in lines if line.endswith("val"))]) + "\n")
    with pytest.raises(DataError, match="no row of the split train"):
        fit_refiner(replace(config, cases=[str(manifest)]), tmp_path / "none")

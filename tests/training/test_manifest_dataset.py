"""A manifest in a training loop of one's own."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from lexseg import ManifestDataset
from lexseg.errors import DataError
from lexseg.scans.masks import read_mask
from lexseg.training.augment import AugmentConfig

EXAMPLES = Path(__file__).parents[2] / "src/lexseg/assets/examples"


@pytest.fixture
def manifest(tmp_path):
    """The examples with masks, most of them for training."""
    shutil.copytree(EXAMPLES, tmp_path / "set")
    lines = (tmp_path / "set" / "cases.csv").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.startswith(("id,", "breast_case"))]
    text = "\n".join(kept).replace(",test,", ",train,", len(kept) - 4)
    (tmp_path / "set" / "cases.csv").write_text(text + "\n", encoding="utf-8")
    return tmp_path / "set" / "cases.csv"


def test_torch_s_own_loader_makes_batches_of_it(manifest):
    batch = next(iter(DataLoader(ManifestDataset(manifest, size=(64, 96)), batch_size=3)))
    assert batch["image"].shape == (3, 3, 64, 96) and batch["mask"].shape == (3, 1, 64, 96)
    assert batch["valid"].dtype == torch.bool and len(batch["text"]) == 3 and len(set(batch["id"])) == 3
    assert set(batch["mask"].unique().tolist()) == {0.0, 1.0}


def test_without_augmentation_a_case_is_as_it_is(manifest):
    data = ManifestDataset(manifest, size=(64, 64), fit="stretch")
    one, case = data[0], data.cases[0]
    data.set_epoch(5)
    assert torch.equal(one["image"], data[0]["image"]) and one["text"] == case.text and one["valid"].all()
    share = read_mask(case.mask).mean()
    assert float(one["mask"].mean()) == pytest.approx(float(share), rel=0.05)


def test_augmentation_is_another_in_each_epoch_and_the_same_again(manifest):
    data = ManifestDataset(manifest, size=(64, 64), augment=AugmentConfig(), seed=3)
    first = data[0]["image"]
    data.set_epoch(1)
    assert not torch.equal(first, data[0]["image"])
    data.set_epoch(0)
    assert torch.equal(first, data[0]["image"])


def test_the_words_follow_a_mirrored_image(tmp_path):
    mask = np.zeros((32, 32), np.uint8)
    mask[8:24, 2:12] = 255
    Image.fromarray(mask).save(tmp_path / "a.png")
    (tmp_path / "cases.csv").write_text("id,image,mask,split,text\na,a.png,a.png,train,spot on the left\n")
    item = ManifestDataset(tmp_path / "cases.csv", size=(32, 32), augment=AugmentConfig(mirror=1, drop_text=0))[0]
    assert item["text"] == "spot on the right" and item["mask"][0, :, 16:].sum() > item["mask"][0, :, :16].sum()


def test_a_split_that_is_not_there_is_named(manifest):
    with pytest.raises(DataError, match="'val'"):
        ManifestDataset(manifest, "val")

"""Boxes from words: losses by hand, what is told to be absent, and a folder that is read as it was written."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from lexseg.errors import ConfigError, ModelError
from lexseg.interaction.boxed import boxed
from lexseg.losses.box import corners, generalised_iou
from lexseg.models.lang2box import Boxes, lang2box_loss
from lexseg.models.refiner import Refiner
from lexseg.predict.segmentation import Segmentation
from lexseg.training.lang2box.fit import BoxSample, Lang2BoxConfig, fit_lang2box, varied
from lexseg.training.lang2box.folder import load_lang2box
from lexseg.training.refiner.folder import LoadedRefiner


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        ((0, 0, 1, 1), (0, 0, 1, 1), 1.0),
        ((0, 0, 1, 1), (0, 0.5, 1, 1.5), 1 / 3),  # the hull is the union
        ((0, 0, 1, 1), (0, 2, 1, 3), -1 / 3),  # nothing in common: a third of the hull is empty
        ((0, 0, 1, 1), (1, 1, 2, 2), -0.5),
    ],
)
def test_generalised_iou_by_hand(first, second, wanted):
    found = generalised_iou(torch.tensor([first]).float(), torch.tensor([second]).float())
    assert found.item() == pytest.approx(wanted)


def test_corners_of_centre_and_size():
    assert corners(torch.tensor([[0.5, 0.4, 0.2, 0.6]]))[0].tolist() == pytest.approx([0.4, 0.1, 0.6, 0.7])


def test_a_right_box_costs_less_than_a_wrong_one_and_the_absent_costs_no_box():
    true, there = torch.tensor([[0.5, 0.25, 0.4, 0.3]]), torch.tensor([True])
    alike = torch.zeros(1, 8, 8)
    alike[0, 2:6, 1:3] = 0.9

    def loss(box, alike=alike, present=there):
        return lang2box_loss(Boxes(box, torch.tensor([4.0]), alike), true, present).item()

    assert loss(true) < loss(true + torch.tensor([[0.0, 0.4, 0.0, 0.0]])) - 1
    assert loss(true) < loss(true, alike=alike.flip(-1)) - 1
    absent = torch.tensor([False])
    assert loss(true, present=absent) == loss(true + 0.2, present=absent) > 3


def test_the_other_side_is_told_to_be_absent_and_mirrored_images_have_mirrored_words():
    image = torch.rand(3, 8, 8)
    sample = BoxSample(image, "opacity in the left lung", (0.5, 0.25, 0.4, 0.3))
    seen = [varied(sample, np.random.default_rng(seed)) for seed in range(40)]
    for each in seen:
        turned = torch.equal(each.image, image.flip(-1)) and not torch.equal(each.image, image)
        side = "right" if turned else "left"
        assert each.box is None or (side in each.text and each.box[1] == (0.75 if turned else 0.25))
        assert each.box is not None or side not in each.text
    assert 8 < sum(each.box is None for each in seen) < 32
    both = [varied(replace(sample, text="opacity"), np.random.default_rng(seed)) for seed in range(20)]
    assert all(each.box is not None for each in both)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A bright disc left or right, named by its side, and images without one."""
    folder, rng = tmp_path_factory.mktemp("sides"), np.random.default_rng(0)
    rows, columns = np.ogrid[:64, :64]
    with (folder / "cases.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "image", "mask", "text", "split"])
        for number in range(18):
            side, empty = ("left", "right")[number % 2], number % 6 == 5
            column = 16 if side == "left" else 48
            mask = ((rows - rng.uniform(20, 44)) ** 2 + (columns - column) ** 2 <= 100) & (not empty)
            Image.fromarray((np.where(mask, 220, 40) + rng.normal(0, 8, (64, 64))).clip(0, 255).astype(np.uint8)).save(
                folder / f"{number}.png"
            )
            Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"{number}_mask.png")
            split = "val" if number >= 14 else "train"
            writer.writerow([number, f"{number}.png", f"{number}_mask.png", f"opacity in the {side} lung", split])
    said = []
    config = Lang2BoxConfig(cases=[str(folder / "cases.csv")], size=64, dim=32, batch=8, steps=30, lr=0.01)
    return fit_lang2box(config, folder / "made", device="cpu", say=said.append), said, folder


def test_it_learns_and_says_how_well(made):
    _, said, _ = made
    first, last = (float(line.rsplit(" ", 1)[1]) for line in (said[1], said[-2]))
    assert last < first - 0.5 and "IoU of boxes" in said[-1] and "1 of them" not in said[0] and "2 of them" in said[0]


def test_its_folder_answers_with_a_box_in_the_image(made):
    finder = load_lang2box(made[0])
    image = np.asarray(Image.open(made[2] / "0.png"), np.float32) / 255
    first, second = finder.find(image, ["opacity in the left lung", "opacity in the right lung"])
    for named in (first, second):
        top, left, bottom, right = named.box
        assert 0 <= top < bottom <= 1 and 0 <= left < right <= 1 and 0 <= named.present <= 1
    assert first != second
    with pytest.raises(ModelError, match="pretrain lang2box"):
        load_lang2box(made[2])


def test_a_box_is_filled_or_refused(made):
    finder, image = load_lang2box(made[0]), np.asarray(Image.open(made[2] / "0.png"), np.float32) / 255
    with pytest.raises(ConfigError, match="--refiner"):
        boxed(finder, image, sam=False, refiner=None)
    first = boxed(finder, image, sam=False, refiner=LoadedRefiner(Refiner((4, 8)).eval(), 32, "0"))
    said = first.segmentation(Segmentation(np.full((64, 64), 0.9, np.float32), 0.5, "opacity in the left lung"))
    assert said.probability.shape == (64, 64) and said.presence is not None and "box" in said.doubts[-1]
    assert said.found is (said.presence >= 0.5)

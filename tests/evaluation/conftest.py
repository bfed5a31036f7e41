"""A small data set with patients, sides and an empty mask, and models that listen or do not."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lexseg.cases.manifest import read_manifest

SIDES = ("left", "right", "left", "right", "bilateral", "none")


@dataclass
class Listener:
    """Finds the bright blob on the side that the sentence names; both where it names none of them.

    Keeps what it was asked, in the order of the images.
    """

    name: str = "listener"
    sha256: str | None = "a" * 64
    threshold: float = 0.5
    laterality: str | None = "image"
    uses_text: bool = True
    deaf: bool = False
    asked: list = field(default_factory=list)
    calls: int = 0

    def segment_batch(self, images, texts, tta=False):
        self.calls += 1
        return [[self.answer(image, text) for text in asked] for image, asked in zip(images, texts, strict=True)]

    def answer(self, image, text):
        self.asked.append(text)
        found = (image > 0.5).astype(np.float32) * 0.9
        words = "" if text is None or self.deaf else text
        middle = image.shape[1] // 2
        if "left" in words and "right" not in words:
            found[:, middle:] = 0
        if "right" in words and "left" not in words:
            found[:, :middle] = 0
        if words.startswith("no "):
            found[:] = 0
        return found


@pytest.fixture
def listener():
    return Listener()


def draw(side, rng):
    """Two blobs in every image, of which the mask holds those of the side."""
    image, mask = np.full((24, 32), 40, np.uint8), np.zeros((24, 32), bool)
    for name, left in (("left", 3), ("right", 20)):
        top = int(rng.integers(2, 12))
        image[top : top + 8, left : left + 8] = 220
        if side in (name, "bilateral"):
            mask[top : top + 8, left : left + 8] = True
    return image, mask


WORDS = {
    "left": "an opacity in the left lung",
    "right": "an opacity in the right lung",
    "bilateral": "an opacity in the left lung and an opacity in the right lung",
    "none": "no opacity",
}


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Six cases of five patients: val, but for the last two, which are test."""
    folder = tmp_path / "data"
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    rng = np.random.default_rng(0)
    rows = ["id,image,mask,split,patient,laterality,text"]
    for number, side in enumerate(SIDES):
        image, mask = draw(side, rng)
        Image.fromarray(image).save(folder / "images" / f"film{number}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"film{number}.png")
        split = "test" if number >= 4 else "val"
        row = (
            f"c{number}",
            f"images/film{number}.png",
            f"masks/film{number}.png",
            split,
            f"p{max(0, number - 1)}",
            "image",
        )
        rows.append(",".join(row) + f',"{WORDS[side]}"')
    path = folder / "cases.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def cases(manifest):
    return read_manifest(manifest)


@pytest.fixture
def masks_of(tmp_path, cases):
    """Writes perfect masks under the names that a rule gives, and returns their folder."""

    def write(name_of, folder="predicted", skip=()):
        target = tmp_path / folder
        for case in cases:
            if case.id not in skip:
                path = target / name_of(case)
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.open(case.mask).save(path)
        return target

    return write

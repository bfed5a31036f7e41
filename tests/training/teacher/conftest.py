"""Real breast ultrasound (the shipped examples) with true and absent questions, a small recipe, and a pack of them."""

import csv
import shutil
from pathlib import Path

import pytest

import lexseg
from lexseg.training.augment import AugmentConfig
from lexseg.training.recipe import from_values
from lexseg.training.teacher.contents import Pack, read_pack
from lexseg.training.teacher.pack import make_pack
from lexseg.training.teacher.questions import PackOptions

EXAMPLES = Path(lexseg.__file__).parent / "assets" / "examples"
RECIPE = {
    "method": "tmca",
    "model": {"encoder": "efficientnet-lite0", "widths": [32, 24, 16, 16], "head_channels": 1, "joint_dim": 16,
              "gate": 0.1, "swapped_weight": 0.1},
    "data": {"text_column": ["text", "text_2"], "size": 64, "batch_size": 4, "sentences": 2},
    "seed": 1,
}  # fmt: skip
STILL = AugmentConfig(
    mirror=0, zoom=(1, 1), stretch=0, shift=0, rotate=0, brightness=0, contrast=(1, 1), gamma=(1, 1), noise=0, blur=0,
    drop_text=0,
)  # fmt: skip
SMALL = PackOptions(images=8, sentences=40, validation=20, size=64)


@pytest.fixture(scope="session")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two manifests of six images each; an image has a true sentence in two wordings, and an absent target."""
    folder = tmp_path_factory.mktemp("breast")
    for kind in ("images", "masks"):
        shutil.copytree(EXAMPLES / kind, folder / kind)
    with (EXAMPLES / "cases.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["mask"]][:12]
    paths = []
    for number in range(2):
        written = []
        for i, row in enumerate(rows[6 * number : 6 * number + 6]):
            common = {"image": row["image"], "patient": row["patient"], "split": "val" if i > 3 else "train"}
            words = {"text": row["text"].partition(",")[0], "text_2": "mass in the left half of the picture"}
            written.append(common | words | {"id": f"{row['id']}", "mask": row["mask"], "present": "yes"})
            absent = {"text": "polyp in the upper right part", "text_2": "a right polyp"}
            written.append(common | absent | {"id": f"{row['id']}_none", "mask": "", "present": "no"})
        paths.append(folder / f"cases{number}.csv")
        with paths[-1].open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(written[0]))
            writer.writeheader()
            writer.writerows(written)
    return paths


@pytest.fixture(scope="session")
def recipe(manifests: list[Path]) -> dict:
    return RECIPE | {"data": RECIPE["data"] | {"cases": ",".join(map(str, manifests)), "weights": [3, 1]}}


@pytest.fixture(scope="session")
def folder(recipe: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack."""
    path = tmp_path_factory.mktemp("packed") / "pack"
    make_pack(from_values(recipe), path, SMALL)
    return path


@pytest.fixture
def pack(folder: Path) -> Pack:
    return read_pack(folder)

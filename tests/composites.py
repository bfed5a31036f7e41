"""Films of the halves of two training films (``lexseg.datasets.halves``): healthy, ill on one side, ill on both."""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lexseg.datasets.halves import join_halves, join_masks, side_of
from lexseg.scans.images import read_image
from lexseg.scans.masks import read_mask

NUMBERS = {"healthy": 900, "unilateral": 1100, "bilateral": 500}
CANDIDATES = 12  # of which the half with the likest grey values is taken
FROM_HEALTHY_FILMS = 0.35  # of the healthy halves

Half = tuple[str, str]  # the film's folder and id, and which side of it


def make(ill: Path, healthy: Path, output: Path, seed: int) -> Path:
    """Write ``output/cases.csv`` with images and masks.

    Args:
        ill: manifest of films with masks.
        healthy: manifest of films without findings, of the same size.
        output: the folder to make.
        seed: of all choices.
    """
    films = _Films(ill, healthy)
    rng = np.random.default_rng(seed)
    for part in ("images", "masks"):
        (output / part).mkdir(parents=True, exist_ok=True)
    rows = []
    for kind, number in NUMBERS.items():
        for n in range(number):
            sides = ("left", "right")
            sick = {"healthy": (), "unilateral": (sides[n % 2],), "bilateral": sides}[kind]
            pair = films.pair(sick, rng)
            image = join_halves(*(films.image(name) for name in pair))
            mask = join_masks(*(films.mask(name) for name in pair))
            name = f"{kind}{n:04d}"
            Image.fromarray(np.round(image * 255).astype(np.uint8)).save(output / "images" / f"{name}.jpg", quality=92)
            Image.fromarray(mask.astype(np.uint8) * 255).save(output / "masks" / f"{name}.png")
            rows.append({"id": name, "image": f"images/{name}.jpg", "mask": f"masks/{name}.png", "split": "train",
                         "patient": name, "laterality": "image", "text": ""})  # fmt: skip
    with (output / "cases.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return output / "cases.csv"


class _Films:
    """The training films of both manifests, by which halves of them are ill or healthy."""

    def __init__(self, ill: Path, healthy: Path) -> None:
        self.rows: dict[str, tuple[Path, Path | None]] = {}
        self.ill: dict[str, list[str]] = {"left": [], "right": []}
        self.well: dict[str, list[str]] = {"left": [], "right": []}
        self.normal: list[str] = []
        for row in _train(ill):
            self.rows[row["id"]] = (ill.parent / row["image"], ill.parent / row["mask"])
            side = side_of(read_mask(self.rows[row["id"]][1]))
            if side in ("left", "right"):
                self.ill[side].append(row["id"])
                self.well["right" if side == "left" else "left"].append(row["id"])
            elif side == "both":
                self.ill["left"].append(row["id"])
                self.ill["right"].append(row["id"])
        for row in _train(healthy):
            self.rows[row["id"]] = (healthy.parent / row["image"], None)
            self.normal.append(row["id"])

    def image(self, name: str) -> NDArray[np.float32]:
        pixels = read_image(self.rows[name][0])
        return pixels if pixels.ndim == 2 else pixels.mean(-1, dtype=np.float32)

    def mask(self, name: str) -> NDArray[np.bool_]:
        path = self.rows[name][1]
        return read_mask(path) if path is not None else np.zeros(self.image(name).shape, np.bool_)

    def pair(self, sick: tuple[str, ...], rng: np.random.Generator) -> tuple[str, str]:
        """Whose left and whose right half: of some candidates those whose grey values are likest."""
        first = self._half("left", "left" in sick, rng)
        one = self.image(first)
        best, least = first, np.inf
        for _ in range(CANDIDATES):
            other = self._half("right", "right" in sick, rng)
            two = self.image(other)
            apart = abs(float(one.mean() - two.mean())) + abs(float(one.std() - two.std()))
            if other != first and one.shape == two.shape and apart < least:
                best, least = other, apart
        return first, best

    def _half(self, side: str, ill: bool, rng: np.random.Generator) -> str:
        pool = self.ill[side] if ill else self.normal if rng.random() < FROM_HEALTHY_FILMS else self.well[side]
        return pool[int(rng.integers(len(pool)))]


def _train(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["split"] == "train"]

"""A small data set on disk, to be broken in one place at a time."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Row = Mapping[str, str]


def picture(seed: int, size: tuple[int, int] = (8, 10)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8))


def half_mask(size: tuple[int, int] = (8, 10)) -> Image.Image:
    values = np.zeros(size, np.uint8)
    values[:, : size[1] // 2] = 255
    return Image.fromarray(values)


@pytest.fixture
def write_csv() -> Callable[..., Path]:
    """Write rows as a CSV manifest whose header is the first row's columns."""

    def write(path: Path, rows: Sequence[Row]) -> Path:
        import csv

        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return path

    return write


@pytest.fixture
def make_set(tmp_path: Path, write_csv: Callable[..., Path]) -> Callable[..., Path]:
    """``make_set({"text": "a"}, {"text": "b"})``: a manifest of two cases, with their images and masks."""

    def make(*rows: Row, folder: str = "set") -> Path:
        root = tmp_path / folder
        (root / "images").mkdir(parents=True)
        (root / "masks").mkdir()
        full = []
        for number, row in enumerate(rows, start=1):
            picture(number).save(root / f"images/{number}.png")
            half_mask().save(root / f"masks/{number}.png")
            full.append({"id": f"c{number}", "image": f"images/{number}.png", "mask": f"masks/{number}.png", **row})
        return write_csv(root / "cases.csv", full)

    return make

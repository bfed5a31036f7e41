"""A small data set on disk, to be broken in one place at a time."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from referring import mask_of

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


@pytest.fixture
def make_films(tmp_path, write_csv):
    """``make_films([LEFT_LOWER], [])``: a manifest of images whose masks hold these ellipses."""

    def make(*films, folder="films", **columns):
        root = tmp_path / folder
        (root / "images").mkdir(parents=True)
        (root / "masks").mkdir()
        rows = []
        for number, ellipses in enumerate(films):
            mask = ellipses if isinstance(ellipses, np.ndarray) else mask_of(*ellipses)
            noise = np.random.default_rng(number).integers(60, 90, mask.shape)
            Image.fromarray(np.where(mask > 0, 160, noise).astype(np.uint8)).save(root / f"images/f{number}.png")
            values = mask if mask.dtype != bool else np.where(mask, 255, 0)
            Image.fromarray(values.astype(np.uint8)).save(root / f"masks/f{number}.png")
            rows.append(
                {
                    "id": f"f{number}",
                    "image": f"images/f{number}.png",
                    "mask": f"masks/f{number}.png",
                    "split": "train" if number % 2 == 0 else "val",
                    "patient": f"p{number}",
                    "laterality": "image",
                    "text": "infected lungs",
                    **columns,
                }
            )
        return write_csv(root / "cases.csv", rows)

    return make

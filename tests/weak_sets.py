"""Small sets of one bright square each, and what is said of it."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image


def one_square(root: Path, n: int = 16, train: int = 12, present: bool = False, seed: int = 0) -> Path:
    """One bright square on the left or the right, a third of the images wide; ``present``: every third has none."""
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        image, mask = rng.normal(70, 8, (64, 64)), np.zeros((64, 64), np.uint8)
        there = not (present and i % 3 == 2)
        side = "left" if i % 2 == 0 else "right"
        top, left = int(rng.integers(12, 32)), int(rng.integers(4, 10)) + (0 if side == "left" else 32)
        if there:
            image[top : top + 20, left : left + 20] += 110
            mask[top : top + 20, left : left + 20] = 255
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(root / f"images/{i}.png")
        Image.fromarray(mask).save(root / f"masks/{i}.png")
        row = {"id": f"c{i}", "image": f"images/{i}.png", "mask": f"masks/{i}.png", "patient": f"p{i}"}
        row |= {"split": "train" if i < train else "val", "laterality": "image", "text": f"bright square on the {side}"}
        if present:
            row |= {"mask": "", "present": "yes" if there else "no"}
        rows.append(row)
    path = root / "cases.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path

"""How often several pictures put together are told, and single ones taken for several.

``python tests/panels.py DATA`` looks at every validation and test image of the sets in DATA, and at what it puts
together of them: beside one another, above one another, four of them; with and without a gap; of different grey ranges;
as JPEG and smaller. It prints the figures of docs/explanation/scope.md.
"""

import csv
import io
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lexseg.models.place import has_panels

Picture = Image.Image
SETS = (
    "qata_covid19",
    "healthy_cxr",
    "nih_cxr",
    "breast_us_birads",
    "busi_subset",
    "polyp_kvasir",
    "covid_ct",
    "brain_mri_lgg",
    "skin_ph2",
)
ARRANGED = {"2x1": (2, 1), "1x2": (1, 2), "2x2": (2, 2)}
GAPS = ((0, 0), (4, 0), (4, 255), (20, 0), (20, 255))


def looked_at(picture: Picture) -> bool:
    """Whether it is taken for several."""
    return has_panels(np.asarray(picture, np.float32) / 255)


def kept(folder: Path) -> list[Path]:
    """The validation and test images of a set."""
    with open(folder / "cases.csv", newline="") as file:
        return [folder / name for name in sorted({r["image"] for r in csv.DictReader(file) if r["split"] != "train"})]


def exposed(picture: Picture, chosen: random.Random) -> Picture:
    """As it is, darker, brighter, or of another gamma."""
    values: NDArray[np.float32] = np.asarray(picture, np.float32) / 255
    values = chosen.choice([values, values * 0.6, 0.3 + 0.7 * values, values**0.6])
    return Image.fromarray((values * 255).astype(np.uint8))


def together(pictures: Sequence[Picture], columns: int, rows: int, gap: int, shade: int, side: int = 320) -> Picture:
    """Pictures in a grid: one row keeps their shapes at one height, one column at one width, else they are squares."""
    pictures = pictures[: columns * rows]
    if rows == 1:
        pictures = [p.resize((max(p.width * side // p.height, 1), side)) for p in pictures]
    elif columns == 1:
        pictures = [p.resize((side, max(p.height * side // p.width, 1))) for p in pictures]
    else:
        pictures = [p.resize((side, side)) for p in pictures]
    wide, high = [p.width for p in pictures[:columns]], [p.height for p in pictures[::columns]]
    whole = Image.new(pictures[0].mode, (sum(wide) + gap * (columns - 1), sum(high) + gap * (rows - 1)), shade)
    for i, picture in enumerate(pictures):
        x, y = i % columns, i // columns
        whole.paste(picture, (sum(wide[:x]) + gap * x, sum(high[:y]) + gap * y))
    return whole


def sent(picture: Picture, scale: float) -> Picture:
    """As a JPEG of quality 85, made smaller."""
    file = io.BytesIO()
    picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BILINEAR).save(
        file, "JPEG", quality=85
    )
    return Image.open(file)


def composites(folder: Path, arranged: str, gap: int, shade: int, scale: float, most: int) -> float:
    """The share of so many composites of a set that are told."""
    chosen = random.Random(f"{folder.name} {arranged}")
    files = kept(folder)
    hits = 0
    for _ in range(most):
        four = [exposed(Image.open(path).convert("L"), chosen) for path in chosen.sample(files, 4)]
        whole = together(four, *ARRANGED[arranged], gap, shade)
        hits += looked_at(whole if scale == 1 else sent(whole, scale))
    return hits / most


def main(data: Path, most: int) -> None:
    """Print both tables."""
    for name in SETS:
        files = kept(data / name)
        wrong = [path.name for path in files if looked_at(Image.open(path).convert("RGB"))]
        print(f"{name}: {len(wrong)} of {len(files)} taken for several {wrong[:5]}", flush=True)
    for name in ("qata_covid19", "nih_cxr", "breast_us_birads"):
        for arranged in ARRANGED:
            for scale in (1.0, 0.8):
                shares = [composites(data / name, arranged, gap, shade, scale, most) for gap, shade in GAPS]
                told = [f"{gap} px {shade}: {share:.0%}" for (gap, shade), share in zip(GAPS, shares, strict=True)]
                print(name, arranged, "as it is" if scale == 1 else "JPEG, smaller", *told, sep="; ", flush=True)
    for shape in ((320, 320), (1024, 1024), (2048, 2048), (2048, 2500, 3)):
        image = np.random.default_rng(0).random(shape, np.float32)
        seconds = []
        for _ in range(20):
            began = time.perf_counter()
            has_panels(image)
            seconds.append(time.perf_counter() - began)
        print(shape, f"{min(seconds) * 1e3:.2f} ms")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 60)

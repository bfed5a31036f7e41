"""What is found in several pictures put together: cut and each read by itself, or read as one.

``python tests/panels_read.py MODEL DATA [MOST]`` puts together validation images with a target, with and without a gap,
asks for the target and, of films, for that of one lung where it is there; it prints Dice per picture, and how long a
look takes: the table of docs/explanation/scope.md.
"""

import csv
import random
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lexseg import Segmenter
from lexseg.predict.segmenter import ImageSession
from lexseg.predict.words import Sides
from panels import ARRANGED, Picture, exposed, together

ASKED = {
    "qata_covid19": ("L", "infection"),
    "busi_subset": ("L", "breast mass"),
    "breast_us_birads": ("L", "breast mass"),
    "polyp_kvasir": ("RGB", "polyp"),
    "brain_mri_lgg": ("L", "tumour"),
}
GAPS = {"white gap": (12, 255), "black gap": (12, 0), "no gap": (0, 0)}
SIDE = 320
Mask = NDArray[np.bool_]


class Whole(NamedTuple):
    """Pictures put together, bool masks of their targets, and where each lies."""

    image: NDArray[np.float32]
    truth: Mask
    places: list[tuple[slice, slice]]
    alone: list[NDArray[np.float32]]


def targets(folder: Path) -> list[tuple[Path, Path]]:
    """The validation images of a set that show a target, and their masks."""
    with open(folder / "cases.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "val" and float(row["mask_fraction"]) > 0]
    return list({row["image"]: (folder / row["image"], folder / row["mask"]) for row in rows}.values())


def put_together(chosen: list[tuple[Picture, Picture]], arranged: str, gap: int, shade: int) -> Whole:
    """Pictures and their masks, all of one size."""
    size = (SIDE, SIDE)
    pictures = [picture.resize(size) for picture, _ in chosen]
    masks = [mask.resize(size, Image.Resampling.NEAREST) for _, mask in chosen]
    colour = (shade,) * 3 if pictures[0].mode == "RGB" else shade
    whole = together(pictures, *ARRANGED[arranged], gap, colour)
    truth = together(masks, *ARRANGED[arranged], gap, 0)
    columns, rows = ARRANGED[arranged]
    starts = [(SIDE + gap) * i for i in range(max(columns, rows))]
    places = [(slice(y, y + SIDE), slice(x, x + SIDE)) for y in starts[:rows] for x in starts[:columns]]
    alone = [np.asarray(picture, np.float32) / 255 for picture in pictures]
    return Whole(np.asarray(whole, np.float32) / 255, np.asarray(truth) > 127, places, alone)


def dice(one: Mask, other: Mask) -> float:
    """Of two masks."""
    return float(2 * (one & other).sum() / max(one.sum() + other.sum(), 1))


def painted(session: ImageSession, text: str) -> Mask:
    """What is found, "left" being that of the image."""
    return session.segment(text, laterality="image").mask


def main(model: str, data: Path, most: int) -> None:
    """Print the table."""
    segmenter = Segmenter.from_pretrained(model, device="cpu")
    print("| | cut | each alone | cut | as one | of one lung: each alone | cut | as one | ms: cut | as one |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, (mode, text) in ASKED.items():
        for arranged in ("2x1", "2x2"):
            for called, (gap, shade) in GAPS.items():
                row = measured(segmenter, data / name, (mode, text), (arranged, gap, shade), most)
                print(f"| {name}, {arranged}, {called} | " + " | ".join(row) + " |", flush=True)


def measured(
    segmenter: Segmenter, folder: Path, asked: tuple[str, str], how: tuple[str, int, int], most: int
) -> list[str]:
    """A row of the table."""
    chosen, files = random.Random(f"{folder.name} {how}"), targets(folder)
    scores: dict[str, list[float]] = {key: [] for key in ("alone", "cut", "as one")}
    lungs: dict[str, list[float]] = {key: [] for key in scores}
    seconds: dict[str, list[float]] = {"cut": [], "as one": []}
    number = 0
    for _ in range(most):
        pairs = [(Image.open(image).convert(asked[0]), Image.open(mask).convert("L").point([0] + [255] * 255))
                 for image, mask in chosen.sample(files, 4)]  # fmt: skip
        if asked[0] == "L":
            pairs = [(exposed(picture, chosen), mask) for picture, mask in pairs]
        whole = put_together(pairs[: 2 if how[0] == "2x1" else 4], *how)
        looks = {}
        for key, single in (("cut", False), ("as one", True)):
            began = time.perf_counter()
            (looks[key],) = segmenter.sessions([(whole.image, None, Sides())], alone=single)
            seconds[key].append(time.perf_counter() - began)
        number += bool(looks["cut"].panels)
        alone = [segmenter.sessions([(picture, None, Sides())], alone=True)[0] for picture in whole.alone]
        for place, own in zip(whole.places, alone, strict=True):
            scores["alone"].append(dice(painted(own, asked[1]), whole.truth[place]))
        for key, session in looks.items():
            mask = painted(session, asked[1])
            scores[key] += [dice(mask[place], whole.truth[place]) for place in whole.places]
        if folder.name == "qata_covid19":
            for side, half in (("left", slice(0, SIDE // 2)), ("right", slice(SIDE // 2, SIDE))):
                text = f"{asked[1]} of the {side} lung"
                masks = {key: painted(session, text) for key, session in looks.items()}
                parts = {key: [mask[place] for place in whole.places] for key, mask in masks.items()}
                parts["alone"] = [painted(own, text) for own in alone]
                for i, place in enumerate(whole.places):
                    truth = whole.truth[place].copy()
                    truth[:, : half.start] = truth[:, half.stop :] = False
                    for key, each in parts.items():
                        lungs[key] += [dice(each[i], truth)] if truth.any() else []
    means = [f"{np.mean(values):.2f}" for values in scores.values()]
    sides = [f"{np.mean(values):.2f}" if values else "" for values in lungs.values()]
    return [f"{number / most:.0%}", *means, *sides, *(f"{1000 * np.median(each):.0f}" for each in seconds.values())]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 30)

"""A target that can be told by its brightness: a disc, somewhere, on a darker and noisy ground with a square beside."""

import numpy as np
from PIL import Image

from lexseg.fewshot.fit import TeachingOptions
from lexseg.fewshot.labels import BESIDE, TARGET, unknown
from lexseg.fewshot.support import Example

OPTIONS = TeachingOptions(size=64, parts=("statistics", "place"))


def disc(seed, size=(80, 80)):
    """float32[H, W] and bool[H, W]."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]]
    middle = rng.uniform(0.35, 0.65, 2) * size
    mask = (rows - middle[0]) ** 2 + (columns - middle[1]) ** 2 < (0.2 * min(size)) ** 2
    image = rng.normal(0.2, 0.02, size)
    image[mask] += 0.6
    image[5:15, 5:15] = 0.5
    return image.clip(0, 1).astype(np.float32), mask


def scribbled(mask):
    """A stroke across the target, and one below and above it."""
    labels = unknown(mask.shape)
    rows, columns = np.nonzero(mask)
    row, middle = int(rows.mean()), int(columns.mean())
    labels[row, middle - 6 : middle + 6] = TARGET
    labels[[rows.min() - 5, rows.max() + 5], middle - 20 : middle + 20] = BESIDE
    labels[rows.min() - 5 : rows.max() + 5, columns.min() - 5] = BESIDE
    labels[rows.min() - 5 : rows.max() + 5, columns.max() + 5] = BESIDE
    labels[8, 6:14] = BESIDE
    return labels


def examples(count, first=0):
    made = []
    for seed in range(first, first + count):
        image, mask = disc(seed)
        made.append(Example.of(image, scribbled(mask)))
    return made


def dice(found, mask):
    return 2 * (found & mask).sum() / (found.sum() + mask.sum())


def write_set(folder, count=4, *, dense=False, text="bright disc"):
    """A manifest of discs with whole masks and scribbles."""
    rows = ["id,image,mask,drawn,text"]
    for seed in range(count):
        image, mask = disc(seed)
        Image.fromarray((image * 255).round().astype(np.uint8)).save(folder / f"i{seed}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"m{seed}.png")
        Image.fromarray(scribbled(mask)).save(folder / f"s{seed}.png")
        rows.append(f"d{seed},i{seed}.png,{'m' if dense else 's'}{seed}.png,s{seed}.png,{text}")
    (folder / "cases.csv").write_text("\n".join(rows) + "\n")
    return folder / "cases.csv"

"""A folder of phantoms with its manifest."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from lexseg.cases.case import Case, Split
from lexseg.cases.manifest import write_manifest
from lexseg.datasets.phantoms.draw import Phantom, View, draw_phantom
from lexseg.datasets.phantoms.mark import COLUMN
from lexseg.errors import ConfigError
from lexseg.files import new_folder
from lexseg.language.sides import Laterality

SMALLEST, LARGEST = 64, 1024
NUMBERS = ("no", "one", "two", "three", "four", "five")


def write_phantoms(
    output: Path | str,
    n: int = 200,
    size: int = 128,
    seed: int = 0,
    laterality: Laterality = "image",
    view: View = "body",
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Draw phantoms into a folder: ``images/``, ``instances/``, ``organs/`` and ``cases.csv``.

    Phantom 17 of seed 0 is the same in a set of 20 and in one of 2,000, and stands in the same split: of every twenty
    in a row 14 are for training, 3 for validation and 3 for the test.

    Args:
        output: the folder to make; it may exist if it is empty.
        n: how many, 1 or more.
        size: pixels of a side.
        seed: of the whole set.
        laterality: whose left "left" shall mean in sentences made of them. The liver lies at the image's left, the
            patient's right.
        view: the whole ``body``, or the ``liver`` in the middle of the image, with lesions on either side of it.
        progress: is told how many are done, and of how many.

    Returns:
        the manifest: a caption for each phantom, with all its lesions as targets.

    Raises:
        ConfigError: for a number or a size out of range.
        DataError: if the folder holds something.
        OSError: if it cannot be written; then there is no folder.
    """
    if n < 1:
        raise ConfigError(f"{n} phantoms cannot be drawn; expected 1 or more")
    if not SMALLEST <= size <= LARGEST:
        raise ConfigError(f"phantoms of {size} pixels cannot be drawn; expected {SMALLEST} to {LARGEST}")
    if seed < 0:
        raise ConfigError(f"{seed} is no seed; expected 0 or more")
    output = Path(output)
    with new_folder(output) as building:
        for folder in ("images", "instances", "organs"):
            (building / folder).mkdir()
        cases = []
        for index in range(n):
            cases.append(_store(building, draw_phantom(seed, index, size, view), seed, index, laterality))
            if progress is not None:
                progress(index + 1, n)
        write_manifest(building / "cases.csv", cases)
    return output / "cases.csv"


def caption(phantom: Phantom) -> str:
    """The sentence about all lesions: "Three liver lesions, two hypodense and one hyperdense."."""
    count, dark = phantom.count, sum(density == "hypodense" for density in phantom.densities)
    if dark in (0, count):
        sentence = f"{NUMBERS[count]} {phantom.densities[0]} liver lesion{'s' * (count > 1)}."
    else:
        sentence = f"{NUMBERS[count]} liver lesions, {NUMBERS[dark]} hypodense and {NUMBERS[count - dark]} hyperdense."
    return sentence.capitalize()


def split_of(index: int) -> Split:
    """The split of the phantom with this index."""
    place = index % 20
    return "train" if place < 14 else "val" if place < 17 else "test"


def _store(folder: Path, phantom: Phantom, seed: int, index: int, laterality: Laterality) -> Case:
    name = f"phantom_{seed}_{index:05d}"
    image, mask, organ = (folder / kind / f"{name}.png" for kind in ("images", "instances", "organs"))
    Image.fromarray(phantom.image).save(image)
    Image.fromarray(phantom.instances).save(mask)
    Image.fromarray(np.where(phantom.organ, 255, 0).astype(np.uint8)).save(organ)
    spacing = round(phantom.spacing, 4)
    extra = {
        "organ": f"organs/{organ.name}",
        "leaks_mask": "yes",
        COLUMN: "yes",
    }
    return Case(
        name,
        image,
        (caption(phantom),),
        mask,
        split=split_of(index),
        patient=name,
        laterality=laterality,
        language="en",
        spacing=(spacing, spacing),
        target_ids=tuple(range(1, phantom.count + 1)),
        extra=extra,
    )

"""Images and masks in folders, and one sentence for all.

Either ``images/`` and ``masks/``, matched by name (``a.jpg`` with ``a.png``, ``mask_a.png`` or ``a_mask.png``), or one
folder in which the masks carry ``mask_`` or ``_mask``. Images without a mask are imported without.
"""

import re
from pathlib import Path

from lexseg.datasets.importers.record import (
    Files,
    Findings,
    Record,
    find_folder,
    image_names,
    list_images,
    mask_names,
    tell_passed_over,
)
from lexseg.errors import DataError

_IMAGES = ("images", "image", "imgs", "img")
_MASKS = ("masks", "mask", "labels", "label", "labelcol", "gts", "gt", "ground-truths")


def read(source: Path, text: str = "") -> Findings:
    """Read images and masks.

    Args:
        source: the folder of the folders, or of the files.
        text: the sentence of every image; empty is the null sentence.
    """
    findings = Findings()
    images_folder, masks_folder = find_folder(source, _IMAGES), find_folder(source, _MASKS)
    if images_folder is None and masks_folder is not None:
        findings.note("error", "there is a folder of masks, but none named 'images'", source)
        return findings
    masks = Files(masks_folder or source, findings)
    images = list_images(images_folder or source)
    if images_folder is not None:
        tell_passed_over(images_folder, findings)
    if images_folder is None:
        masks.keep(_is_mask)
        images = [path for path in images if not _is_mask(path)]
    used: set[Path] = set()
    for image in images:
        try:
            mask = masks.find_any(mask_names(image.name)) if masks_folder or images_folder is None else None
        except DataError as error:
            findings.note("error", str(error), image)
            continue
        if mask is None:
            findings.note("info", "there is no mask of this image", image)
        else:
            used.add(mask)
        findings.records.append(Record(image.stem, image, mask, " ".join(text.split()), source=image))
    for mask in masks.paths if masks_folder or images_folder is None else []:
        if mask not in used:
            names = ", ".join(map(repr, dict.fromkeys(image_names(mask.stem))))
            findings.note("error", f"there is no image of this mask; expected one named {names}", mask)
    if not images:
        findings.note(
            "error",
            "there are no images (PNG, JPEG, TIFF or BMP) in it; folders within it are not read",
            images_folder or source,
        )
    return findings


def _is_mask(path: Path) -> bool:
    return re.match(r"mask_", path.stem, re.IGNORECASE) is not None or (
        re.search(r"[_-]mask(_\d+)?$", path.stem, re.IGNORECASE) is not None
    )

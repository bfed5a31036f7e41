"""The layout of LanGuideMedSeg and MMI-UNet.

``prompt/train.csv`` and ``prompt/test.csv`` with the columns ``Image`` (the file name of the *mask*; the image's is the
same without ``mask_``) and ``Description``; ``Images/`` and ``GTs/`` beside ``prompt`` or in a folder for each split
(``Train Set``, ``Test Set``). Those projects validate on the last 20 % of the train table, in the table's order; here
the validation cases are drawn by patient and image with the seed instead, unless there is a ``prompt/val.csv``.
"""

import re
from pathlib import Path

from lexseg.cases.case import Split
from lexseg.cases.splits import SPLITS
from lexseg.datasets.importers.record import Files, Findings, Record, find_folder, image_names
from lexseg.datasets.importers.table import read_table
from lexseg.errors import DataError

_IMAGES = ("Images", "Image", "img")
_MASKS = ("GTs", "GT", "Ground-truths", "Masks", "labelcol")


def read(source: Path) -> Findings:
    """Read a LanGuide data set from the folder that holds ``prompt``."""
    findings = Findings()
    tables = _tables(source)
    if not tables:
        findings.note("error", "there is no prompt/train.csv or prompt/test.csv", source)
    for split, path in tables.items():
        folder = find_folder(source, (f"{split} set", f"{split}_folder", f"{split}set", split)) or source
        images_folder, masks_folder = find_folder(folder, _IMAGES), find_folder(folder, _MASKS)
        if images_folder is None or masks_folder is None:
            findings.note("error", "there is no folder 'Images' or no folder 'GTs'", folder)
            continue
        images, masks = Files(images_folder, findings), Files(masks_folder, findings)
        for line in read_table(path, findings):
            try:
                image, mask = images.find_any(reversed(image_names(line.image))), masks.find(line.image)
            except DataError as error:
                findings.note("error", str(error), path, line.row)
                continue
            if image is None or mask is None:
                what = "image" if image is None else "mask"
                findings.note("warning", f"left out: there is no {what} for {line.image!r}", path, line.row)
                continue
            findings.records.append(Record(image.stem, image, mask, line.text, split, {}, path, line.row))
    return findings


def _tables(source: Path) -> dict[Split, Path]:
    folder = find_folder(source, ("prompt", "prompts"))
    found: dict[Split, Path] = {}
    for path in sorted(folder.glob("*.csv")) if folder is not None else []:
        for split in SPLITS:
            if re.search(rf"(^|[\W_]){split}([\W_]|$)", path.stem, re.IGNORECASE) and split not in found:
                found[split] = path
    return {split: found[split] for split in SPLITS if split in found}

"""The layout of LViT, RecLMIS and later papers.

``Train_Folder``, ``Val_Folder`` and ``Test_Folder``, each with ``img/``, ``labelcol/`` and an ``.xlsx`` of the columns
``Image`` (the file name of the *mask*, whose ending can differ from the image's) and ``Description``. The masks of
QaTa-COV19 carry ``mask_`` before the image's name. A workbook in the source's own folder, or one whose name says
``Train_Val``, serves several splits.
"""

import re
from pathlib import Path

from lexseg.cases.case import Split
from lexseg.cases.splits import SPLITS
from lexseg.datasets.importers.record import Files, Findings, Record, find_folder, image_names, mask_names, stem_of
from lexseg.datasets.importers.table import Line, read_table
from lexseg.errors import DataError


def read(source: Path) -> Findings:
    """Read an LViT data set from the folder that holds the ``*_Folder`` folders."""
    folders = {split: find_folder(source, (f"{split}_folder", f"{split} folder", split)) for split in SPLITS}
    present = {split: folder for split, folder in folders.items() if folder is not None}
    findings = Findings()
    if not present:
        findings.note("error", "there is none of Train_Folder, Val_Folder, Test_Folder", source)
        return findings
    shared, own = _tables(source, present, findings)
    used: set[str] = set()
    for split, folder in present.items():
        used |= _import_split(folder, split, own[split], shared, findings)
    for line in (*shared, *(line for lines in own.values() for line in lines)):
        if line.image not in used:
            findings.note("warning", f"left out: there is no image for {line.image!r}", line.source, line.row)
    return findings


def _tables(source: Path, folders: dict[Split, Path], findings: Findings) -> tuple[list[Line], dict[Split, list[Line]]]:
    shared: list[Line] = []
    own: dict[Split, list[Line]] = {}
    for path in _workbooks(source):
        shared += read_table(path, findings)
    for split, folder in folders.items():
        own[split] = []
        for path in _workbooks(folder):
            several = re.search(r"train[\W_]*val", path.stem, re.IGNORECASE) is not None
            (shared if several else own[split]).extend(read_table(path, findings))
    if not shared and not any(own.values()) and not findings.problems:
        findings.note("error", "there is no .xlsx with sentences, neither here nor in the splits' folders", source)
    return shared, own


def _workbooks(folder: Path) -> list[Path]:
    # ~$ marks the lock files that spreadsheet programs leave behind
    return sorted(path for path in folder.glob("*.xlsx") if not path.name.startswith(("~$", ".")))


def _import_split(folder: Path, split: Split, own: list[Line], shared: list[Line], findings: Findings) -> set[str]:
    """Records of one split's images; gives back the names in the tables that were used."""
    images_folder, masks_folder = find_folder(folder, ("img", "images")), find_folder(folder, ("labelcol", "masks"))
    if images_folder is None or masks_folder is None:
        findings.note("error", "there is no folder 'img' or no folder 'labelcol'", folder)
        return set()
    images, masks = Files(images_folder, findings), Files(masks_folder, findings)
    # a line is found by the mask's name, with or without its ending; the split's own table goes before a shared one
    by_name = {name: line for line in (*shared, *own) for name in (stem_of(line.image), line.image)}
    used: set[str] = set()
    seen: set[Path] = set()
    for image in images.paths:
        try:
            mask = masks.find_any(mask_names(image.name))
        except DataError as error:
            findings.note("error", str(error), image)
            continue
        names = [] if mask is None else [mask.name, mask.stem]
        line = next((by_name[name] for name in (*names, *mask_names(image.name)) if name in by_name), None)
        if mask is None:
            findings.note("warning", "there is no mask of this image; it is imported without", image)
        else:
            seen.add(mask)
        if line is not None:
            used.add(line.image)
        where = (line.source, line.row) if line is not None else (image, None)
        text = line.text if line is not None else ""
        findings.records.append(Record(image.stem, image, mask, text, split, {}, *where))
    for mask in masks.paths:
        if mask not in seen:
            expected = " or ".join(dict.fromkeys(map(repr, map(stem_of, image_names(mask.name)))))
            findings.note("warning", f"left out: there is no image {expected} of this mask", mask)
    return used

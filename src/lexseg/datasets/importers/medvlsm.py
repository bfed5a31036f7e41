"""The layout of medvlsm: images, masks, and a JSON for each split with prompts ``p0`` to ``p9`` of growing detail.

``images/``, ``masks/`` and ``train.json``, ``val.json``, ``test.json``, in ``anns/`` or beside them, also with words
before (``medvlsm_train.json``). Of the prompts ``p6`` (number, size, colour, shape and place) becomes ``text``; all of
them become columns ``text_p0``, ``text_p1``, ... Where a prompt is a list of wordings the first is ``text_p7``, the
others ``text_p7_2``, ``text_p7_3``, ... In messages, "row 7" is the seventh item of the JSON.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lexseg.cases.case import Split
from lexseg.cases.splits import SPLITS
from lexseg.datasets.importers.record import Files, Findings, Record, find_folder, stem_of
from lexseg.errors import DataError

DEFAULT_PROMPT = "p6"


def read(source: Path, prompt: str = DEFAULT_PROMPT) -> Findings:
    """Read a medvlsm data set.

    Args:
        source: the folder that holds ``images`` and ``masks``.
        prompt: the prompt that becomes ``text``.
    """
    findings = Findings()
    images_folder, masks_folder = find_folder(source, ("images",)), find_folder(source, ("masks",))
    if images_folder is None or masks_folder is None:
        findings.note("error", "there is no folder 'images' or no folder 'masks'", source)
        return findings
    files = _annotations(source)
    if not files:
        findings.note("error", "there is no JSON named train, val or test, neither here nor in 'anns'", source)
    images, masks = Files(images_folder, findings), Files(masks_folder, findings)
    for path, split in files:
        for number, item in enumerate(_items(path, findings), start=1):
            try:
                record = _record(item, images, masks, split, prompt)
            except DataError as error:
                findings.note("error", str(error), path, number)
                continue
            if isinstance(record, str):
                findings.note("warning", f"left out: there is no {record}", path, number)
            else:
                findings.records.append(replace(record, source=path, row=number))
    return findings


def _annotations(source: Path) -> list[tuple[Path, Split]]:
    folders = [source, *filter(None, [find_folder(source, ("anns", "annotations"))])]
    found: list[tuple[Path, Split]] = []
    for path in sorted(path for folder in folders for path in folder.glob("*.json")):
        # the referring data sets that the format comes from name their tests testA, testB
        match = re.search(r"(?:^|[\W_])(train|val|test)[AB]?$", path.stem)
        if match is not None:
            found.append((path, next(split for split in SPLITS if split == match.group(1))))
    return sorted(found, key=lambda item: SPLITS.index(item[1]))


def _items(path: Path, findings: Findings) -> list[Any]:
    try:
        content = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        findings.note("error", f"not a JSON file: {error}", path)
        return []
    if not isinstance(content, list):
        findings.note("error", "expected a JSON list of items", path)
        return []
    return content


def _record(item: Any, images: Files, masks: Files, split: Split, prompt: str) -> Record | str:
    """The record of an item, or what file is missing."""
    if not isinstance(item, dict):
        raise DataError("expected an object with img_name, mask_name and prompts")
    for key in ("img_name", "mask_name"):
        if not isinstance(item.get(key), str) or not item[key].strip():
            raise DataError(f"{key} is missing")
    prompts = item.get("prompts")
    if not isinstance(prompts, dict) or not prompts:
        raise DataError("the prompts are missing")
    if prompt not in prompts:
        raise DataError(f"there is no prompt {prompt!r}; there are {', '.join(map(str, prompts))}")
    # masks are named .jpg even where they have been saved again as .png
    image, mask = images.find(item["img_name"]), masks.find(item["mask_name"])
    if image is None or mask is None:
        return f"image {item['img_name']!r}" if image is None else f"mask {item['mask_name']!r}"
    columns = _columns(prompts)
    segment = item.get("segment_id")
    name = stem_of(str(segment)) if isinstance(segment, (str, int)) and str(segment).strip() else image.stem
    return Record(name, image, mask, columns[f"text_{prompt}"], split, columns)


def _columns(prompts: Mapping[str, Any]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for name, value in prompts.items():
        wordings = value if isinstance(value, list) else [value]
        for number, wording in enumerate(wordings or [""], start=1):
            if not isinstance(wording, (str, type(None))):
                raise DataError(f"the prompt {name!r} is no sentence: {wording!r}")
            key = f"text_{name}" if number == 1 else f"text_{name}_{number}"
            columns[key] = " ".join((wording or "").split())
    return columns

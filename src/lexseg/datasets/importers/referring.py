"""Referring data sets in plain JSON: a list of records, one for each expression.

So are the sentence sets for LIDC and LiTS, and so RefHL-Seg may be. A record names its image, what it means (a mask's
file, run lengths or a polygon) and one or several sentences; `KEYS` lists the spellings that are understood, upper and
lower case being the same. The records stand in a list, one on each line of a ``.jsonl``, under a key (``data``,
``annotations``, ...), under the names of the splits, or each under its own id. A folder may hold a file for each split
(``train.json``). In messages, "row 7" is the seventh record, or line of a ``.jsonl``.
"""

import hashlib
import json
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from lexseg.cases.case import Split
from lexseg.cases.mask_values import meaning, values_of
from lexseg.cases.row import millimetres
from lexseg.datasets.importers.expressions import (
    ImageFinder,
    StatedExpression,
    parse_flag,
    parse_split,
    read_json,
    sentences_of,
    to_records,
)
from lexseg.datasets.importers.instances import Bool
from lexseg.datasets.importers.record import Findings, find_folder
from lexseg.datasets.importers.segments import segment_mask
from lexseg.errors import DataError
from lexseg.language.sides import Laterality
from lexseg.scans.images import image_size
from lexseg.scans.masks import read_instances, read_mask

KEYS: dict[str, tuple[str, ...]] = {
    "id": ("id", "ref_id", "expression_id", "sample_id", "uid", "name"),
    "image": (
        "image", "image_path", "image_name", "image_file", "img", "img_path", "img_name", "file_name", "filename",
        "image_id", "img_id", "slice", "slice_id",
    ),
    "mask": (
        "mask", "mask_path", "mask_name", "mask_file", "label_path", "seg_path", "segmentation_path", "gt", "gt_path",
    ),
    "segment": ("segmentation", "rle", "mask_rle", "polygon", "polygons"),
    "texts": (
        "sentences", "sentence", "expressions", "expression", "referring_expressions", "referring_expression", "texts",
        "text", "captions", "caption", "descriptions", "description", "phrase", "prompt", "query",
    ),
    "split": ("split", "subset", "partition", "phase"),
    "patient": (
        "patient", "patient_id", "case", "case_id", "case_name", "subject", "subject_id", "volume", "volume_id",
    ),
    "targets": (
        "target_ids", "target_id", "targets", "instance_ids", "instance_id", "lesion_ids", "lesion_id", "object_ids",
        "object_id", "ann_ids", "ann_id", "label_ids", "label_id", "mask_values", "mask_value",
    ),
    "kind": ("expression_kind", "kind"),
    "no_target": ("no_target", "is_empty", "absent"),
    "laterality": ("laterality",),
    "spacing": ("spacing", "pixel_spacing"),
}  # fmt: skip
_LISTS = ("data", "records", "annotations", "samples", "items", "expressions", "refs", "references")
_MASK_FOLDERS = ("masks", "mask", "labels", "label", "instances", "gts", "gt", "segmentations")


def read(source: Path, drawn: Path, *, images: str | None = None) -> Findings:
    """Read expressions.

    Args:
        source: a ``.json`` or ``.jsonl`` file, or a folder that holds one, or one for each split.
        drawn: where instance masks are drawn.
        images: the folder of the images; by default ``images`` beside the JSON, or that folder itself.
    """
    findings = Findings()
    folder = source if source.is_dir() else source.parent
    found = ImageFinder.beside(folder, images, findings)
    masks = ImageFinder([*filter(None, [find_folder(folder, _MASK_FOLDERS)]), folder])
    by_image: dict[Path, list[_Item]] = {}
    for path, file_split in _files(source, findings):
        for number, split, content in _records(path, findings):
            try:
                item = _Item.read(content, found, masks)
                if isinstance(item, str):
                    findings.note("warning", f"left out: there is no {item}", path, number)
                    continue
                item.expression.split = item.expression.split or split or file_split
            except DataError as error:
                findings.note("error", str(error), path, number)
                continue
            item.expression.source, item.expression.row = path, number
            by_image.setdefault(item.image, []).append(item)
    _tell_values([item for items in by_image.values() for item in items], source, findings)
    for count, (image, items) in enumerate(by_image.items()):
        _draw(image, items, drawn / str(count), findings)
    return findings


def _tell_values(items: "Sequence[_Item]", source: Path, findings: Findings) -> None:
    """An error where masks that are no instance masks do not tell alike what is foreground."""
    found = meaning(values_of(item.mask for item in items if item.mask is not None and not item.values))
    if found.open or found.label is not None:
        reason = found.open or f"the masks hold no 0, and some but one value beside {found.label}"
        message = f"what the values of the masks mean is open: {reason}; name them by 'target_ids' in the records"
        findings.note("error", message, source)


@dataclass(slots=True)
class _Item:
    """A record: its image, the expression (targets still to be found), and where its mask is."""

    image: Path
    expression: StatedExpression
    mask: Path | None
    segment: Any
    values: tuple[int, ...]
    kind: str

    @classmethod
    def read(cls, content: Any, images: ImageFinder, masks: ImageFinder) -> "_Item | str":
        """The record, or what file is missing."""
        if not isinstance(content, Mapping):
            raise DataError("expected an object that names an image, a mask and a sentence")
        record = {re.sub(r"[\W_]+", "_", str(key)).strip("_").lower(): value for key, value in content.items()}
        get = {role: next((record[k] for k in keys if record.get(k) is not None), None) for role, keys in KEYS.items()}
        texts = sentences_of(get["texts"] if get["texts"] is not None else [])
        name = get["image"]
        if not isinstance(name, (str, int)) or not str(name).strip():
            raise DataError(f"the image is missing; expected its file under one of {', '.join(KEYS['image'])}")
        image = images.find(str(name))
        if image is None:
            return f"image {name!r}"
        mask, segment = get["mask"], get["segment"]
        if isinstance(mask, (Mapping, list)):
            mask, segment = None, mask
        path = None
        if isinstance(mask, str) and mask.strip():
            path = masks.find(mask)
            if path is None:
                return f"mask {mask!r}"
        kind = str(get["kind"] or "").strip().lower()
        if kind not in ("", "one", "several", "none"):
            kind = ""  # other projects mean other things by a kind
        values = _values(get["targets"])
        none = parse_flag(get["no_target"], "no_target")
        absent = none or kind == "none" or (get["targets"] is not None and not values)
        if none and values:
            raise DataError("'no_target' and targets contradict each other; leave one of them out")
        if not absent and path is None and not segment:
            if "bbox" in record or "box" in record:
                raise DataError("there is a box, but no mask; a box is no mask")
            raise DataError(
                f"the mask is missing; expected one of {', '.join((*KEYS['mask'], *KEYS['segment']))}, or 'no_target'"
            )
        expression = StatedExpression(
            str(get["id"] if isinstance(get["id"], (str, int)) else image.stem),
            texts,
            (),
            parse_split(get["split"]),
            _patient(get["patient"]),
            _laterality(get["laterality"]),
            _spacing(get["spacing"]),
        )
        return cls(image, expression, path, None if absent else segment, values, "none" if absent else kind)


def _draw(image: Path, items: list[_Item], drawn: Path, findings: Findings) -> None:
    """Records of one image, its instance masks drawn."""
    first = items[0].expression
    try:
        size = image_size(image)
    except DataError as error:
        findings.note("error", str(error), first.source, first.row)
        return
    masks: dict[Hashable, Bool] = {}
    numbers: dict[Hashable, int] = {}
    sound = []
    for item in items:
        try:
            targets = list(_targets(item, size)) if item.kind != "none" else []
        except DataError as error:
            findings.note("error", str(error), item.expression.source, item.expression.row)
            continue
        keys = []
        for mask, number in targets:
            # equal masks are one target, whichever file or record they come from
            key = hashlib.sha256(np.packbits(mask).tobytes()).hexdigest()
            masks.setdefault(key, mask)
            if number is not None:
                numbers.setdefault(key, number)
            keys.append(key)
        item.expression.targets = keys
        sound.append(item.expression)
    findings.records += to_records(image, size, sound, masks.__getitem__, drawn / image.stem, findings, numbers)


def _targets(item: _Item, size: tuple[int, int]) -> Iterator[tuple[Bool, int | None]]:
    """Masks of what an item means, each with the pixel value it has in an instance mask."""
    if item.mask is not None and item.values:
        values = read_instances(item.mask)
        _check_size(values.shape, size)
        for number in item.values:
            if not (values == number).any():
                raise DataError(f"the mask {item.mask.name!r} does not hold the value {number}")
            yield values == number, number
        return
    if item.mask is not None:
        mask = read_mask(item.mask)
        _check_size(mask.shape, size)
    else:
        mask = segment_mask(item.segment, size)
        if not mask.any() and not isinstance(item.segment, (Mapping, str)):
            # else a target would become an expression that means nothing; run lengths of nothing say that
            raise DataError("the polygons cover no pixel of the image; for no target write 'no_target'")
    parts, count = ndimage.label(mask, structure=np.ones((3, 3)))
    if item.kind == "several" and count > 1:
        yield from ((parts == number, None) for number in range(1, count + 1))
    elif count:
        yield mask, None


def _check_size(shape: tuple[int, ...], size: tuple[int, int]) -> None:
    if shape != size:
        raise DataError(f"the mask is {shape[0]} x {shape[1]} pixels, but the image is {size[0]} x {size[1]}")


def _files(source: Path, findings: Findings) -> list[tuple[Path, Split | None]]:
    if source.is_file():
        return [(source, None)]
    paths = sorted(path for path in source.iterdir() if path.suffix.lower() in (".json", ".jsonl", ".ndjson"))
    named = [(path, match) for path in paths if (match := re.search(r"(?:^|[\W_])(train|val|test)", path.stem.lower()))]
    if named:
        return [(path, parse_split(match.group(1))) for path, match in named]
    if len(paths) != 1:
        names = ", ".join(path.name for path in paths) or "none"
        message = f"expected one .json or .jsonl, or one for each split; there is {names}; name the file that is meant"
        findings.note("error", message, source)
        return []
    return [(paths[0], None)]


def _records(path: Path, findings: Findings) -> Iterator[tuple[int, Split | None, Any]]:
    """Number, split and content of each record."""
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        yield from _lines(path, findings)
        return
    try:
        content = read_json(path)
        lists = _lists(content)
    except DataError as error:
        findings.note("error", str(error), path)
        return
    number = 0
    for split, records in lists:
        for record in records:
            number += 1
            yield number, split, record


def _lines(path: Path, findings: Findings) -> Iterator[tuple[int, Split | None, Any]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        findings.note("error", f"the file cannot be read as UTF-8: {error}", path)
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield number, None, json.loads(line)
            except (ValueError, RecursionError) as error:
                findings.note("error", f"not JSON: {error}", path, number)


def _lists(content: Any) -> list[tuple[Split | None, list[Any]]]:
    if isinstance(content, list):
        return [(None, content)]
    if isinstance(content, Mapping) and content:
        for key in _LISTS:
            if isinstance(content.get(key), list):
                return [(None, content[key])]
        if all(isinstance(value, list) for value in content.values()):
            return [(parse_split(key), value) for key, value in content.items()]
        if all(isinstance(value, Mapping) for value in content.values()):
            return [(None, [{"id": key, **value} for key, value in content.items()])]
    raise DataError(f"expected a list of records, or an object that holds one under one of {', '.join(_LISTS)}")


def _values(value: Any) -> tuple[int, ...]:
    """Pixel values; -1 alone, as gRefCOCO writes, means no target."""
    items = value.replace(",", " ").split() if isinstance(value, str) else value
    items = items if isinstance(items, list) else [] if items is None else [items]
    try:
        numbers = tuple(dict.fromkeys(int(item) for item in items))
    except (TypeError, ValueError):
        raise DataError(f"the targets {str(value)[:60]!r} are no pixel values of the mask") from None
    if numbers == (-1,):
        return ()
    if min(numbers, default=1) < 1:
        raise DataError(f"the targets {str(value)[:60]!r} are no pixel values of 1 or more")
    return numbers


def _patient(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, float) and value.is_integer():  # what pandas makes of whole numbers with gaps
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise DataError(f"the patient {str(value)[:40]!r} is neither a word nor a whole number")
    return str(value)


def _laterality(value: Any) -> Laterality | None:
    if value is None or value == "":
        return None
    if value not in ("image", "patient"):
        raise DataError(f"the laterality {str(value)[:40]!r} is neither 'image' nor 'patient'")
    return "image" if value == "image" else "patient"


def _spacing(value: Any) -> tuple[float, float] | None:
    if value in (None, "", []):
        return None
    numbers = millimetres(value)
    numbers *= 2 if len(numbers) == 1 else 1
    if len(numbers) != 2:
        raise DataError(f"the spacing {str(value)[:40]!r} is not millimetres as [row, column]")
    return numbers[0], numbers[1]

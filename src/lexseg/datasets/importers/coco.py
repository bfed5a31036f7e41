"""COCO instances without sentences: each image is asked for each of its categories, by the category's name.

One JSON (``images``, ``annotations``, ``categories``), or several that are splits:
``annotations/instances_train2017.json`` with the images in ``train2017/``, or ``train/_annotations.coco.json`` with
the images beside it. Targets of a category keep numbers of their own (``target_ids``).
"""

import re
from collections.abc import Hashable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lexseg.cases.case import Split
from lexseg.datasets.importers.classes import ClassOptions, plain, tell_classes
from lexseg.datasets.importers.expressions import ImageFinder, StatedExpression, parse_split, to_records
from lexseg.datasets.importers.record import Findings
from lexseg.datasets.importers.refcoco import Catalogue
from lexseg.errors import DataError
from lexseg.scans.images import image_size

_SPLIT = re.compile(r"(?:^|[\W_])(train|val|valid|validation|test)(?:[\W_\d]|$)", re.IGNORECASE)


def read(
    source: Path, drawn: Path, *, images: str | None = None, text: str | None = None, classes: tuple[str, ...] = ()
) -> Findings:
    """Read instances.

    Args:
        source: a JSON, or the folder that holds it or them.
        drawn: where instance masks are drawn.
        images: the folder of the images; by default beside the JSON, in ``images``, or in the folder of the split's
            name.
        text: the sentence; ``{class}`` stands for the category's name, which alone is the default.
        classes: names of the categories that are taken; empty takes all.
    """
    options, findings = ClassOptions.of(text, "auto", classes), Findings()
    paths = [source] if source.is_file() else _files(source)
    if not paths:
        findings.note("error", "there is no JSON with 'images' and 'annotations' in it", source)
    known: set[str] = set()
    for number, path in enumerate(paths):
        split = _split_of(path, source) if len(paths) > 1 else None
        catalogue = Catalogue.read(path, findings)
        if catalogue is None:
            continue
        names = catalogue.categories
        known |= set(names.values())
        finder = ImageFinder(_folders(path, images, findings))
        by_image: dict[Any, dict[Any, list[Hashable]]] = {}
        for key, annotation in catalogue.annotations.items():
            if annotation.get("image_id") not in catalogue.images or annotation.get("category_id") not in names:
                findings.note("error", f"annotation {key!r} names an image or a category that is not there", path)
                continue
            if options.takes(names[annotation["category_id"]]):
                groups = by_image.setdefault(annotation["image_id"], {})
                groups.setdefault(annotation["category_id"], []).append(key)
        for count, (image, groups) in enumerate(by_image.items()):
            stem = drawn / f"{number}_{count}"
            _image(
                catalogue,
                image,
                {names[key]: ids for key, ids in groups.items()},
                options,
                finder,
                stem,
                split,
                findings,
            )
    tell_classes(options, known, source, findings)
    return findings


def _files(folder: Path) -> list[Path]:
    """The JSONs that hold instances: told by their names first, as captions and keypoints stand beside them."""
    found = [path for place in (folder, folder / "annotations") if place.is_dir() for path in place.glob("*.json")]
    found += [path for path in folder.glob("*/*.json") if path.parent.name != "annotations"]
    instances = [path for path in found if "instances" in path.name.lower() or path.name.lower().endswith(".coco.json")]
    return sorted(instances or found)


def _split_of(path: Path, source: Path) -> Split | None:
    for name in (path.stem, path.parent.name if path.parent != source else ""):
        if match := _SPLIT.search(name):
            return parse_split(match[1])
    return None


def _folders(path: Path, images: str | None, findings: Findings) -> list[Path]:
    if images is not None:
        if not Path(images).is_dir():
            findings.note("error", "there is no such folder of images", Path(images))
        return [Path(images)]
    folder, named = path.parent, path.stem.removeprefix("instances_")
    root = folder.parent if folder.name == "annotations" else folder
    return [root / named, root / "images" / named, root / "images", root]


def _image(
    catalogue: Catalogue,
    key: Any,
    groups: Mapping[str, list[Hashable]],
    options: ClassOptions,
    finder: ImageFinder,
    stem: Path,
    split: Split | None,
    findings: Findings,
) -> None:
    try:
        found = catalogue.find(key, finder)
        if found is None:
            message = f"left out: there is no image {catalogue.images[key].get('file_name')!r}"
            findings.note("warning", message, catalogue.path)
            return
        size = image_size(found)
        catalogue.check_size(key, size)
    except DataError as error:
        findings.note("error", str(error), catalogue.path)
        return

    asked = [
        StatedExpression(
            f"{found.stem}_{plain(name)}", (options.sentence(name),), targets, split,
            columns={"class": name}, source=catalogue.path,
        )
        for name, targets in groups.items()
    ]  # fmt: skip
    findings.records += to_records(found, size, asked, partial(catalogue.mask, size), stem, findings)

"""RefCOCO, RefCOCO+, RefCOCOg, gRefCOCO, and data sets in their form.

``instances.json`` (COCO: ``images``, ``annotations`` with ``segmentation`` as polygons or run lengths) and references
in ``refs*.json`` or ``grefs*.json``: a list of ``ref_id``, ``image_id``, ``ann_id`` (or ``ann_ids``: a number or a
list), ``split`` and ``sentences`` (``sent`` or ``raw``). An ``ann_id`` of -1, an empty list or ``no_target`` mark an
expression that means nothing in its image. The pickled ``refs(unc).p`` are refused: opening a pickle runs code that is
in it. In messages, "row 7" is the seventh reference.
"""

from collections.abc import Hashable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lexseg.datasets.importers.expressions import (
    PICKLES,
    ImageFinder,
    StatedExpression,
    parse_flag,
    parse_split,
    read_json,
    sentences_of,
    to_records,
)
from lexseg.datasets.importers.instances import Bool
from lexseg.datasets.importers.record import Findings
from lexseg.datasets.importers.segments import segment_mask
from lexseg.errors import DataError
from lexseg.scans.images import image_size


def read(source: Path, drawn: Path, *, images: str | None = None) -> Findings:
    """Read references.

    Args:
        source: the folder of ``instances.json`` and the references, or the file of the references.
        drawn: where instance masks are drawn.
        images: the folder of the images; by default ``images`` beside the JSON, or that folder itself.
    """
    findings = Findings()
    folder = source if source.is_dir() else source.parent
    path = _references(source, findings)
    if path is None:
        return findings
    try:
        references = _list(read_json(path))
    except DataError as error:
        findings.note("error", str(error), path)
        return findings
    catalogue = Catalogue.read(folder / "instances.json", findings)
    if catalogue is None:
        return findings
    finder = ImageFinder.beside(folder, images, findings)
    by_image: dict[Any, list[StatedExpression]] = {}
    for number, reference in enumerate(references, start=1):
        try:
            key, expression = catalogue.expression(reference, path, number)
        except DataError as error:
            findings.note("error", str(error), path, number)
            continue
        by_image.setdefault(key, []).append(expression)
    for count, (key, expressions) in enumerate(by_image.items()):
        _image(key, expressions, catalogue, finder, drawn / str(count), findings)
    return findings


def _references(source: Path, findings: Findings) -> Path | None:
    if source.is_file():
        return source
    found = sorted(path for path in source.glob("*.json") if path.name.lower().startswith(("refs", "grefs")))
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(path.name for path in found)
        findings.note("error", f"there are several files of references ({names}); name the one that is meant", source)
        return None
    pickled = sorted(path for path in source.iterdir() if path.suffix.lower() in PICKLES)
    if pickled:
        try:
            read_json(pickled[0])
        except DataError as error:
            findings.note("error", str(error), pickled[0])
    else:
        findings.note("error", "there is no refs*.json or grefs*.json", source)
    return None


class Catalogue:
    """``instances.json``: what images, annotations and categories (by their ids, their names) there are."""

    def __init__(
        self,
        path: Path,
        images: Mapping[Any, Any],
        annotations: Mapping[Any, Any],
        categories: Mapping[Any, str] | None = None,
    ) -> None:
        self.path, self.images, self.annotations, self.categories = path, images, annotations, dict(categories or {})

    @classmethod
    def read(cls, path: Path, findings: Findings) -> "Catalogue | None":
        """Read it; what is wrong with it is noted, and then there is none."""
        try:
            content = read_json(path)
            if not isinstance(content, Mapping) or not {"images", "annotations"} <= set(content):
                raise DataError("expected a COCO file: an object with 'images' and 'annotations'")
            images = {item["id"]: item for item in _list(content["images"])}
            annotations = {item["id"]: item for item in _list(content["annotations"])}
            categories = {item["id"]: str(item["name"]) for item in _list(content.get("categories", []))}
        except DataError as error:
            findings.note("error", str(error), path)
            return None
        except (KeyError, TypeError):
            findings.note("error", "an image, an annotation or a category has no 'id', or the last no 'name'", path)
            return None
        return cls(path, images, annotations, categories)

    def find(self, key: Any, finder: ImageFinder) -> Path | None:
        """The file of an image; ``None`` if there is none."""
        name = self.images[key].get("file_name")
        return finder.find(name) if isinstance(name, str) else None

    def check_size(self, key: Any, size: tuple[int, int]) -> None:
        """Raise ``DataError`` where an image is of another size, (height, width), than is said of it here."""
        entry = self.images[key]
        stated = entry.get("height", size[0]), entry.get("width", size[1])
        if stated != size:
            raise DataError(
                f"{self.path.name} says that {entry.get('file_name')!r} is {stated[0]} x {stated[1]} pixels, but the "
                f"image is {size[0]} x {size[1]}; the masks would not fit"
            )

    def mask(self, size: tuple[int, int], target: Hashable) -> Bool:
        """The mask of an annotation, bool[height, width] of that size.

        Raises:
            DataError: it cannot be drawn.
        """
        try:
            return segment_mask(self.annotations[target].get("segmentation"), size)
        except DataError as error:
            raise DataError(f"annotation {target!r}: {error}") from error

    def expression(self, reference: Any, path: Path, number: int) -> tuple[Any, StatedExpression]:
        """The image's id and the expression of a reference."""
        if not isinstance(reference, Mapping):
            raise DataError("expected an object with image_id, ann_id and sentences")
        image = reference.get("image_id")
        if not isinstance(image, (int, str)) or image not in self.images:
            raise DataError(f"the image_id {image!r} is not in {self.path.name}")
        named = reference.get("ann_ids", reference.get("ann_id"))
        targets = named if isinstance(named, list) else [named]
        if parse_flag(reference.get("no_target"), "no_target") or all(target in (-1, None) for target in targets):
            targets = []
        for target in targets:
            if not isinstance(target, (int, str)) or target not in self.annotations:
                raise DataError(f"the ann_id {target!r} is not in {self.path.name}")
            if self.annotations[target].get("image_id") != image:
                raise DataError(f"the ann_id {target!r} belongs to another image than {image!r}")
        return image, StatedExpression(
            f"ref_{reference.get('ref_id', number)}",
            sentences_of(reference.get("sentences")),
            targets,
            parse_split(reference.get("split")),
            columns={"ann_ids": " ".join(map(str, targets))},
            source=path,
            row=number,
        )


def _image(
    key: Any,
    expressions: list[StatedExpression],
    catalogue: Catalogue,
    finder: ImageFinder,
    drawn: Path,
    findings: Findings,
) -> None:
    first = expressions[0]
    try:
        path = catalogue.find(key, finder)
        if path is None:
            name = catalogue.images[key].get("file_name")
            message = f"left out, with {len(expressions)} expressions: there is no image {name!r}"
            findings.note("warning", message, first.source, first.row)
            return
        size = image_size(path)
        catalogue.check_size(key, size)
    except DataError as error:
        findings.note("error", str(error), first.source, first.row)
        return

    findings.records += to_records(path, size, expressions, partial(catalogue.mask, size), drawn / path.stem, findings)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise DataError("expected a list")
    return value

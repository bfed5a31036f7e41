"""The images that are taught from: read, checked, and told apart by their hashes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lexseg.cases.case import Case
from lexseg.cases.manifest import read_manifest
from lexseg.cases.truth import read_truth
from lexseg.errors import DataError
from lexseg.fewshot.labels import BESIDE, TARGET, UNKNOWN, Labels, dense
from lexseg.scans.images import read_image
from lexseg.scans.masks import read_values


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """An image with labels.

    Attributes:
        image: float32[H, W] or [H, W, 3] in 0..1.
        labels: uint8[H, W], 255 on the target, 0 beside it, 127 unknown.
        text: the target in words; empty where there are none.
        sha256: of the image's values.
        case: the row that it is of; ``None`` where it came another way.
    """

    image: NDArray[np.float32]
    labels: Labels
    text: str = ""
    sha256: str = field(default="")
    case: Case | None = None

    @classmethod
    def of(
        cls, image: NDArray[np.float32], labels: Labels, text: str = "", *, where: str = "", case: Case | None = None
    ) -> "Example":
        """An example, once it is sure that image and labels belong together and something is labelled.

        Args:
            image: as the attribute.
            labels: as the attribute.
            text: as the attribute.
            where: how messages call it.
            case: as the attribute.

        Raises:
            DataError: the two differ in size, or the labels hold no pixel of the target, or none beside it.
        """
        where = where or "the labelled image"
        if labels.shape != image.shape[:2]:
            (h, w), (a, b) = image.shape[:2], labels.shape
            raise DataError(f"{where}: the labels have {a}x{b} pixels, the image {h}x{w}; draw them on this image")
        for value, what in ((TARGET, "of the target (255)"), (BESIDE, "beside it (0)")):
            if not (labels == value).any():
                raise DataError(
                    f"{where}: the labels hold no pixel {what}; mark some of both, and leave the rest unknown (127)"
                )
        values = hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()
        return cls(image, labels, text.strip(), values, case)


def read_support(path: Path | str, *, labels: str = "mask", text_columns: Sequence[str] = ("text",)) -> list[Example]:
    """The labelled images of a manifest.

    Args:
        path: the manifest.
        labels: the column that names the labels: a picture of 0, 127 (unknown) and 255, or a whole mask of two values.
        text_columns: the columns that hold the sentence.

    Raises:
        DataError: with the file and row, where something cannot be used.
    """
    cases = read_manifest(path, text_columns=text_columns)
    return [read_example(case, labels) for case in cases]


def read_example(case: Case, labels: str = "mask") -> Example:
    """A row of a manifest as an example.

    Raises:
        DataError: something of it cannot be used.
    """
    try:
        drawn = read_labels(case, labels)
        return Example.of(read_image(case.image), drawn, case.text, where=case.where, case=case)
    except DataError as error:
        raise error if str(error).startswith(case.where) else DataError(f"{case.where}: {error}") from None


def read_labels(case: Case, column: str = "mask") -> Labels:
    """The labels that a row names.

    Raises:
        DataError: it names none, or a picture that holds other values.
    """
    path = case.mask if column == "mask" else _other(case, column)
    if path is None:
        raise DataError(
            f"{case.where}: column {column!r} names no labels; a picture of 0 (beside), 127 (unknown) and 255 "
            "(target), or a mask, was expected"
        )
    values = read_values(path)
    held = set(np.unique(values).tolist())
    if held <= {BESIDE, UNKNOWN, TARGET} and UNKNOWN in held:
        return values.astype(np.uint8)
    if len(held) > 2 and case.label is None and case.target_ids is None:
        raise DataError(
            f"{path}: the labels hold {len(held)} values; 0 (beside), 127 (unknown) and 255 (target) were expected, or "
            "a mask of two"
        )
    if column != "mask":
        return dense(np.asarray(values == max(held) if len(held) == 2 else values > 0))
    return dense(read_truth(case))


def _other(case: Case, column: str) -> Path | None:
    """What another column names: a file in the manifest's folder or below it."""
    value = case.extra.get(column, "").strip()
    if not value or case.source is None:
        return None
    folder = case.source.resolve().parent
    path = (folder / value.replace("\\", "/")).resolve()
    if not path.is_relative_to(folder):
        raise DataError(f"{case.where}: column {column!r} names a file outside the manifest's folder")
    if not path.is_file():
        raise DataError(f"{case.where}: column {column!r} names {value}, and there is no such file")
    return path

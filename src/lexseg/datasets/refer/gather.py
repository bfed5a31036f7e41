"""From manifests to images with their targets: rows that share an image belong together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lexseg.cases.case import Case
from lexseg.datasets.refer.targets import Instances, TargetKind, classes, classes_of_values, components, instances
from lexseg.errors import ConfigError, DataError
from lexseg.scans.masks import read_mask, read_values


@dataclass(frozen=True, slots=True)
class ImageRows:
    """An image and the rows that are about it.

    Attributes:
        image: its file.
        cases: the rows, in the manifest's order.
    """

    image: Path
    cases: tuple[Case, ...]

    @property
    def first(self) -> Case:
        """The row that split, patient, laterality and spacing are taken from."""
        return self.cases[0]


def gather(cases: Sequence[Case]) -> list[ImageRows]:
    """Group rows by their image."""
    by_image: dict[Path, list[Case]] = {}
    for case in cases:
        by_image.setdefault(case.image, []).append(case)
    return [ImageRows(image, tuple(rows)) for image, rows in by_image.items()]


@dataclass(frozen=True, slots=True)
class MaskReading:
    """How masks are read.

    Attributes:
        targets: what a target is.
        class_column: the column that names the class of a row's mask; rows that share an image are its classes.
        class_names: names of the pixel values of a mask of classes.
        organ_column: the column that holds the path of an organ's mask.
    """

    targets: TargetKind = "components"
    class_column: str | None = None
    class_names: Mapping[int, str] | None = None
    organ_column: str | None = None

    def check(self, cases: Sequence[Case]) -> None:
        """Refuse options that do not fit the manifest."""
        if self.class_column is not None and self.targets == "instances":
            raise ConfigError("a class column goes with components or classes, not with instances")
        for column in filter(None, (self.class_column, self.organ_column)):
            if not any(column in case.extra for case in cases):
                known = sorted({name for case in cases for name in case.extra})
                others = f"others are {', '.join(known)}" if known else "it has none but those of every manifest"
                raise ConfigError(f"there is no column {column!r} in the manifest; {others}")

    def class_of(self, case: Case) -> str | None:
        """The class that a row is about."""
        return None if self.class_column is None else case.extra.get(self.class_column, "").strip() or None

    def read(self, source: ImageRows) -> Instances | None:
        """The targets of an image; ``None`` where no row has a mask.

        Raises:
            DataError: if a mask cannot be read or used.
        """
        masked = [case for case in source.cases if case.mask is not None]
        if not masked:
            return None
        if self.class_column is not None:
            masks: dict[str, NDArray[np.bool_]] = {}
            for case in masked:
                name = self.class_of(case)
                if name is None:
                    raise DataError(f"{case.where}: the column {self.class_column!r} is empty")
                mask = _mask(case)
                masks[name] = masks[name] | mask if name in masks else mask
            if len({mask.shape for mask in masks.values()}) > 1:
                raise DataError(f"{source.first.where}: the masks of this image are of different size")
            return classes(masks)
        first = masked[0]
        if any((case.mask, case.label) != (first.mask, first.label) for case in masked):
            raise DataError(
                f"{first.where}: other rows give the same image another mask; name the column that tells them apart "
                "(--class-column)"
            )
        assert first.mask is not None
        if self.targets == "components" and first.target_ids is not None:
            raise DataError(f"{first.where}: this mask tells instances apart; ask for them (--targets instances)")
        if self.targets == "components":
            return components(_mask(first))
        values = read_values(first.mask)
        return instances(values) if self.targets == "instances" else classes_of_values(values, self.class_names or {})

    def named_by(self, case: Case, found: Instances) -> tuple[int, ...]:
        """The targets that a row's own sentence is about: all of its class, or those that it lists."""
        name = self.class_of(case)
        if name is not None:
            return tuple(i for i, names in enumerate(found.classes, start=1) if name in names)
        if case.target_ids is not None and found.values:
            return tuple(i for i, value in enumerate(found.values, start=1) if value in case.target_ids)
        return tuple(range(1, len(found) + 1))

    def organ(self, source: ImageRows) -> NDArray[np.bool_] | None:
        """The organ's mask, where the manifest names one."""
        case = source.first
        value = "" if self.organ_column is None else case.extra.get(self.organ_column, "").strip()
        if not value or case.source is None:
            return None
        folder = case.source.resolve().parent
        path = (folder / value.replace("\\", "/")).resolve()
        if not path.is_relative_to(folder):
            raise DataError(f"{case.where}, column {self.organ_column}: {value!r} leads out of the manifest's folder")
        return read_mask(path)


def _mask(case: Case) -> NDArray[np.bool_]:
    assert case.mask is not None
    return read_mask(case.mask, case.label)

"""Volumes with masks of several named classes, as slices: one row for each class that a slice shows enough of.

What the importers of TotalSegmentator, nnU-Net, 3D Slicer and MedSAM have in common. A slice's classes stand on one
mask, by their numbers, which the column ``label`` names; one that overlaps others has a mask of its own.
"""

import re
from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lexseg.cases.case import Split
from lexseg.datasets.importers.instances import InstanceSheets
from lexseg.datasets.importers.record import Findings, Record
from lexseg.datasets.volumes.cut import MIN_AREA
from lexseg.errors import ConfigError
from lexseg.language.sides import Laterality
from lexseg.scans.nifti_volume import Volume
from lexseg.scans.window import Window, automatic, parse_window

Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ClassOptions:
    """What is taken of the volumes.

    Attributes:
        text: the sentence, in which ``{class}`` stands for the class in words; ``None`` is these alone.
        window: as `parse_window` reads it.
        classes: names of the classes that are taken; empty takes all.
        min_area: of a class in a slice, square millimetres; pixels where the spacing is not known.
        every: of the slices that show any class, only every so many, so that 2 takes every second one.
        names: of classes by their values, as the user says them.
    """

    text: str | None = None
    window: Window | None = None
    classes: tuple[str, ...] = ()
    min_area: float = MIN_AREA
    every: int = 1
    names: Mapping[int, str] | None = None

    @classmethod
    def of(
        cls,
        text: str | None = None,
        window: str = "auto",
        classes: tuple[str, ...] = (),
        min_area: float = MIN_AREA,
        every: int = 1,
        names: Mapping[int, str] | None = None,
    ) -> "ClassOptions":
        """As a command line says it.

        Raises:
            ConfigError: for a window or numbers that cannot be.
        """
        if every < 1 or not min_area >= 0:
            raise ConfigError(
                f"every {every}-th slice of an area of {min_area}: 1 or more, and 0 or more were expected"
            )
        return cls(" ".join(text.split()) if text else None, parse_window(window), classes, min_area, every, names)

    def takes(self, name: str) -> bool:
        """Whether a class is taken; capitals, blanks and underscores are the same."""
        return not self.classes or plain(name) in {plain(each) for each in self.classes}

    def sentence(self, name: str) -> str:
        """What is asked for a class."""
        return (self.text or "{class}").replace("{class}", in_words(name))


@dataclass(slots=True)
class ClassMasks:
    """The masks of a volume's classes, a bit a pixel, and nothing of slices that a class does not reach.

    Attributes:
        names: of the classes, by their numbers.
    """

    names: dict[int, str] = field(default_factory=dict)
    _bits: dict[tuple[int, int], NDArray[np.uint8]] = field(default_factory=dict)

    def add(self, number: int, name: str, mask: Bool) -> None:
        """A class. ``mask`` is bool[rows, columns, slices]."""
        self.names[number] = name
        for k in np.flatnonzero(mask.any(axis=(0, 1))).tolist():
            self._bits[number, k] = np.packbits(mask[:, :, k])

    def of(self, k: int, size: tuple[int, int]) -> dict[int, Bool]:
        """The masks of a slice of (rows, columns), by the classes' numbers."""
        count = size[0] * size[1]
        return {
            number: np.unpackbits(bits, count=count).reshape(size).astype(np.bool_)
            for (number, at), bits in sorted(self._bits.items())
            if at == k
        }

    @property
    def slices(self) -> list[int]:
        """Those that any class reaches."""
        return sorted({k for _, k in self._bits})


def add_labels(masks: ClassMasks, labels: NDArray[Any], names: Mapping[int, str], options: ClassOptions) -> list[int]:
    """Add the classes of a label map; give back the values in it that no name was found for."""
    values = [int(value) for value in np.unique(labels) if value]
    for value in values:
        if value in names and options.takes(names[value]):
            masks.add(value, names[value], labels == value)
    return [value for value in values if value not in names]


def slices_of(
    name: str,
    volume: Volume,
    masks: ClassMasks,
    options: ClassOptions,
    drawn: Path,
    *,
    split: Split | None = None,
    laterality: Laterality | None = None,
    shown: bool = False,
) -> Iterator[Record]:
    """The rows of a volume.

    Args:
        name: what to call it; it is taken for the patient.
        volume: its values.
        masks: of its classes.
        options: what is taken.
        drawn: where images and masks are drawn.
        split: of all its rows.
        laterality: whose left the classes' names mean; by default the patient's where the header knows the sides.
        shown: the values are 0 to 255 already, and are not windowed.
    """
    pixel = 1.0 if volume.spacing is None else volume.spacing[0] * volume.spacing[1]
    size = volume.values.shape[0], volume.values.shape[1]
    window = None if shown else options.window or automatic(volume.values)
    taken = []
    for k in masks.slices:
        enough = [n for n, mask in masks.of(k, size).items() if mask.sum() * pixel >= max(options.min_area, pixel)]
        if enough:
            taken.append((k, enough))
    for k, enough in taken[(options.every - 1) // 2 :: options.every]:
        number = volume.numbers[k]
        stem = drawn / f"{name}_s{number:03d}"
        image = stem.with_name(f"{stem.name}_image.png")
        image.parent.mkdir(parents=True, exist_ok=True)
        values = volume.values[:, :, k]
        Image.fromarray(values.astype(np.uint8) if window is None else window.show(values)).save(image)
        whose = laterality or ("patient" if volume.oriented else "image")
        sheets = _sheets(masks.of(k, size), size, stem)
        for each in enough:
            mask, (value, *_) = sheets.sheet([each])
            yield Record(
                f"{stem.name}_{plain(masks.names[each])}",
                image,
                mask,
                options.sentence(masks.names[each]),
                split,
                {"slice": str(number), "class": masks.names[each]},
                volume.path,
                patient=name,
                laterality=whose,
                spacing=volume.spacing,
                label=value,
            )


def _sheets(masks: Mapping[int, Bool], size: tuple[int, int], stem: Path) -> InstanceSheets:
    targets: dict[Hashable, Bool] = dict(masks.items())
    return InstanceSheets(targets, size, stem, {number: number for number in masks})


def in_words(name: str) -> str:
    """``kidney_left`` as "left kidney", ``lung_upper_lobe_left`` as "left lung upper lobe"."""
    words = [word for word in re.split(r"[_\s]+", name.strip()) if word]
    for side in ("left", "right"):
        if words and words[-1].lower() == side:
            words = [side, *words[:-1]]
    return " ".join(words)


def plain(name: str) -> str:
    """A name without capitals and blanks, for comparing and for ids."""
    return re.sub(r"[\s_]+", "_", name.strip().lower())


def tell_classes(options: ClassOptions, known: Collection[str], source: Path, findings: Findings) -> None:
    """An error for classes that were asked for and are nowhere."""
    missing = [name for name in options.classes if plain(name) not in {plain(each) for each in known}]
    if missing:
        shown = ", ".join(sorted(known)[:20]) or "none"
        findings.note("error", f"there is no class {', '.join(missing)}; there are {shown}", source)


def names_from(given: Mapping[int, str] | None, found: Mapping[int, str]) -> dict[int, str]:
    """The names that a user gives before those that the data set has."""
    return {**found, **(given or {})}

"""Slices with lesions, cut from a volume."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lexseg.errors import ConfigError, DataError
from lexseg.scans.nifti_volume import Volume
from lexseg.scans.window import Window, automatic

MIN_AREA = 20.0
"""Square millimetres: a lesion of 5 mm across."""


@dataclass(frozen=True, slots=True)
class CutOptions:
    """Which slices are cut, and how.

    Attributes:
        window: what is black and what white; ``None`` chooses by the volume's values.
        lesion: labels of the mask that are lesions; empty where the mask has one label only.
        organ: labels that are the organ; the lesions count as part of it.
        min_area: of all lesions in a slice together, square millimetres; pixels where the spacing is not known.
        every: of the slices that have this area, only every so many, so that 2 takes every second one.
    """

    window: Window | None = None
    lesion: tuple[int, ...] = ()
    organ: tuple[int, ...] = ()
    min_area: float = MIN_AREA
    every: int = 1

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ConfigError(f"every {self.every}-th slice cannot be taken; expected 1 or more")
        if not self.min_area >= 0:
            raise ConfigError(f"{self.min_area} is no area; expected 0 or more")
        if both := sorted(set(self.lesion) & set(self.organ)):
            raise ConfigError(
                f"the label {both[0]} cannot be both lesion and organ; lesions count as part of the organ"
            )
        if 0 in self.lesion or 0 in self.organ:
            raise ConfigError("the label 0 is background; name others")


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice as radiologists see it.

    Attributes:
        number: as the file counts, from 0.
        image: uint8[H, W].
        instances: uint16[H, W]; a lesion that reaches through several slices has the same number in all.
        organ: bool[H, W], or ``None``.
    """

    number: int
    image: NDArray[np.uint8]
    instances: NDArray[np.uint16]
    organ: NDArray[np.bool_] | None

    @property
    def targets(self) -> tuple[int, ...]:
        """The numbers of the lesions that the slice shows."""
        return tuple(int(value) for value in np.unique(self.instances) if value)


def cut_volume(
    volume: Volume, labels: NDArray[np.integer[Any]], mask_name: str, options: CutOptions
) -> Iterator[Slice]:
    """Cut a volume and its mask into slices with the lesions that each of them shows.

    Lesions are 3D connected components: voxels that share a face, an edge or a corner.

    Args:
        volume: the volume.
        labels: of its mask, the same shape.
        mask_name: the mask's file, for messages.
        options: which slices.

    Raises:
        DataError: if the mask holds several labels and none is named, or more than 65,535 lesions.
    """
    lesion = np.isin(labels, _lesion_labels(labels, mask_name, options))
    shown = np.flatnonzero(lesion.any(axis=(0, 1)))
    if not len(shown):
        return
    # lesions are often few: numbered only where there are any
    first, last = int(shown[0]), int(shown[-1]) + 1
    components, count = ndimage.label(lesion[:, :, first:last], structure=np.ones((3, 3, 3)))
    if count > np.iinfo(np.uint16).max:
        raise DataError(f"{mask_name}: {count} separate lesions are more than a PNG can number; is the mask noise?")
    pixel = 1.0 if volume.spacing is None else volume.spacing[0] * volume.spacing[1]
    areas = lesion.sum(axis=(0, 1)) * pixel
    chosen = np.flatnonzero((areas >= options.min_area) & (areas > 0))
    # from the middle of the first few, so that the very edge of a lesion is not what is kept
    chosen = chosen[min(options.every - 1, max(len(chosen) - 1, 0)) // 2 :: options.every]
    if not len(chosen):
        return
    window = options.window or automatic(volume.values)
    organ_labels = [*options.organ, *options.lesion] if options.organ else []
    for index in chosen.tolist():
        instances = components[:, :, index - first].astype(np.uint16)
        organ = (np.isin(labels[:, :, index], organ_labels) | (instances > 0)) if organ_labels else None
        yield Slice(volume.numbers[index], window.show(volume.values[:, :, index]), instances, organ)


def _lesion_labels(labels: NDArray[np.integer[Any]], mask_name: str, options: CutOptions) -> tuple[int, ...]:
    if options.lesion:
        return options.lesion
    slices = range(labels.shape[2])
    present = sorted({int(value) for k in slices for value in np.unique(labels[:, :, k]) if value})
    others = [value for value in present if value not in options.organ]
    if len(others) > 1:
        shown = ", ".join(map(str, others[:10])) + (", ..." if len(others) > 10 else "")
        raise DataError(
            f"{mask_name}: the mask holds the labels {shown}; say which are lesions by --lesion, and which are the "
            "organ by --organ, such as --lesion 2 --organ 1"
        )
    return tuple(others)

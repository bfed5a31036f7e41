"""The targets of an image: connected components, instances or classes of its mask, as one labelled map.

Masks of several classes may overlap ("infection" holds "consolidation"). The map then holds the pieces in which the
same classes are true, each piece in one; a class is named by all its pieces.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lexseg.errors import DataError

TargetKind = Literal["components", "instances", "classes"]

MOST_TARGETS = 65535
"""As many as a 16-bit mask can tell apart."""

MOST_CLASSES = 63
"""As many as the bits of a whole number tell apart."""

_EIGHT = np.ones((3, 3), dtype=bool)


class CrowdedError(DataError):
    """A mask that falls into more pieces than can be told apart."""


@dataclass(frozen=True, slots=True)
class Instances:
    """The targets of an image.

    Attributes:
        labels: int32[H, W], 0 for background, 1..n for the targets.
        classes: the classes of each target, in the labels' order; empty sets where the mask has none.
        whole: whether each target is all of a lesion, and not a piece that overlapping classes cut out of it.
        values: what the source's mask calls each target, where it told them apart; else as in ``labels``.
    """

    labels: NDArray[np.int32]
    classes: tuple[frozenset[str], ...]
    whole: tuple[bool, ...]
    values: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.classes)


def components(mask: NDArray[np.bool_]) -> Instances:
    """The connected components of bool[H, W]; touching corners connect."""
    labels, number = _label(mask)
    return _plain(labels, number)


def instances(values: NDArray[Any]) -> Instances:
    """Each value but 0 is a target; numbered 1..n in the values' order."""
    found = np.unique(values)
    if (found < 0).any() or (found % 1).any():
        raise DataError("the mask of instances holds values that are not whole numbers of 0 or more")
    _check_number(len(found))
    found = np.union1d([0], found)
    labels: NDArray[np.int32] = np.searchsorted(found, values).astype(np.int32)
    plain = _plain(labels, len(found) - 1)
    return replace(plain, values=tuple(int(value) for value in found[1:]))


def classes(masks: Mapping[str, NDArray[np.bool_]]) -> Instances:
    """The components of each class; where classes overlap, the pieces in which the same ones are true.

    Args:
        masks: bool[H, W] by the class's name, one at least.

    Raises:
        DataError: there are more than `MOST_CLASSES`, or more pieces than can be told apart.
    """
    names = list(masks)
    if len(names) > MOST_CLASSES:
        raise DataError(f"the image has {len(names)} classes; at most {MOST_CLASSES} can be told apart: leave some out")
    code: NDArray[np.int64] = np.zeros(next(iter(masks.values())).shape, dtype=np.int64)
    for bit, name in enumerate(names):
        code |= masks[name].astype(np.int64) << bit
    labels = np.zeros(code.shape, dtype=np.int32)
    found: list[frozenset[str]] = []
    for value in np.unique(code):
        if value:
            pieces, number = _label(code == value)
            _check_number(len(found) + number)
            labels = np.where(pieces > 0, pieces + len(found), labels)
            found += [frozenset(name for bit, name in enumerate(names) if value >> bit & 1)] * number
    return Instances(labels, tuple(found), _wholes(labels, found, [masks[name] for name in names]))


def classes_of_values(values: NDArray[Any], names: Mapping[int, str]) -> Instances:
    """Each value but 0 is a class, named by ``names`` or else ``class 3``; values of one name are one class."""
    present = [int(value) for value in np.unique(values) if value != 0]
    if len(present) > 32:
        raise DataError(
            f"the mask holds {len(present)} values, too many for classes; are they instances (--targets instances)?"
        )
    masks: dict[str, NDArray[np.bool_]] = {}
    for value in present:
        name = names.get(value, f"class {value}")
        masks[name] = masks.get(name, False) | (values == value)
    return classes(masks) if masks else _plain(np.zeros(values.shape, dtype=np.int32), 0)


def _wholes(
    labels: NDArray[np.int32], found: Sequence[frozenset[str]], masks: Sequence[NDArray[np.bool_]]
) -> tuple[bool, ...]:
    """A target is whole if no component of a class holds it together with another piece."""
    whole = np.ones(len(found) + 1, dtype=bool)
    for mask in masks:
        joined, number = _label(mask)
        pairs = np.unique(np.stack([joined[mask], labels[mask]]), axis=1)
        pieces = np.bincount(pairs[0], minlength=number + 1)
        whole[pairs[1][pieces[pairs[0]] > 1]] = False
    return tuple(bool(value) for value in whole[1:])


def _label(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    labels, number = ndimage.label(mask, structure=_EIGHT)
    _check_number(number)
    return labels.astype(np.int32, copy=False), int(number)


def _check_number(number: int) -> None:
    if number > MOST_TARGETS:
        raise CrowdedError(f"the mask falls into {number} targets, more than {MOST_TARGETS}; is it noise?")


def _plain(labels: NDArray[np.int32], number: int) -> Instances:
    return Instances(labels, (frozenset(),) * number, (True,) * number)

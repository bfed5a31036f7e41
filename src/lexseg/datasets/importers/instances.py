"""The targets of an image on one sheet: an instance mask that its expressions share, where targets do not overlap."""

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Bool = NDArray[np.bool_]


class InstanceSheets:
    """Instance masks of one image.

    The first sheet holds every target that overlaps none before it. An expression whose targets are all on it shares
    it; any other gets a sheet of its own: its targets in front, whole, and of the rest what can still be seen.

    Args:
        targets: masks of the image's targets, bool[H, W] each, by any key; in the order in which they are placed.
        size: height and width.
        stem: path of the sheets, without number and ending.
        numbers: pixel values that targets should have, where they are free; else they are counted from 1.
    """

    def __init__(
        self,
        targets: Mapping[Hashable, Bool],
        size: tuple[int, int],
        stem: Path,
        numbers: Mapping[Hashable, int] | None = None,
    ) -> None:
        self._targets = targets
        self._size = size
        self._stem = stem
        self._numbers = _numbered(targets, numbers or {})
        self._own: dict[frozenset[Hashable], tuple[Path, tuple[int, ...]]] = {}
        self._first: Path | None = None
        self._shared: set[Hashable] = set()
        self._values = np.zeros(size, dtype=np.int64)
        for key, mask in targets.items():
            if not (self._values[mask] > 0).any():
                self._values[mask] = self._numbers[key]
                self._shared.add(key)

    def sheet(self, keys: Sequence[Hashable]) -> tuple[Path, tuple[int, ...]]:
        """The instance mask for an expression, and the pixel values it names.

        Targets that others of the same expression cover wholly have no pixels left, and no value.
        """
        if set(keys) <= self._shared:
            if self._first is None:
                self._first = self._save(self._values, "")
            return self._first, tuple(sorted(self._numbers[key] for key in dict.fromkeys(keys)))
        wanted = frozenset(keys)
        if wanted not in self._own:
            values = np.zeros(self._size, dtype=np.int64)
            for key in sorted(wanted, key=lambda key: self._numbers[key]):
                values[self._targets[key] & (values == 0)] = self._numbers[key]
            ids = tuple(int(value) for value in np.unique(values) if value)
            for key in self._targets:
                values[self._targets[key] & (values == 0)] = self._numbers[key]
            self._own[wanted] = self._save(values, f"_{len(self._own) + 2}"), ids
        return self._own[wanted]

    def _save(self, values: NDArray[np.int64], suffix: str) -> Path:
        path = self._stem.with_name(f"{self._stem.name}{suffix}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values.astype(np.uint8 if values.max(initial=0) < 256 else np.uint16)).save(path)
        return path


def _numbered(targets: Mapping[Hashable, Bool], wanted: Mapping[Hashable, int]) -> dict[Hashable, int]:
    numbers: dict[Hashable, int] = {}
    for key in targets:
        if 0 < wanted.get(key, 0) < 65536 and wanted[key] not in numbers.values():
            numbers[key] = wanted[key]
    free = (number for number in range(1, len(targets) + len(numbers) + 1) if number not in set(numbers.values()))
    return {key: numbers[key] if key in numbers else next(free) for key in targets}

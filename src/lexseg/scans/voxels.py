"""The voxels of a volume on disk, one plane at a time."""

import threading
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
from nibabel.fileslice import fileslice
from numpy.typing import NDArray

from lexseg.errors import DataError
from lexseg.scans.content import Content

_fileslice: Any = fileslice


class Voxels:
    """Voxels that lie in a file with the first axis running fastest.

    Args:
        name: for messages.
        shape: of all axes in the file.
        dtype: with its byte order.
        offset: of the first voxel, bytes.
        content: the file, if they are not packed; it is opened for each plane.
        file: the unpacked data, if they are.
        scale: slope and intercept that stored values are taken by.
        space: the axes of the file that are i, j and k, in rising order; -1 for k where there are two only.
        chosen: the index on every other axis of the file.
    """

    def __init__(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        offset: int,
        *,
        content: Content | None = None,
        file: BinaryIO | None = None,
        scale: tuple[float, float] = (1.0, 0.0),
        space: tuple[int, int, int] = (0, 1, 2),
        chosen: int = 0,
    ) -> None:
        self._name, self._full, self._dtype, self._offset, self._scale = name, shape, dtype, offset, scale
        self._open: Callable[[], BinaryIO] | None = None if content is None else content.open
        self._file, self._lock = file, threading.Lock()
        self._space, self._chosen = space, chosen

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of i, j and k."""
        i, j, k = (1 if axis < 0 else self._full[axis] for axis in self._space)
        return i, j, k

    def plane(self, axis: int, index: int) -> NDArray[Any]:
        """The voxels at an index along i, j or k, with the other two axes in their order.

        Raises:
            DataError: if the file is cut short there.
        """
        key: list[Any] = [
            slice(None) if place in self._space else min(self._chosen, side - 1)
            for place, side in enumerate(self._full)
        ]
        if self._space[axis] >= 0:
            key[self._space[axis]] = index
        try:
            values = self._read(tuple(key))
        # a file that became shorter since, or damaged: the readers raise nearly anything
        except Exception as error:
            raise DataError(f"{self._name}: slice {index} is damaged or cut short ({type(error).__name__})") from error
        values = values.reshape([side for place, side in enumerate(self.shape) if place != axis])
        slope, intercept = self._scale
        return values if self._scale == (1.0, 0.0) else values * slope + intercept

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        if self._file is not None:
            return np.asarray(_fileslice(self._file, key, self._full, self._dtype, self._offset, "F", lock=self._lock))
        assert self._open is not None
        with self._open() as file:
            return np.asarray(_fileslice(file, key, self._full, self._dtype, self._offset, "F"))

"""The pixels of an upload once it has been read: plain numbers in a private file."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexseg.scans.scan import Frame

FRAMES, PADDING = "frames", "padding"


class StoredFrames:
    """Frames that a reader has left: the source of a server's scans.

    They stay readable after the folder is removed, so that work on a closed image ends as it would have.

    Args:
        folder: where the reader left them.
        shape: (frames, H, W).
        color: whether they are uint8[H, W, 3] and not float32[H, W].
        inverted: whether small values are shown white.
    """

    def __init__(self, folder: Path, shape: tuple[int, int, int], *, color: bool, inverted: bool) -> None:
        self._shape, self._color, self._inverted = shape, color, inverted
        self._values = open(folder / FRAMES, "rb", buffering=0)  # noqa: SIM115 - lives as long as the image
        self._padding = open(folder / PADDING, "rb", buffering=0)  # noqa: SIM115
        self._padded = os.fstat(self._padding.fileno()).st_size

    @property
    def inverted(self) -> bool:
        """Whether small values are shown white (MONOCHROME1)."""
        return self._inverted

    @property
    def nbytes(self) -> int:
        """Bytes that the frame's files take on disk."""
        return os.fstat(self._values.fileno()).st_size + self._padded

    def raw(self, index: int) -> bytes:
        """The values of a frame: little-endian float32[H, W], or uint8[H, W, 3]."""
        size = self._shape[1] * self._shape[2] * (3 if self._color else 4)
        return os.pread(self._values.fileno(), size, index * size)

    def frame(self, index: int) -> Frame:
        """The pixels of a frame, read from disk now."""
        size = self._shape[1:]
        if self._color:
            return Frame(np.frombuffer(self.raw(index), "u1").reshape(*size, 3))
        values = np.frombuffer(self.raw(index), "<f4").reshape(size)
        length = -(-size[0] * size[1] // 8)
        if index * length >= self._padded:
            return Frame(values)
        bits = np.frombuffer(os.pread(self._padding.fileno(), length, index * length), "u1")
        return Frame(values, np.unpackbits(bits, count=size[0] * size[1]).reshape(size).astype(np.bool_))

    def to_stored(self, masks: NDArray[Any]) -> NDArray[Any]:
        """Not known here: a reader opens the upload again to write files of its format."""
        raise NotImplementedError("the readers know the axes of the file")

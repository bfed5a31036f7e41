"""The tensors of a safetensors file as numpy arrays that lie where the file lies. Imports no torch."""

import json
import math
import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexseg.errors import ModelError

_KINDS = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.uint16, "BOOL": np.bool_,
    "I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8, "U8": np.uint8,
}  # fmt: skip


class Weights(Mapping[str, NDArray[Any]]):
    """A safetensors file, read as it is asked for: its pages are the system's, and shared with who else maps it.

    The format: eight bytes with the length of a header, the header as JSON, and the tensors one after another, row by
    row.

    Args:
        path: the file.

    Raises:
        ModelError: it is no such file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                size = int.from_bytes(file.read(8), "little")
                if size > path.stat().st_size - 8:
                    raise ValueError("its header is longer than the file")
                header = json.loads(file.read(size))
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            header.pop("__metadata__", None)
            self._header = {
                name: (each["dtype"], tuple(each["shape"]), each["data_offsets"]) for name, each in header.items()
            }
            self._check(len(self._map) - 8 - size)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, MemoryError) as error:
            raise ModelError(f"{path}: cannot be read as safetensors ({error}); copy the model again") from error
        self._start = 8 + size

    def _check(self, room: int) -> None:
        """Hold what the header says of each tensor against the bytes that there are."""
        for name, (kind, shape, (begin, end)) in self._header.items():
            if not 0 <= begin <= end <= room:
                raise ValueError(f"{name} lies outside the file")
            if math.prod(shape) * np.dtype(_KINDS[kind]).itemsize != end - begin:
                raise ValueError(f"{name} has other bytes than its shape")

    def __getitem__(self, name: str) -> NDArray[Any]:
        kind, shape, (begin, end) = self._header[name]
        count = (end - begin) // np.dtype(_KINDS[kind]).itemsize
        flat: NDArray[Any] = np.frombuffer(self._map, _KINDS[kind], count, self._start + begin)
        # bfloat16 is the upper half of a float32
        flat = (flat.astype(np.uint32) << 16).view(np.float32) if kind == "BF16" else flat
        return flat.reshape(shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._header)

    def __len__(self) -> int:
        return len(self._header)

    def shapes(self) -> list[tuple[str, list[int]]]:
        """Name and shape of each tensor, in the order of their names."""
        return sorted((name, list(shape)) for name, (_, shape, _) in self._header.items())

    def offset(self, name: str) -> tuple[int, int]:
        """Where in the file a tensor begins, and how many bytes it has."""
        begin, end = self._header[name][2]
        return self._start + begin, end - begin

    def is_float32(self, name: str) -> bool:
        """Whether it is stored as what a graph computes with."""
        return bool(self._header[name][0] == "F32")

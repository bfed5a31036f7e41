"""States of a frozen text encoder on disk, so that a second epoch or process need not run it again."""

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

_VERSION = 1


class StateCache:
    """A folder of safetensors shards with an index, for one encoder.

    Each encoder has a folder of its own inside, named by its fingerprint, so that another encoder's states are never
    read. Sentences are known by their SHA-256 and are not written anywhere. Every file is written beside its place and
    then moved there; whatever cannot be read is computed again. If several processes write at once, an index may miss
    another's newest shard, which costs computing it again.

    Args:
        folder: made when the first states are written.
        fingerprint: of the encoder.
        width: D of its states.
    """

    def __init__(self, folder: Path, fingerprint: str, width: int) -> None:
        self.folder = folder / fingerprint[:16]
        self.fingerprint = fingerprint
        self.width = width
        self._shards = self._read_index()
        self._place = self._invert()
        self._writable = True
        self._open: dict[str, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_open": {}}

    def __len__(self) -> int:
        return len(self._place)

    def get(self, sentence: str) -> Tensor | None:
        """float32[L, D], or ``None`` if the sentence is not there."""
        key = _key(sentence)
        shard = self._place.get(key)
        if shard is None:
            return None
        try:
            # each opening maps the whole file: once for each shard, and copied from there, or a hundred thousand
            # sentences are as many maps, more than a process may have
            if shard not in self._open:
                self._open[shard] = safe_open(self.folder / shard, framework="pt")
            states: Tensor = self._open[shard].get_tensor(key).clone()
        except (OSError, SafetensorError):
            self._shards.pop(shard, None)
            self._open.pop(shard, None)
            self._place = self._invert()
            return None
        return states if states.ndim == 2 and states.shape[1] == self.width else None

    def add(self, states: Mapping[str, Tensor]) -> None:
        """Write the states of these sentences. A disk that takes no more is a warning: nothing depends on the cache."""
        if not self._writable:
            return
        tensors = {_key(sentence): value.contiguous() for sentence, value in states.items()}
        # Named by what it holds: two processes that compute the same sentences write the same shard.
        name = f"states-{hashlib.sha256(''.join(sorted(tensors)).encode()).hexdigest()[:16]}.safetensors"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(self.folder / name, lambda path: save_file(tensors, path))
            self._shards = self._read_index() | self._shards | {name: sorted(tensors)}
            index = {"version": _VERSION, "encoder": self.fingerprint, "width": self.width, "shards": self._shards}
            _write(self.folder / "index.json", lambda path: path.write_text(json.dumps(index), encoding="utf-8"))
        except (OSError, SafetensorError) as error:
            self._writable = False
            warnings.warn(f"sentence states are not cached in {self.folder}: {error}", stacklevel=3)
        self._place = self._invert()

    def _read_index(self) -> dict[str, list[str]]:
        try:
            index = json.loads((self.folder / "index.json").read_text(encoding="utf-8"))
            if (index["version"], index["encoder"], index["width"]) != (_VERSION, self.fingerprint, self.width):
                return {}
            return {str(name): [str(key) for key in keys] for name, keys in index["shards"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def _invert(self) -> dict[str, str]:
        return {key: name for name, keys in self._shards.items() for key in keys}


def _key(sentence: str) -> str:
    return hashlib.sha256(sentence.encode()).hexdigest()


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside ``path``, then move there: readers see the old file or the new one, never half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        write(Path(name))
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

"""Which engine runs a model, where its graphs are, and ONNX Runtime on a CPU.

Imports torch only where torch is to run it (:mod:`lexseg.predict.torch_engine`).
"""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from lexseg.encoders.text.reader import TokenReader
from lexseg.errors import ConfigError, DataError, ModelError
from lexseg.graphs.sessions import (
    SentenceStates,
    Threads,
    fits,
    has_runtime,
    is_exported,
    open_graphs,
    thread_count,
)
from lexseg.graphs.store import (
    ABOUT,
    DECODER,
    FOLDER,
    IMAGE,
    IMAGE_ENCODER,
    LOGITS,
    MASK,
    NAMES_PLACE,
    NULL,
    PRESENCE,
    STATES,
    TEXT_ENCODER,
    Weights,
    is_map,
    map_name,
)
from lexseg.language.sides import names_place
from lexseg.models.config import WEIGHTS, ModelConfig
from lexseg.predict.engine import Encoded, Engine, EngineName, R, T

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

EngineChoice = Literal["auto", "torch", "onnx"]
CHOICES: tuple[EngineChoice, ...] = ("auto", "torch", "onnx")


def open_engine(
    folder: Path, config: ModelConfig, *, engine: EngineChoice = "auto", device: str | None = None
) -> tuple[Engine, tuple[str, ...]]:
    """Open a model.

    Args:
        folder: of the model.
        config: of the model.
        engine: ``auto`` takes ONNX Runtime on a CPU where it is installed and graphs of this very network are in the
            model's folder or the cache; ``onnx`` makes them where they are not, which takes a minute and the extra
            ``export``.
        device: where to run; ``None`` takes a GPU where there is one.

    Returns:
        the engine, and what the user should be told of the choice.

    Raises:
        ModelError: the model or its graphs cannot be read, or not be made.
        ConfigError: there is no such engine, or it does not run on the device.
    """
    if engine not in CHOICES:
        raise ConfigError(f"there is no engine {engine!r}; there are {', '.join(CHOICES)}")
    if is_exported(folder):
        return _exported(folder, config, engine, device), ()
    if engine == "torch" or (engine == "auto" and not _on_cpu(device)):
        return _torch(folder, device), ()
    if engine == "onnx" and device not in (None, "cpu"):
        raise ConfigError(f"the engine onnx runs on the CPU, not on {device!r}; take the engine torch")
    if not has_runtime():
        note = "onnxruntime is not installed (pip install onnxruntime)"
        if engine == "onnx":
            raise ConfigError(f"{note}; take the engine torch")
        return _torch(folder, device), (f"{note}: torch runs the model, which takes longer",)
    graphs = find_graphs(folder, config)
    if graphs is None:
        if engine == "auto":
            return _torch(folder, device), ()
        graphs = _made(folder, config)
    return OnnxEngine.of(graphs, folder, config), ()


def _exported(folder: Path, config: ModelConfig, engine: EngineChoice, device: str | None) -> Engine:
    if engine == "torch" or device not in (None, "cpu") or not has_runtime():
        raise ConfigError(f"{folder}: an exported model is run by ONNX Runtime on the CPU (pip install onnxruntime)")
    return OnnxEngine.of(folder, folder, config)


def find_graphs(folder: Path, config: ModelConfig) -> Path | None:
    """Graphs of a model: in its folder, or in the cache; ``None`` where there are none of this network."""
    weights = folder / WEIGHTS
    if not weights.is_file():
        return None
    for place in (folder / FOLDER, cached(config)):
        if (place / ABOUT).is_file() and fits(place, config, Weights(weights)):
            return place
    return None


def cached(config: ModelConfig) -> Path:
    """Where the cache keeps, or would keep, a model's graphs: by the hash of its weights and the version of LexSeg."""
    from lexseg._version import __version__

    base = os.environ.get("LEXSEG_CACHE") or os.environ.get("XDG_CACHE_HOME")
    root = Path(base) / "lexseg" if base else Path.home() / ".cache" / "lexseg"
    return root / "graphs" / f"{config.weights_sha256[:32]}-{__version__}"


def _made(folder: Path, config: ModelConfig) -> Path:
    """The graphs, made now and kept in the cache; one process makes them, others wait."""
    from lexseg.graphs.make import make_graphs

    target = cached(config)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target.with_name(f".{target.name}.lock")):
            found = find_graphs(folder, config)
            if found is not None:
                return found
            print(f"making ONNX graphs of {folder.name}, once, in {target}; this takes a minute", file=sys.stderr)
            shutil.rmtree(target, ignore_errors=True)  # the cache is ours: of another network, or damaged
            make_graphs(folder, target)
    except DataError as error:
        raise ModelError(str(error)) from error
    return target


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, where the system has such."""
    with path.open("ab") as file:
        try:
            import fcntl
        except ImportError:  # Windows: two processes then make the same graphs, and one of them is kept
            yield
            return
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _on_cpu(device: str | None) -> bool:
    """Whether a model is to run on a CPU, told without torch where no GPU can be."""
    if device is not None:
        return str(device) == "cpu"
    if find_spec("torch") is None or (not any(Path("/dev").glob("nvidia[0-9]*")) and os.name != "nt"):
        return True
    import torch

    return not torch.cuda.is_available()


def _torch(folder: Path, device: str | None) -> Engine:
    if find_spec("torch") is None:
        raise ConfigError(
            f"{folder.name}: torch would have to run it, and is not installed: pip install lexseg; or have "
            "`lexseg export MODEL --in-place`, where that is, put graphs into its folder"
        )
    from lexseg.models.io import load_model
    from lexseg.predict.torch_engine import TorchEngine

    loaded = load_model(folder)
    return TorchEngine(loaded.model, loaded.text_encoder, device)


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """Sentences as arrays: ``states`` float32[B, L, D], ``attention_mask`` bool[B, L], ``is_null`` bool[B]."""

    states: NDArray[np.float32] | None
    attention_mask: NDArray[np.bool_]
    is_null: NDArray[np.bool_]


class OnnxEngine(Engine):
    """Runs a model's graphs.

    Args:
        sessions: by the graphs' names.
        reader: what reads the sentences; ``None`` for an image-only model.
        config: of the model.
    """

    kind: ClassVar[EngineName] = "onnx"
    device = "cpu"

    def __init__(
        self, sessions: "Mapping[str, InferenceSession]", reader: TokenReader | None, config: ModelConfig
    ) -> None:
        self._image, self._decoder = sessions[IMAGE_ENCODER], sessions[DECODER]
        self.reader, self.method, self._size = reader, config.method, config.size
        self._threads = Threads(thread_count())
        self._sentences = None if reader is None else SentenceStates(sessions[TEXT_ENCODER], reader, self._threads)
        self._seen = [output.name for output in self._image.get_outputs()]
        self._outputs = [output.name for output in self._decoder.get_outputs()]
        self._inputs = {each.name for each in self._decoder.get_inputs()}
        self.says_presence = PRESENCE in self._outputs

    @classmethod
    def of(cls, graphs: Path, folder: Path, config: ModelConfig) -> "OnnxEngine":
        """Open a model's graphs.

        Raises:
            ModelError: as :func:`lexseg.graphs.sessions.open_graphs`.
        """
        return cls(*open_graphs(graphs, folder, config), config)

    def look(self, images: NDArray[np.float32]) -> Encoded:
        seen = dict(zip(self._seen, self._image.run(None, {IMAGE: np.ascontiguousarray(images)}), strict=True))
        ready = {name: seen.pop(name) for name in self._seen if not is_map(name)}
        return Encoded(list(seen.values()), self._size, ready)

    def answer(
        self, encoded: Encoded, rows: Sequence[int], texts: Sequence[str | None]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        count = len(encoded.maps[0])
        chosen = encoded if list(rows) == list(range(count)) else encoded.rows(rows)
        words = self.words(texts)
        given = {map_name(i): m for i, m in enumerate(chosen.maps)} | dict(chosen.ready)
        given |= {STATES: words.states, MASK: words.attention_mask, NULL: words.is_null}
        if NAMES_PLACE in self._inputs:
            given[NAMES_PLACE] = np.array([names_place(text or "") for text in texts])
        given = {name: value for name, value in given.items() if name in self._inputs}
        said = self._threads.map(
            lambda share: self._decoder.run(None, {name: value[share] for name, value in given.items()}),
            self._threads.shares(len(texts)),
        )
        by_name = dict(zip(self._outputs, (_joined(parts) for parts in zip(*said, strict=True)), strict=True))
        return by_name[LOGITS], by_name.get(PRESENCE)

    def words(self, texts: Sequence[str | None]) -> States:
        if self._sentences is None:
            return States(None, np.zeros((len(texts), 1), np.bool_), np.ones(len(texts), np.bool_))
        return States(*self._sentences(texts))

    def both(self, look: Callable[[], T], read: Callable[[], R]) -> tuple[T, R]:
        return self._threads.both(look, read)

    def join(self, parts: Sequence[Encoded]) -> Encoded:
        maps = [np.concatenate([part.maps[k] for part in parts]) for k in range(len(parts[0].maps))]
        ready = {name: np.concatenate([part.ready[name] for part in parts]) for name in parts[0].ready}
        return Encoded(maps, parts[0].size, ready)


def _joined(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)

"""Which engine runs a model, where its graphs are, and ONNX Runtime on a CPU.

Imports torch only where torch is to run it (:mod:`lexseg.predict.torch_engine`).
"""

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from lexseg.encoders.text.reader import TokenReader
from lexseg.errors import ConfigError
from lexseg.graphs import store
from lexseg.graphs.store import IDS, MASK, Opened, Weights, fits, is_exported, is_map, map_name, open_graphs
from lexseg.language.sides import names_place
from lexseg.models.config import WEIGHTS, ModelConfig
from lexseg.predict.engine import Encoded, Engine, EngineName, R, T

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

EngineChoice = Literal["auto", "torch", "onnx"]
_CPU = re.compile(r"cpu(:\d+)?", re.IGNORECASE)
CHOICES: tuple[EngineChoice, ...] = ("auto", "torch", "onnx")
_TOGETHER = 32  # sentences of equal length that go through the encoder at once


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
    if device is not None and _CPU.fullmatch(device.strip()):
        device = "cpu"
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
        from lexseg.graphs.make import make_once

        graphs = make_once(folder, cached(config), lambda: find_graphs(folder, config))
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
    for place in (folder / store.FOLDER, cached(config)):
        if (place / store.ABOUT).is_file() and fits(place, config, Weights(weights)):
            return place
    return None


def cached(config: ModelConfig) -> Path:
    """Where the cache keeps, or would keep, a model's graphs: by the hash of its weights and the version of LexSeg."""
    from lexseg._version import __version__

    base = os.environ.get("LEXSEG_CACHE") or os.environ.get("XDG_CACHE_HOME")
    root = Path(base) / "lexseg" if base else Path.home() / ".cache" / "lexseg"
    return root / "graphs" / f"{config.weights_sha256[:32]}-{__version__}"


def has_runtime() -> bool:
    """Whether ONNX Runtime is installed."""
    return find_spec("onnxruntime") is not None


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


# --- ONNX Runtime -------------------------------------------------------------------


def thread_count() -> int:
    """The threads that graphs may take: ``OMP_NUM_THREADS``, or as many as the process may run on."""
    asked = int(os.environ.get("OMP_NUM_THREADS") or 0)
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return asked or here or 1


class Threads:
    """Runs a graph on several inputs at the same time.

    Inside, a graph of many small steps is hardly faster with two threads than with one; two inputs beside one another
    take two thirds of the time.

    Args:
        count: threads, the caller's own among them.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._within = threading.local()
        # starts them when they are needed; what they are given must not hold on to this, or they would never end
        self._others = ThreadPoolExecutor(count - 1, "graph", _begin, (self._within,)) if count > 1 else None

    def map(self, work: Callable[[T], R], inputs: Sequence[T]) -> list[R]:
        """``work`` of each, in their order; raises what it raises."""
        if self._others is None or len(inputs) < 2 or self._is_one_of_them():
            return [work(each) for each in inputs]
        rest = [self._others.submit(work, each) for each in inputs[1:]]
        try:
            first = work(inputs[0])
        finally:
            wait(rest)  # whatever became of the first, none goes on when this has returned
        return [first, *(each.result() for each in rest)]

    def both(self, one: Callable[[], T], other: Callable[[], R]) -> tuple[T, R]:
        """What two calls give, made at the same time; raises what making one after the other would."""
        calls: list[Callable[[], Any]] = [one, other]
        first, second = self.map(lambda call: call(), calls)
        return first, second

    def _is_one_of_them(self) -> bool:
        """Whether this is one of the threads: it would wait for itself."""
        return bool(getattr(self._within, "now", False))

    def shares(self, count: int, most: int | None = None) -> list[slice]:
        """So many rows, shared out among the threads.

        Args:
            count: of the rows.
            most: in one share.
        """
        size = max(1, -(-count // self.count))
        size = size if most is None else min(size, most)
        return [slice(start, start + size) for start in range(0, max(count, 1), size)]


def _begin(within: threading.local) -> None:
    within.now = True


class SentenceStates:
    """Turns sentences into states.

    Each distinct sentence is read once while it is remembered; those of equal length go through the encoder together,
    never padded, so that a sentence's states do not depend on the company it was met in.

    Args:
        open_graph: opens the text encoder's graph; called once, for the first sentence that is not stored.
        reader: its tokenizer.
        threads: that read several at the same time.
        stored: by sentence, states float32[L, D] that need no text encoder.
        memory_limit: the most bytes of states to keep; the least recently used go first. Never on disk.
    """

    def __init__(
        self,
        open_graph: "Callable[[], InferenceSession]",
        reader: TokenReader,
        threads: Threads,
        *,
        stored: Mapping[str, NDArray[np.float32]] = MappingProxyType({}),
        memory_limit: int = 256 << 20,
    ) -> None:
        self._open, self._reader, self._threads, self._limit = open_graph, reader, threads, memory_limit
        self._stored = stored
        self._session: InferenceSession | None = None
        self._known: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._bytes = 0
        self._lock, self._opening = threading.Lock(), threading.Lock()

    def open(self) -> "InferenceSession":
        """The text encoder's graph, opened once; where that fails it is tried again the next time.

        Raises:
            ModelError: as :func:`lexseg.graphs.store.open_graphs`.
        """
        with self._opening:
            if self._session is None:
                self._session = self._open()
            return self._session

    def __call__(self, texts: Sequence[str | None]) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
        """States float32[B, L, D], zero where there is no token; mask bool[B, L]; and whether a sentence is missing.

        Raises:
            TextError: if a sentence is longer than the encoder reads.
            ModelError: as :meth:`open`.
        """
        sentences = [" ".join(text.split()) if text else "" for text in texts]  # as the trained network met them
        rows = self._states(list(dict.fromkeys(s for s in sentences if s)))
        length = max((len(row) for row in rows.values()), default=1)
        states = np.zeros((len(sentences), length, self._reader.width), np.float32)
        mask = np.zeros((len(sentences), length), np.bool_)
        for i, sentence in enumerate(sentences):
            if sentence:
                row = rows[sentence]
                states[i, : len(row)] = row
                mask[i, : len(row)] = True
        return states, mask, np.array([not s for s in sentences], np.bool_)

    def _states(self, distinct: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        with self._lock:
            rows = {s: self._known[s] for s in distinct if s in self._known}
            for sentence in rows:
                self._known.move_to_end(sentence)
        rows |= {s: self._stored[s] for s in distinct if s not in rows and s in self._stored}
        fresh = self._read([s for s in distinct if s not in rows])
        with self._lock:
            for sentence, states in fresh.items():
                if sentence not in self._known:
                    self._known[sentence] = states
                    self._bytes += states.nbytes
            while self._bytes > self._limit and self._known:
                _, dropped = self._known.popitem(last=False)
                self._bytes -= dropped.nbytes
        return rows | fresh

    def _read(self, sentences: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        by_length: dict[int, list[tuple[str, NDArray[np.int64]]]] = {}
        for sentence in sentences:
            ids = self._reader.tokenize(sentence)
            by_length.setdefault(len(ids), []).append((sentence, ids))
        shares = [same[rows] for same in by_length.values() for rows in self._threads.shares(len(same), _TOGETHER)]
        if not shares:
            return {}
        encode = partial(_encoded, self.open())
        read = self._threads.map(encode, [np.stack([tokens for _, tokens in same]) for same in shares])
        return {
            sentence: row.copy()
            for same, states in zip(shares, read, strict=True)
            for (sentence, _), row in zip(same, states, strict=True)
        }


def _encoded(session: "InferenceSession", ids: NDArray[np.int64]) -> NDArray[np.float32]:
    (states,) = session.run(None, {IDS: ids, MASK: np.ones(ids.shape, np.bool_)})
    return np.asarray(states)


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """Sentences as arrays: ``states`` float32[B, L, D], ``attention_mask`` bool[B, L], ``is_null`` bool[B]."""

    states: NDArray[np.float32] | None
    attention_mask: NDArray[np.bool_]
    is_null: NDArray[np.bool_]


class OnnxEngine(Engine):
    """Runs a model's graphs.

    Args:
        opened: the graphs.
        config: of the model.
    """

    kind: ClassVar[EngineName] = "onnx"
    device = "cpu"

    def __init__(self, opened: Opened, config: ModelConfig) -> None:
        self._image, self._decoder = opened.image, opened.decoder
        self.reader, self.method, self._size = opened.reader, config.method, config.size
        self._threads = Threads(thread_count())
        self._sentences = (
            None
            if opened.reader is None or opened.text is None
            else SentenceStates(opened.text, opened.reader, self._threads, stored=opened.plain)
        )
        self._seen = [output.name for output in self._image.get_outputs()]
        self._outputs = [output.name for output in self._decoder.get_outputs()]
        self._inputs = {each.name for each in self._decoder.get_inputs()}
        self.says_presence = store.PRESENCE in self._outputs

    @classmethod
    def of(cls, graphs: Path, folder: Path, config: ModelConfig) -> "OnnxEngine":
        """Open a model's graphs.

        Raises:
            ModelError: as :func:`lexseg.graphs.store.open_graphs`.
        """
        return cls(open_graphs(graphs, folder, config), config)

    def open_all(self) -> None:
        if self._sentences is not None:
            self._sentences.open()

    def look(self, images: NDArray[np.float32]) -> Encoded:
        seen = dict(zip(self._seen, self._image.run(None, {store.IMAGE: np.ascontiguousarray(images)}), strict=True))
        ready = {name: seen.pop(name) for name in self._seen if not is_map(name)}
        return Encoded(list(seen.values()), self._size, ready)

    def answer(
        self, encoded: Encoded, rows: Sequence[int], texts: Sequence[str | None]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        count = len(encoded.maps[0])
        chosen = encoded if list(rows) == list(range(count)) else encoded.rows(rows)
        words = self.words(texts)
        given = {map_name(i): m for i, m in enumerate(chosen.maps)} | dict(chosen.ready)
        given |= {store.STATES: words.states, MASK: words.attention_mask, store.NULL: words.is_null}
        if store.NAMES_PLACE in self._inputs:
            given[store.NAMES_PLACE] = np.array([names_place(text or "") for text in texts])
        given = {name: value for name, value in given.items() if name in self._inputs}
        said = self._threads.map(
            lambda share: self._decoder.run(None, {name: value[share] for name, value in given.items()}),
            self._threads.shares(len(texts)),
        )
        by_name = dict(zip(self._outputs, (_joined(parts) for parts in zip(*said, strict=True)), strict=True))
        return by_name[store.LOGITS], by_name.get(store.PRESENCE)

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

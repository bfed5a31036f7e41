"""Graphs, opened by ONNX Runtime with a model's weights. Imports no torch."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from lexseg.encoders.text.reader import TokenReader, fingerprint, minilm_folder
from lexseg.errors import ModelError
from lexseg.graphs.store import (
    ABOUT,
    IDS,
    MASK,
    PACKAGED,
    PREFIX,
    ROUNDED,
    TOKENIZER,
    GraphsInfo,
    Weights,
    stored_name,
    structure_of,
    text_weights,
)
from lexseg.models.config import CONFIG, ModelConfig, checked_weights, read_json, sha256_of

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

UNREAD = ("pooler.", "embeddings.position_ids")
"""Of the packaged text encoder: the pooler is for classifying whole sentences, and no part of what a model reads."""
T = TypeVar("T")
R = TypeVar("R")
_TOGETHER = 32  # sentences of equal length that go through the encoder at once


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
        if self._others is None or self._is_one_of_them():
            return one(), other()
        rest = self._others.submit(other)
        try:
            first = one()
        finally:
            wait([rest])
        return first, rest.result()

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
        session: the text encoder's graph.
        reader: its tokenizer.
        threads: that read several at the same time.
        memory_limit: the most bytes of states to keep; the least recently used go first. Never on disk.
    """

    def __init__(
        self, session: "InferenceSession", reader: TokenReader, threads: Threads, *, memory_limit: int = 256 << 20
    ) -> None:
        self._session, self._reader, self._threads, self._limit = session, reader, threads, memory_limit
        self._known: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def __call__(self, texts: Sequence[str | None]) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
        """States float32[B, L, D], zero where there is no token; mask bool[B, L]; and whether a sentence is missing.

        Raises:
            TextError: if a sentence is longer than the encoder reads.
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
        read = self._threads.map(self._encode, [np.stack([tokens for _, tokens in same]) for same in shares])
        return {
            sentence: row.copy()
            for same, states in zip(shares, read, strict=True)
            for (sentence, _), row in zip(same, states, strict=True)
        }

    def _encode(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        (states,) = self._session.run(None, {IDS: ids, MASK: np.ones(ids.shape, np.bool_)})
        return np.asarray(states)


def has_runtime() -> bool:
    """Whether ONNX Runtime is installed."""
    from importlib.util import find_spec

    return find_spec("onnxruntime") is not None


def is_exported(folder: Path) -> bool:
    """Whether a folder is an exported model: graphs that hold their weights, beside their configuration."""
    return (folder / ABOUT).is_file() and (folder / CONFIG).is_file()


def fits(graphs: Path, config: ModelConfig, weights: Weights) -> bool:
    """Whether a folder holds graphs of this network, as far as they tell; a damaged one is found when it is opened."""
    if not (graphs / ABOUT).is_file():
        return False
    try:
        return GraphsInfo.read(graphs).structure == structure_of(config, weights)
    except ModelError:
        return False


def open_graphs(
    graphs: Path, folder: Path, config: ModelConfig
) -> tuple[dict[str, "InferenceSession"], TokenReader | None]:
    """Open a model's graphs with the model's weights.

    Args:
        graphs: their folder.
        folder: of the model.
        config: of the model.

    Returns:
        the sessions by the graphs' names, and what reads its sentences.

    Raises:
        ModelError: a file was changed, the graphs are of another network, or the runtime cannot read them.
    """
    about = GraphsInfo.read(graphs)
    about.check_files(graphs)
    reader = None if about.reader is None else _reader(graphs, about.reader)
    names = [name for name in about.files if name.endswith(".onnx")]
    if is_exported(graphs):
        if about.weights_sha256 != config.weights_sha256:
            raise ModelError(f"{graphs}: the graphs are of other weights than {CONFIG} says; export the model again")
        return {name: new_session(graphs / name, about.opset, {}) for name in names}, reader
    own, packaged = Weights(checked_weights(folder, config)), text_weights(config)
    if about.structure != structure_of(config, own):
        raise ModelError(f"{graphs}: the graphs are of another network than {folder}; make them again (lexseg export)")
    _check_text(folder, config, about, packaged, reader)
    return {name: _open(graphs / name, about, own, packaged) for name in names}, reader


def _open(path: Path, about: GraphsInfo, own: Weights, packaged: Weights | None) -> "InferenceSession":
    given: dict[str, NDArray[Any]] = {}
    for name in about.outside.get(path.name, ()):
        found = stored_name(path.name, name.removeprefix(PREFIX), own, packaged)
        if found is None:
            raise ModelError(f"{path}: asks for the weight {name!r}, which the model has not; make the graphs again")
        given[name] = np.asarray(found[0][found[1]], np.float32)
    return new_session(path, about.opset, given)


def new_session(path: Path, opset: int, given: Mapping[str, NDArray[Any]]) -> "InferenceSession":
    """A graph, ready to run.

    Args:
        path: the file.
        opset: that it was written in.
        given: its weights that are not in the file, by name.

    Raises:
        ModelError: ONNX Runtime cannot read it.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read at import: nothing is told to anybody, on any system
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS") or 0)
    # three graphs whose threads wait by spinning would take the processor from one another
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if given:
        options.add_external_initializers(list(given), [ort.OrtValue.ortvalue_from_numpy(v) for v in given.values()])
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's classes have no common base but this
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(
            f"{path}: ONNX Runtime {ort.__version__} cannot run it (it is written in opset {opset}): {reason[0]}"
        ) from error


def _reader(graphs: Path, about: Mapping[str, Any]) -> TokenReader:
    file = graphs / TOKENIZER
    return TokenReader(Tokenizer.from_file(str(file if file.is_file() else minilm_folder() / TOKENIZER)), **about)


def _check_text(
    folder: Path, config: ModelConfig, about: GraphsInfo, packaged: Weights | None, reader: TokenReader | None
) -> None:
    """See that the text encoder is the one that the model was trained with."""
    expected = config.text_encoder_sha256
    if reader is None or expected is None:
        return
    found = about.text_sha256
    if packaged is not None:
        found = text_fingerprint(packaged, reader)
    if found != expected:
        raise ModelError(
            f"{folder}: was trained with another version of the text encoder {reader.name!r} "
            f"(SHA-256 {expected[:12]}..., here {str(found)[:12]}...); install the version it names"
        )


def text_fingerprint(weights: Weights, reader: TokenReader) -> str:
    """The fingerprint of the packaged text encoder; where it is rounded, of what it was rounded from.

    Raises:
        ModelError: the rounded file was changed.
    """
    about = weights.path.parent / ROUNDED
    if about.is_file():
        values = read_json(about)
        if sha256_of(weights.path) != values.get("sha256"):
            raise ModelError(f"{weights.path}: was changed since it was packaged; install it again")
        return str(values.get("fingerprint"))
    read = {PACKAGED + name: weights[name] for name in weights if not name.startswith(UNREAD)}
    return fingerprint(read, reader.vocabulary(), reader.token_ids)

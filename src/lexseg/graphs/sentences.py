"""A text encoder's graph, and the states of the sentences that it read last. Imports no torch."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lexseg.encoders.text.reader import TokenReader
from lexseg.graphs.names import IDS, MASK

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_TOGETHER = 32  # sentences of equal length that go through the encoder at once


class Sentences:
    """Turns sentences into states.

    Each distinct sentence is read once while it is remembered; those of equal length go through the encoder together,
    never padded, so that a sentence's states do not depend on the company it was met in.

    Args:
        session: the text encoder's graph.
        reader: its tokenizer.
        memory_limit: the most bytes of states to keep; the least recently used go first. Never on disk.
    """

    def __init__(self, session: "InferenceSession", reader: TokenReader, *, memory_limit: int = 256 << 20) -> None:
        self._session, self._reader, self._limit = session, reader, memory_limit
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
        states: dict[str, NDArray[np.float32]] = {}
        for same in by_length.values():
            for start in range(0, len(same), _TOGETHER):
                names, tokens = zip(*same[start : start + _TOGETHER], strict=True)
                ids = np.stack(tokens)
                (out,) = self._session.run(None, {IDS: ids, MASK: np.ones(ids.shape, np.bool_)})
                states |= {name: row.copy() for name, row in zip(names, out, strict=True)}
        return states

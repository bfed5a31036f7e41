"""Networks run by ONNX Runtime, on a CPU, without torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from lexseg.encoders.text.reader import TokenReader
from lexseg.graphs.sessions import Sentences, open_graphs
from lexseg.graphs.store import (
    DECODER,
    IMAGE,
    IMAGE_ENCODER,
    LOGITS,
    MASK,
    NULL,
    PRESENCE,
    STATES,
    TEXT_ENCODER,
    map_name,
)  # fmt: skip
from lexseg.models.config import ModelConfig
from lexseg.predict.engine import Encoded, Engine, EngineName

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


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
        self._sentences = None if reader is None else Sentences(sessions[TEXT_ENCODER], reader)
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
        return Encoded(self._image.run(None, {IMAGE: np.ascontiguousarray(images)}), self._size)

    def answer(
        self, encoded: Encoded, rows: Sequence[int], texts: Sequence[str | None]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        chosen = encoded if list(rows) == list(range(len(encoded))) else encoded.rows(rows)
        given = {map_name(i): m for i, m in enumerate(chosen.maps)}
        words = self.words(texts)
        given |= {STATES: words.states, MASK: words.attention_mask, NULL: words.is_null}
        said = self._decoder.run(None, {name: value for name, value in given.items() if name in self._inputs})
        by_name = dict(zip(self._outputs, said, strict=True))
        return by_name[LOGITS], by_name.get(PRESENCE)

    def words(self, texts: Sequence[str | None]) -> States:
        if self._sentences is None:
            return States(None, np.zeros((len(texts), 1), np.bool_), np.ones(len(texts), np.bool_))
        return States(*self._sentences(texts))

    def join(self, parts: Sequence[Encoded]) -> Encoded:
        maps = [np.concatenate([part.maps[k] for part in parts]) for k in range(len(parts[0].maps))]
        return Encoded(maps, parts[0].size)

"""A folder of graphs: what is in it, what it says of itself, whose network it is; and weights where they are stored.

Imports no torch.
"""

import hashlib
import json
import math
import mmap
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexseg.encoders.text.reader import minilm_folder
from lexseg.errors import ModelError
from lexseg.models.config import ModelConfig, read_json, sha256_of

_KINDS = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.uint16, "BOOL": np.bool_,
    "I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8, "U8": np.uint8,
}  # fmt: skip


SCALE = ".scale_of_rows"
"""After the name of a matrix of whole numbers: what each of its rows is multiplied by (`lexseg.graphs.rounded`)."""


class Weights(Mapping[str, NDArray[Any]]):
    """A safetensors file, read as it is asked for: its pages are the system's, and shared with who else maps it.

    The format: eight bytes with the length of a header, the header as JSON, and the tensors one after another, row by
    row. Rounded matrices are multiplied by their scales.

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
        array = flat.reshape(shape)
        return array * self[name + SCALE][:, None] if name + SCALE in self._header else array

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._header if not name.endswith(SCALE))

    def __len__(self) -> int:
        return sum(1 for _ in self)

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


IMAGE_ENCODER, TEXT_ENCODER, DECODER = "image_encoder.onnx", "text_encoder.onnx", "decoder.onnx"
GRAPHS = (IMAGE_ENCODER, TEXT_ENCODER, DECODER)
"""The files: from pixels to maps; from token ids to states; from maps and states to a mask."""

IMAGE = "image"
"""float[B, 3, H, W] in 0..1."""
IDS, MASK = "input_ids", "attention_mask"
"""int64[B, L] and bool[B, L], true where a token is."""
STATES, NULL = "states", "is_null"
"""float[B, L, D], and bool[B], true where a sentence is missing: its row of the mask is then not looked at."""
NAMES_PLACE = "names_place"
"""bool[B], where the model asks for it: true where the sentence names a place or a part of an organ."""
LOGITS, PRESENCE = "logits", "presence"
"""float[B, 1, H, W] and, where the model says whether what is named is there, float[B]."""
PREFIX = "network."
"""Before the names of a network's weights in its graphs."""

ABOUT, TOKENIZER, FOLDER = "graphs.json", "tokenizer.json", "graphs"
ROUNDED = "rounded.json"
"""Beside a rounded text encoder: its own SHA-256, and the fingerprint of what it was rounded from."""
FORMAT = 1
TRAINED, PACKAGED = "text_input.encoder.", "model."
"""Before the name of a text encoder's weight: in the model's own file, where it was trained along; and in the graph,
where it is the packaged one, whose file has the name without."""


@dataclass(frozen=True, slots=True)
class GraphsInfo:
    """What a folder of graphs says of itself.

    Attributes:
        structure: of the network (:func:`structure_of`) that the graphs were traced from.
        opset: version of the ONNX operators.
        files: by name, the SHA-256 of each file.
        outside: by graph, the names of the weights that it does not hold: they are the model's.
        reader: name, width, max_length, pad_id and unknown_id of the text encoder; ``None`` where there is none.
        text_sha256: the fingerprint of a frozen text encoder.
        weights_sha256: of the weights that the graphs hold, where they hold them: those of an exported model.
        precision: of these.
        made_by: versions of what made it.
        format: version of this file's layout.
    """

    structure: str
    opset: int
    files: Mapping[str, str]
    outside: Mapping[str, list[str]]
    reader: Mapping[str, Any] | None = None
    text_sha256: str | None = None
    weights_sha256: str | None = None
    precision: str | None = None
    made_by: Mapping[str, str] | None = None
    format: int = FORMAT

    def content(self) -> bytes:
        """The values as ``graphs.json`` holds them."""
        return (json.dumps(asdict(self), indent=2) + "\n").encode()

    @classmethod
    def read(cls, folder: Path) -> "GraphsInfo":
        """Read graphs.json.

        Raises:
            ModelError: it is missing, damaged or of another version.
        """
        path = folder / ABOUT
        values = read_json(path)
        if values.get("format") != FORMAT:
            raise ModelError(f"{path}: format {values.get('format')!r}, this version of LexSeg reads {FORMAT}")
        try:
            return cls(**values)
        except TypeError as error:
            raise ModelError(f"{path}: {error}") from error

    def check_files(self, folder: Path) -> None:
        """Hold each file against what was written.

        Raises:
            ModelError: naming the one that is missing or was changed.
        """
        for name, digest in self.files.items():
            path = folder / name
            if not path.is_file():
                raise ModelError(f"{path}: is missing; make the graphs again (lexseg export)")
            if sha256_of(path) != digest:
                raise ModelError(
                    f"{path}: was changed since it was made (its SHA-256 is not the one in {ABOUT}); make the graphs "
                    "again (lexseg export)"
                )


def structure_of(config: ModelConfig, weights: Weights) -> str:
    """SHA-256, in hexadecimal, of all that decides a network's graphs but the numbers in them.

    Args:
        config: of the model.
        weights: its file: names and shapes are looked at.
    """
    arguments = {k: v for k, v in config.arguments.items() if k != "encoder_args"}
    arguments["encoder_args"] = {
        k: v for k, v in (config.arguments.get("encoder_args") or {}).items() if k != "pretrained"
    }
    words = None if config.text_encoder is None else dict(config.text_encoder)
    told = [FORMAT, config.method, arguments, list(config.size), words, weights.shapes()]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def text_weights(config: ModelConfig) -> Weights | None:
    """The packaged text encoder's file; ``None`` where the model has another, or one of its own."""
    words = config.text_encoder
    if words is None or words.get("kind") != "minilm" or words.get("trainable"):
        return None
    return Weights(minilm_folder() / "model.safetensors")


def stored_name(graph: str, name: str, own: Weights, packaged: Weights | None) -> tuple[Weights, str] | None:
    """Where a graph's weight is stored, and its name there; ``None`` where it is in no file.

    Args:
        graph: the graph's file name.
        name: of the weight, as the module has it.
        own: the model's file.
        packaged: the packaged text encoder's file, where it is the model's.
    """
    if graph != TEXT_ENCODER:
        return (own, name) if name in own else None
    if packaged is not None and name.removeprefix(PACKAGED) in packaged:
        return packaged, name.removeprefix(PACKAGED)
    return (own, TRAINED + name) if TRAINED + name in own else None


_MAP, _READY = "map_", "ready_"


def map_name(number: int) -> str:
    """An image's map, float[B, C, h, w]: what the image encoder gives and the decoder takes."""
    return f"{_MAP}{number}"


def is_map(name: str) -> bool:
    """Whether this is the name of a map: all else that an image encoder gives is :func:`ready_name`'s."""
    return name.startswith(_MAP)


def ready_name(name: str) -> str:
    """What the decoder makes of the maps alone (:attr:`lexseg.models.base.Features.ready`), by its name there."""
    return _READY + name

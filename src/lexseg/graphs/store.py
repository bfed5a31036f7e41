"""A folder of graphs: what it holds and says of itself, whose network it is; opened with the weights that are stored.

Imports no torch.
"""

import hashlib
import json
import math
import mmap
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from lexseg.encoders.text.reader import TokenReader, fingerprint, minilm_folder
from lexseg.errors import ModelError
from lexseg.models.config import CONFIG, ModelConfig, checked_weights, read_json, sha256_of

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

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
PLAIN = "plain.safetensors"
"""By sentence, what a frozen text encoder makes of the plain ones (:func:`lexseg.language.asking.plain_sentences`):
float32[L, D] each. While no others are asked, the text encoder is not opened."""
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

    def check_files(self, folder: Path, *, but: str | None = None) -> None:
        """Hold each file against what was written.

        Args:
            folder: of the graphs.
            but: the name of a file that is looked at later.

        Raises:
            ModelError: naming the one that is missing or was changed.
        """
        for name in self.files:
            if name != but:
                self.check_file(folder, name)

    def check_file(self, folder: Path, name: str) -> None:
        """Hold one file against what was written, as :meth:`check_files`."""
        path = folder / name
        if not path.is_file():
            raise ModelError(f"{path}: is missing; make the graphs again (lexseg export)")
        if sha256_of(path) != self.files[name]:
            raise ModelError(
                f"{path}: was changed since it was made (its SHA-256 is not the one in {ABOUT}); make the graphs "
                "again (lexseg export)"
            )

    def has_plain(self, config: ModelConfig) -> bool:
        """Whether :data:`PLAIN` is among the files, of the very text encoder that the model was trained with."""
        return PLAIN in self.files and self.text_sha256 is not None and self.text_sha256 == config.text_encoder_sha256


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


# --- opening ------------------------------------------------------------------------


UNREAD = ("pooler.", "embeddings.position_ids")
"""Of the packaged text encoder: the pooler is for classifying whole sentences, and no part of what a model reads."""
ROUNDED = "rounded.json"
"""Beside a rounded text encoder: its own SHA-256, and the fingerprint of what it was rounded from."""


def is_exported(folder: Path) -> bool:
    """Whether a folder is an exported model: graphs that hold their weights, beside their configuration."""
    return (folder / ABOUT).is_file() and (folder / CONFIG).is_file()


def fits(graphs: Path, config: ModelConfig, weights: Weights) -> bool:
    """Whether a folder holds graphs of this network, as far as they tell; a damaged one is found when it is opened."""
    try:
        return GraphsInfo.read(graphs).structure == structure_of(config, weights)
    except ModelError:
        return False


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A model's graphs, ready to run.

    Attributes:
        image: the image encoder's.
        decoder: the decoder's.
        reader: what reads its sentences; ``None`` for an image-only model.
        text: opens the text encoder's; where there are no plain sentences it is open already.
        plain: by sentence, float32[L, D], states of those that need no text encoder.
    """

    image: "InferenceSession"
    decoder: "InferenceSession"
    reader: TokenReader | None = None
    text: "Callable[[], InferenceSession] | None" = None
    plain: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def open_graphs(graphs: Path, folder: Path, config: ModelConfig) -> Opened:
    """Open a model's graphs with the model's weights.

    Args:
        graphs: their folder.
        folder: of the model.
        config: of the model.

    Raises:
        ModelError: a file was changed, the graphs are of another network, or the runtime cannot read them. Of the text
            encoder it is raised when that is opened.
    """
    about = GraphsInfo.read(graphs)
    late = about.has_plain(config)
    about.check_files(graphs, but=TEXT_ENCODER if late else None)
    reader = None if about.reader is None else _reader(graphs, about.reader)
    inside = is_exported(graphs)
    own = None if inside else Weights(checked_weights(folder, config))
    if inside and about.weights_sha256 != config.weights_sha256:
        raise ModelError(f"{graphs}: the graphs are of other weights than {CONFIG} says; export the model again")
    if own is not None and about.structure != structure_of(config, own):
        raise ModelError(f"{graphs}: the graphs are of another network than {folder}; make them again (lexseg export)")

    def opened(name: str, packaged: Weights | None = None) -> "InferenceSession":
        path = graphs / name
        return new_session(path, about.opset, {} if own is None else _given(path, about, own, packaged))

    def words(reader: TokenReader) -> "InferenceSession":
        packaged = None if own is None else text_weights(config)
        if late:
            about.check_file(graphs, TEXT_ENCODER)
        if own is not None and config.text_encoder_sha256 is not None:
            _check_text(folder, config.text_encoder_sha256, about, packaged, reader)
        return opened(TEXT_ENCODER, packaged)

    text: Callable[[], InferenceSession] | None = None
    if reader is not None:
        text = partial(words, reader) if late else partial(_same, words(reader))
    return Opened(opened(IMAGE_ENCODER), opened(DECODER), reader, text, Weights(graphs / PLAIN) if late else {})


def _same(session: "InferenceSession") -> "InferenceSession":
    return session


def _given(path: Path, about: GraphsInfo, own: Weights, packaged: Weights | None) -> dict[str, NDArray[Any]]:
    """The weights that a graph does not hold, by name."""
    given: dict[str, NDArray[Any]] = {}
    for name in about.outside.get(path.name, ()):
        found = stored_name(path.name, name.removeprefix(PREFIX), own, packaged)
        if found is None:
            raise ModelError(f"{path}: asks for the weight {name!r}, which the model has not; make the graphs again")
        given[name] = np.asarray(found[0][found[1]], np.float32)
    return given


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
    # a sum and a norm as one node take twice the time of the two by themselves
    options.add_session_config_entry("optimization.disable_specified_optimizers", "SkipLayerNormFusion")
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


def _check_text(folder: Path, expected: str, about: GraphsInfo, packaged: Weights | None, reader: TokenReader) -> None:
    """See that the text encoder is the one that the model was trained with, by its fingerprint."""
    found = about.text_sha256 if packaged is None else text_fingerprint(packaged, reader)
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

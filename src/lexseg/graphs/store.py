"""A folder of graphs: what is in it, what it says of itself, and whose network it is. Imports no torch."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lexseg.encoders.text.reader import minilm_folder
from lexseg.errors import ModelError
from lexseg.graphs.weights import Weights
from lexseg.models.config import ModelConfig, read_json, sha256_of

IMAGE_ENCODER, TEXT_ENCODER, DECODER = "image_encoder.onnx", "text_encoder.onnx", "decoder.onnx"
GRAPHS = (IMAGE_ENCODER, TEXT_ENCODER, DECODER)
"""The files: from pixels to maps; from token ids to states; from maps and states to a mask."""

IMAGE = "image"
"""float[B, 3, H, W] in 0..1."""
IDS, MASK = "input_ids", "attention_mask"
"""int64[B, L] and bool[B, L], true where a token is."""
STATES, NULL = "states", "is_null"
"""float[B, L, D], and bool[B], true where a sentence is missing: its row of the mask is then not looked at."""
LOGITS, PRESENCE = "logits", "presence"
"""float[B, 1, H, W] and, where the model says whether what is named is there, float[B]."""
PREFIX = "network."
"""Before the names of a network's weights in its graphs."""

ABOUT, TOKENIZER, FOLDER = "graphs.json", "tokenizer.json", "graphs"
FORMAT = 1
TRAINED, PACKAGED = "text_input.encoder.", "model."
"""Before the name of a text encoder's weight: in the model's own file, where it was trained along; and in the graph,
where it is the packaged one, whose file has the name without."""


@dataclass(frozen=True, slots=True)
class About:
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
    def read(cls, folder: Path) -> "About":
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


def map_name(number: int) -> str:
    """An image's map, float[B, C, h, w]: what the image encoder gives and the decoder takes."""
    return f"map_{number}"

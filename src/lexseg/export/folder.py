"""An exported model: a folder with all that turns pixels and words into a mask."""

import shutil
from collections.abc import Mapping
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from lexseg.errors import ModelError
from lexseg.export.card import card
from lexseg.export.check import check_export
from lexseg.export.precision import Precision, to_bytes, whole
from lexseg.files import new_folder
from lexseg.graphs.filled import filled, tokenizer_of
from lexseg.graphs.make import about_reader
from lexseg.graphs.plain import plain_states
from lexseg.graphs.store import ABOUT, PLAIN, TOKENIZER, GraphsInfo, Weights, structure_of
from lexseg.graphs.trace import need_tools, trace
from lexseg.models.config import CARD, CONFIG, WEIGHTS, ModelConfig, find_model, read_config, sha256_of
from lexseg.models.io import load_model
from lexseg.models.scope import SCOPE
from lexseg.predict.engines import find_graphs

if TYPE_CHECKING:
    import onnx_ir

EXAMPLE = "example.py"


def export_model(model: str | Path, output: Path, *, precision: Precision = "fp32") -> GraphsInfo:
    """Write a model as ONNX graphs, with all else that is needed to use them without torch.

    Args:
        model: a bundled name, a model folder or a hub id.
        output: the folder to make, whole or not at all: ``image_encoder.onnx``, ``text_encoder.onnx`` (none for
            image-only models), ``decoder.onnx``, ``tokenizer.json``, ``config.json``, ``graphs.json``, where the model
            has them ``scope.safetensors`` and ``plain.safetensors``, ``README.md`` and ``example.py``.
        precision: of the weights.

    Raises:
        ModelError: if the model cannot be read, something in it cannot be put into a graph, or the graphs do not answer
            as it does.
        DataError: if there is something at ``output`` already.
    """
    folder = find_model(model)
    if (folder / ABOUT).is_file():
        raise ModelError(f"{folder}: is an exported model already; export the model that it was made of")
    config = read_config(folder)
    graphs, words = _graphs(folder, config)
    with new_folder(output) as target:
        for name, graph in graphs.items():
            whole(graph)
            (target / name).write_bytes(to_bytes(name, graph, precision))
        if words is not None:
            (target / TOKENIZER).write_text(words.tokenizer, encoding="utf-8")
        if words is not None and words.plain is not None:
            (target / PLAIN).write_bytes(words.plain)
        if (folder / SCOPE).is_file():
            shutil.copyfile(folder / SCOPE, target / SCOPE)
        about = GraphsInfo(
            structure=structure_of(config, Weights(folder / WEIGHTS)),
            opset=max(int(graph.opset_imports.get("", 0)) for graph in graphs.values()),
            files={path.name: sha256_of(path) for path in sorted(target.iterdir())},
            outside={},
            reader=None if words is None else words.reader,
            text_sha256=None if words is None else words.sha256,
            weights_sha256=config.weights_sha256,
            precision=precision,
            made_by={name: version(name) for name in ("lexseg", "torch", "onnx", "onnxscript")},
        )
        (target / ABOUT).write_bytes(about.content())
        shutil.copyfile(folder / CONFIG, target / CONFIG)
        for licence in folder.glob("LICENSE*"):
            shutil.copyfile(licence, target / licence.name)
        (target / CARD).write_text(card(str(model), config, about), encoding="utf-8")
        example = files("lexseg") / "assets" / "export" / "example.txt"
        (target / EXAMPLE).write_bytes(example.read_bytes())
        _refuse_another(folder, target, precision, words=words is not None)
    return about


class _Words(NamedTuple):
    """What reads sentences: its tokenizer; ``plain`` and ``sha256`` only where the text encoder is frozen."""

    tokenizer: str
    reader: Mapping[str, Any]
    sha256: str | None
    plain: bytes | None


def _graphs(folder: Path, config: ModelConfig) -> "tuple[dict[str, onnx_ir.Model], _Words | None]":
    """The graphs with their weights, and what reads the sentences.

    Those that the model's folder or the cache holds are taken, which saves the tracing of the network.
    """
    if (there := find_graphs(folder, config)) is not None:
        need_tools()
        about = GraphsInfo.read(there)
        if about.reader is None:
            return filled(there, folder, config), None
        plain = (there / PLAIN).read_bytes() if PLAIN in about.files else None
        return filled(there, folder, config), _Words(tokenizer_of(there), about.reader, about.text_sha256, plain)
    loaded = load_model(folder)
    encoder = loaded.text_encoder if loaded.model.uses_text else None  # one may stand on a model that reads words
    graphs = trace(loaded.model, encoder, config.size)
    if encoder is None:
        return graphs, None
    sha256 = None if encoder.trainable else encoder.fingerprint()
    plain = plain_states(encoder, config)
    return graphs, _Words(encoder.tokenizer_json(), about_reader(encoder), sha256, plain)


def _refuse_another(folder: Path, exported: Path, precision: Precision, *, words: bool) -> None:
    """Ask both about noise: a graph that was traced wrongly must not leave the house, checked by its user or not.

    Raises:
        ModelError: with what lies apart.
    """
    noise = exported / ".noise.png"
    pixels = np.random.default_rng(0).integers(0, 256, (96, 128), dtype=np.uint8)
    Image.fromarray(pixels).save(noise)
    try:
        asked: list[tuple[Path, str | None]] = [(noise, None), *([(noise, "opacity on the left")] if words else [])]
        faults = check_export(folder, exported, asked, precision=precision).faults
    finally:
        noise.unlink()
    if faults:
        raise ModelError(
            f"{folder}: its graphs answer otherwise than the model, so nothing was exported ({'; '.join(faults)}). Use "
            "it with torch, and please report the method"
        )

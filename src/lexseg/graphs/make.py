"""Making a model's graphs, without weights of their own."""

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lexseg.encoders.text.base import TextEncoder
from lexseg.errors import DataError, ModelError
from lexseg.files import new_folder
from lexseg.graphs.plain import plain_states
from lexseg.graphs.store import (
    ABOUT,
    PLAIN,
    PREFIX,
    TOKENIZER,
    GraphsInfo,
    Weights,
    stored_name,
    structure_of,
    text_weights,
)
from lexseg.graphs.trace import trace
from lexseg.models.config import WEIGHTS, ModelConfig, sha256_of
from lexseg.models.io import LoadedModel, load_model

if TYPE_CHECKING:
    import onnx_ir


def make_graphs(folder: Path, output: Path) -> GraphsInfo:
    """Trace a model's graphs, and write them; their weights stay in the model's own files.

    Args:
        folder: of the model.
        output: the folder to make, whole or not at all.

    Raises:
        ModelError: if the model cannot be read, or not be put into graphs.
        DataError: if there is something at ``output`` already.
    """
    loaded = load_model(folder)
    config, own = loaded.config, Weights(folder / WEIGHTS)
    packaged = text_weights(config)
    graphs = trace(loaded.model, loaded.text_encoder, config.size)
    outside = {graph: _take_out(model, graph, own, packaged) for graph, model in graphs.items()}
    with new_folder(output) as target:
        return write_graphs(target, graphs, loaded, outside)


def make_once(folder: Path, target: Path, find: Callable[[], Path | None]) -> Path:
    """Graphs that are made now and kept; one process makes them, others wait.

    Args:
        folder: of the model.
        target: where the cache keeps them.
        find: whether somebody has made them meanwhile, and where.

    Raises:
        ModelError: as :func:`make_graphs`.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target.with_name(f".{target.name}.lock")):
            found = find()
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


def write_graphs(
    target: Path, graphs: "dict[str, onnx_ir.Model]", loaded: LoadedModel, outside: Mapping[str, Sequence[str]]
) -> GraphsInfo:
    """Write graphs, the tokenizer where it is not the packaged one, plain sentences' states, and what they are.

    Args:
        target: a folder that is empty.
        graphs: by file name.
        loaded: the model that they are of.
        outside: by graph, the weights that lie in the model's own files.
    """
    import onnx_ir as ir

    config, encoder = loaded.config, loaded.text_encoder if loaded.model.uses_text else None
    for name, model in graphs.items():
        (target / name).write_bytes(ir.to_proto(model).SerializeToString(deterministic=True))
    if encoder is not None and not _is_packaged(config):
        (target / TOKENIZER).write_text(encoder.tokenizer_json(), encoding="utf-8")
    if encoder is not None and (plain := plain_states(encoder, config)) is not None:
        (target / PLAIN).write_bytes(plain)
    about = GraphsInfo(
        structure=structure_of(config, Weights(loaded.folder / WEIGHTS)),
        opset=max(int(model.graph.opset_imports.get("", 0)) for model in graphs.values()),
        files={path.name: sha256_of(path) for path in sorted(target.iterdir())},
        reader=None if encoder is None else about_reader(encoder),
        outside={graph: list(names) for graph, names in outside.items()},
        text_sha256=None if encoder is None or encoder.trainable else encoder.fingerprint(),
        made_by={name: version(name) for name in ("lexseg", "torch", "onnx", "onnxscript")},
    )
    (target / ABOUT).write_bytes(about.content())
    return about


def about_reader(encoder: TextEncoder) -> dict[str, object]:
    """What reads the sentences of a text encoder, as plain JSON values."""
    keys = ("name", "width", "max_length", "pad_id", "unknown_id")
    return {key: getattr(encoder, key) for key in keys}


def _is_packaged(config: ModelConfig) -> bool:
    return config.text_encoder is not None and config.text_encoder.get("kind") == "minilm"


def _take_out(model: "onnx_ir.Model", graph: str, own: Weights, packaged: Weights | None) -> list[str]:
    """Have a graph's weights lie in the model's files; returns their names. What is in none stays."""
    import onnx_ir as ir

    outside = []
    for name, value in model.graph.initializers.items():
        tensor = value.const_value
        if not name.startswith(PREFIX) or tensor is None or tensor.dtype != ir.DataType.FLOAT:
            continue
        found = stored_name(graph, name.removeprefix(PREFIX), own, packaged)
        if found is None or not np.array_equal(np.asarray(found[0][found[1]], np.float32), tensor.numpy()):
            continue
        file, key = found
        offset, length = file.offset(key)
        if not file.is_float32(key):  # as many bytes as the graph reads, wherever: it is given the numbers by name
            length = tensor.nbytes
        value.const_value = ir.ExternalTensor(
            WEIGHTS,
            offset,
            length,
            tensor.dtype,
            shape=ir.Shape(tensor.shape.numpy()),
            name=name,
            base_dir=file.path.parent,
        )
        outside.append(name)
    return outside

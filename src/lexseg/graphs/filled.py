"""Graphs that are there already, with their weights put in. Imports no torch."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer

from lexseg.encoders.text.reader import minilm_folder
from lexseg.errors import ModelError
from lexseg.graphs.store import PREFIX, TOKENIZER, GraphsInfo, Weights, stored_name, text_weights
from lexseg.models.config import ModelConfig, checked_weights

if TYPE_CHECKING:
    import onnx_ir


def filled(graphs: Path, folder: Path, config: ModelConfig) -> "dict[str, onnx_ir.Model]":
    """A model's stored graphs, by file name, each with all of its weights in it.

    Args:
        graphs: their folder.
        folder: of the model.
        config: of the model.

    Raises:
        ModelError: a file was changed, or the graphs are of another network.
    """
    import onnx_ir as ir

    about, own, packaged = GraphsInfo.read(graphs), Weights(checked_weights(folder, config)), text_weights(config)
    about.check_files(graphs)
    found = {}
    for name in about.files:
        if not name.endswith(".onnx"):
            continue
        model = ir.load(graphs / name)
        for weight in about.outside.get(name, ()):
            stored = stored_name(name, weight.removeprefix(PREFIX), own, packaged)
            if stored is None:
                raise ModelError(
                    f"{graphs / name}: asks for the weight {weight!r}, which the model has not; make the graphs again"
                )
            array = np.asarray(stored[0][stored[1]], np.float32)
            model.graph.initializers[weight].const_value = ir.tensor(array, name=weight)
        found[name] = model
    return found


def tokenizer_of(graphs: Path) -> str:
    """The tokenizer of stored graphs, as the library `tokenizers` writes it: it neither pads nor cuts."""
    file = graphs / TOKENIZER
    tokenizer = Tokenizer.from_file(str(file if file.is_file() else minilm_folder() / TOKENIZER))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return str(tokenizer.to_str())

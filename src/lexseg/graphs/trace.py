"""From a torch network to ONNX graphs."""

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lexseg.encoders.text.base import TextEncoder
from lexseg.encoders.text.batch import TextBatch
from lexseg.errors import ModelError
from lexseg.graphs.store import (
    DECODER,
    IDS,
    IMAGE,
    IMAGE_ENCODER,
    LOGITS,
    MASK,
    NAMES_PLACE,
    NULL,
    PREFIX,
    PRESENCE,
    STATES,
    TEXT_ENCODER,
    map_name,
    ready_name,
)
from lexseg.models.base import Features, SegmentationModel
from lexseg.models.parts.attention import MANY

if TYPE_CHECKING:
    import onnx_ir

_LENGTH = 9  # tokens of the sentences it is traced with: not a size that anything else has


def trace(model: SegmentationModel, encoder: TextEncoder | None, size: tuple[int, int]) -> "dict[str, onnx_ir.Model]":
    """The graphs of a network, by the names of their files. Batch and length of sentences are open, the size is not.

    Args:
        model: in evaluation mode, on the CPU.
        encoder: its text encoder; ``None`` for an image-only model, which has no graph of one.
        size: (height, width) of its input.

    Raises:
        ModelError: if `onnx` and `onnxscript` are not installed, or something in the network cannot be a graph.
    """
    need_tools()
    image = torch.rand(2, 3, *size)
    with _traceable(model):
        seen = model.encode_image(image)
        names = (*map(map_name, range(len(seen.maps))), *map(ready_name, seen.ready))
        maps, ready = tuple(m.clone() for m in seen.maps), {name: r.clone() for name, r in seen.ready.items()}
        graphs = {
            IMAGE_ENCODER: _graph("image encoder", _Looks(model), (image,), ({0: _batch()},), (IMAGE,), names),
        }
        open_ = tuple({0: _batch()} for _ in maps), {name: {0: _batch()} for name in ready}
        if encoder is None or not model.uses_text:
            graphs[DECODER] = _graph("decoder", _Draws(model, size), (maps, ready), open_, names, (LOGITS,))
            return graphs
        longest = min(encoder.max_length, MANY - 1)
        mask = torch.ones(2, min(_LENGTH, longest), dtype=torch.bool)
        mask[1, mask.shape[1] // 2 :] = False
        ids = torch.full(mask.shape, encoder.pad_id, dtype=torch.int64)
        words = {0: _batch(), 1: torch.export.Dim("length", max=longest)}
        graphs[TEXT_ENCODER] = _graph(
            "text encoder", _Reads(encoder), (ids, mask), (words, words), (IDS, MASK), (STATES,)
        )
        states = torch.randn(*mask.shape, encoder.width)
        told = (NULL, NAMES_PLACE) if model.reads_places else (NULL,)
        graphs[DECODER] = _graph(
            "decoder",
            _Answers(model, size),
            (maps, ready, states, mask, *(torch.zeros(2, dtype=torch.bool) for _ in told)),
            (*open_, words, words, *({0: _batch()} for _ in told)),
            (*names, STATES, MASK, *told),
            (LOGITS,) if model.presence is None else (LOGITS, PRESENCE),
        )
    return graphs


class _Looks(nn.Module):
    def __init__(self, network: SegmentationModel) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        seen = self.network.encode_image(image)
        # what a graph hands through would have one name as its input and as its output
        return (*(m.clone() if m is image else m for m in seen.maps), *seen.ready.values())


class _Reads(nn.Module):
    def __init__(self, network: TextEncoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        states: Tensor = self.network(input_ids, attention_mask)
        return states


class _Answers(nn.Module):
    def __init__(self, network: SegmentationModel, size: tuple[int, int]) -> None:
        super().__init__()
        self.network, self.size = network, size

    def forward(
        self, maps: Sequence[Tensor], ready: Mapping[str, Tensor], states: Tensor, mask: Tensor, is_null: Tensor,
        names_place: Tensor | None = None,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        text = TextBatch(mask, is_null.long(), is_null, states=states, names_place=names_place)
        said = self.network.decode(Features(list(maps), self.size, ready), text)
        return (said.logits,) if said.presence is None else (said.logits, said.presence)


class _Draws(nn.Module):
    """The decoder of a network without words."""

    def __init__(self, network: SegmentationModel, size: tuple[int, int]) -> None:
        super().__init__()
        self.network, self.size = network, size

    def forward(self, maps: Sequence[Tensor], ready: Mapping[str, Tensor]) -> Tensor:
        null = torch.zeros(1, dtype=torch.bool)
        seen = Features(list(maps), self.size, ready)
        return self.network.decode(seen, TextBatch(null[:, None], null.long(), ~null)).logits


def _graph(
    what: str, module: nn.Module, inputs: tuple[Any, ...], shapes: tuple[Any, ...], given: Sequence[str],
    answers: Sequence[str],
) -> "onnx_ir.Model":  # fmt: skip
    try:
        program = torch.export.export(module.eval(), inputs, dynamic_shapes=shapes, strict=False)
        traced = torch.onnx.export(program, dynamo=True, optimize=False, verbose=False)
    # the tracer, the translator and sympy raise classes of their own, for whatever cannot be put into a graph
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(f"the {what} cannot be put into a graph: {reason[0]}") from error
    assert traced is not None
    model = traced.model
    for value, name in (*zip(model.graph.inputs, given, strict=True), *zip(model.graph.outputs, answers, strict=True)):
        value.name = name
    _simplify(model, {PREFIX + name for name in module.get_submodule(PREFIX[:-1]).state_dict()})
    return model


def _simplify(model: "onnx_ir.Model", weights: set[str]) -> None:
    """Fold what is constant, and leave the weights what they are: folded ones would be others than the model's."""
    from onnxscript import optimizer

    graph = model.graph
    kept = {}
    for name, value in list(graph.initializers.items()):
        if name in weights:
            kept[name] = value.const_value
            del graph.initializers[name]
            value.const_value = None
            graph.inputs.append(value)  # an input is what nothing is known of
    optimizer.optimize(model)
    for value in [each for each in graph.inputs if each.name in kept]:
        graph.inputs.remove(value)
        if value.uses():
            name = str(value.name)
            value.const_value = kept[name]
            graph.initializers[name] = value
    for node in graph.all_nodes():
        node.metadata_props.clear()  # where in whose folder each line of the network stands
        node.doc_string = None
    for value in (*graph.inputs, *graph.outputs, *graph.initializers.values()):
        value.metadata_props.clear()
    model.metadata_props.clear()
    graph.metadata_props.clear()


@contextlib.contextmanager
def _traceable(model: SegmentationModel) -> Iterator[None]:
    """No gradients, no fused layers that have no translation, no words to the user; states come from outside."""
    own = model.text_input.encoder if model.text_input is not None else None
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        if model.text_input is not None:
            model.text_input.encoder = None
        with torch.no_grad(), quiet_tools():
            yield
    finally:
        if model.text_input is not None:
            model.text_input.encoder = own
        torch.backends.mha.set_fastpath_enabled(fast)


@contextlib.contextmanager
def quiet_tools() -> Iterator[None]:
    """What traces and folds graphs keeps its notes to itself: nobody who exports a model can act on them."""
    logs = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)


def _batch() -> Any:
    return torch.export.Dim("batch")


def need_tools() -> None:
    """See that what writes graphs is installed.

    Raises:
        ModelError: naming what is not.
    """
    try:
        import onnx_ir
        import onnxscript
    except ImportError as error:
        raise ModelError(
            f"making ONNX graphs needs {error.name}, which is not installed: pip install 'lexseg[export]'"
        ) from error
    del onnx_ir, onnxscript

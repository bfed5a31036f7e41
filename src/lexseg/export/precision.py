"""Smaller graphs: weights in half precision, or of eight bits."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from lexseg.graphs.store import DECODER, TEXT_ENCODER

if TYPE_CHECKING:
    import onnx_ir

Precision = Literal["fp32", "fp16", "int8"]
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")

_FEW = 64  # numbers up to which a weight stays as it is: it takes no room


def whole(model: "onnx_ir.Model") -> None:
    """Fold the weights into one another where they are constant, norms into convolutions for one."""
    from onnxscript import optimizer

    from lexseg.graphs.trace import quiet_tools

    with quiet_tools():
        optimizer.optimize(model)


def to_bytes(name: str, model: "onnx_ir.Model", precision: Precision) -> bytes:
    """A graph as the file that is written.

    With ``fp16`` weights are stored in half precision and computed with in single: a CPU has little else. With ``int8``
    the matrices of the text encoder and the decoder are of eight bits, and what meets them is cut to eight bits as it
    comes (dynamic quantisation); convolutions stay as they are, since those of eight bits are slower without a GPU.

    Args:
        name: of the graph.
        model: as :func:`whole` leaves it.
        precision: of its weights.
    """
    import onnx_ir as ir

    if precision == "fp16":
        _halve(model)
    content: bytes = ir.to_proto(model).SerializeToString(deterministic=True)
    return _of_eight_bits(content) if precision == "int8" and name in (TEXT_ENCODER, DECODER) else content


def _halve(model: "onnx_ir.Model") -> None:
    import onnx_ir as ir

    graph = model.graph
    for name, value in list(graph.initializers.items()):
        tensor = value.const_value
        if tensor is None or tensor.dtype != ir.DataType.FLOAT or tensor.size <= _FEW or not value.uses():
            continue
        half = ir.Value(
            name=f"{name}.half", const_value=ir.Tensor(tensor.numpy().astype(np.float16), name=f"{name}.half")
        )
        cast = ir.node("Cast", [half], {"to": ir.DataType.FLOAT})
        (whole_again,) = cast.outputs
        whole_again.name = f"{name}.whole"
        value.replace_all_uses_with(whole_again)
        del graph.initializers[name]
        graph.initializers[str(half.name)] = half
        graph.insert_before(graph[0], cast)


def _of_eight_bits(content: bytes) -> bytes:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        before.write_bytes(content)
        # 7 of the 8 bits: where a processor cannot add products of eight bits in 32 (AVX2 without VNNI), two of them
        # overflow 16, and masks come out otherwise there
        quantize_dynamic(
            before, after, weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul", "Gemm", "Gather"],
            per_channel=True, reduce_range=True, extra_options={"MatMulConstBOnly": True},
        )  # fmt: skip
        return after.read_bytes()

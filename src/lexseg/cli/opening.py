"""Opening the model that a command's options name."""

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lexseg.predict.segmenter import Segmenter

ENGINES = ("auto", "torch", "onnx")
"""What can run a model; named here too so that --help need not import numpy. A test holds the two together."""


def add_running(add: "Callable[..., argparse.Action]") -> None:
    """Add the options that say where, and by what, a model is run."""
    add("--device", help="where to run, such as cpu or cuda (default: a GPU where there is one)")
    add(
        "--engine",
        choices=ENGINES,
        default="auto",
        help="what runs the model: torch; onnx, ONNX Runtime on a CPU, several times as fast; auto takes onnx where "
        "there is no GPU and the model has graphs, as the bundled ones have (default: %(default)s)",
    )


def open_model(args: argparse.Namespace, name: str | None = None) -> "Segmenter":
    """The model, at the operating point that is asked for; what is to be said of how it was opened goes to stderr.

    Args:
        args: with ``model``, ``device``, ``engine`` and perhaps ``operating_point``.
        name: of the model, where it is not ``args.model``.
    """
    from lexseg.predict.segmenter import Segmenter

    segmenter = Segmenter.from_pretrained(name or args.model, device=args.device, engine=args.engine)
    for note in segmenter.notes:
        print(f"note: {note}", file=sys.stderr)
    point = getattr(args, "operating_point", None)
    return segmenter if point is None else segmenter.at(point)

"""The images of ``lexseg segment``, spread over a Ray cluster."""

import argparse
import contextlib
import io
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lexseg.cli.main import cluster, open_model
from lexseg.cluster import spread
from lexseg.files import leftovers

Answer = Callable[..., str | None]
"""Of a model, an image, the names of its results, the options and what is told of progress: what could not be done."""


def on_cluster(
    answer: Answer, work: Sequence[tuple[Any, ...]], args: argparse.Namespace, advance: Callable[[], None]
) -> Iterator[str | None]:
    """Do the work; what is said of it is said here, and in its order.

    Args:
        answer: does a piece of it, on whatever machine.
        work: the pieces.
        args: the options.
        advance: called after each piece.

    Yields:
        what could not be done of each.
    """
    began = time.time()
    with cluster(args):
        for failure, out, err in spread(Answering, (answer, args), work):
            sys.stdout.write(out)
            sys.stderr.write(err)
            advance()
            yield failure
    for begun in leftovers(args.output):  # of a machine that was lost in the middle of a file
        if begun.stat().st_mtime >= began:
            begun.unlink()


class Answering:
    """A model on a machine of a cluster, and what is done with it. Args are those of :func:`on_cluster`."""

    def __init__(self, answer: Answer, args: argparse.Namespace) -> None:
        self.answer, self.args, self.segmenter = answer, args, open_model(args)

    def __call__(self, work: tuple[Any, ...]) -> tuple[str | None, str, str]:
        """What could not be done, and what is to be said."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            failure = self.answer(self.segmenter, *work, self.args, lambda done, total: None)
        return failure, out.getvalue(), err.getvalue()

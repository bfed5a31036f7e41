"""The images of ``lexseg segment``, spread over a Ray cluster."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lexseg.cli.main import cluster
from lexseg.cluster import spread
from lexseg.files import leftovers


def on_cluster(
    make: Callable[..., Callable[[Any], tuple[str | None, str, str]]],
    work: Sequence[Any],
    args: argparse.Namespace,
    advance: Callable[[], None],
) -> Iterator[str | None]:
    """Do the work; what is said of it is said here, and in its order.

    Args:
        make: of the options, what does a piece of it: gives what could not be done, and what is to be said.
        work: the pieces.
        args: the options.
        advance: called after each piece.

    Yields:
        what could not be done of each.
    """
    began = time.time()
    with cluster(args):
        for failure, out, err in spread(make, (args,), work):
            sys.stdout.write(out)
            sys.stderr.write(err)
            advance()
            yield failure
    for begun in leftovers(args.output):  # of a machine that was lost in the middle of a file
        if begun.stat().st_mtime >= began:
            begun.unlink()

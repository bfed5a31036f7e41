"""Many requests of ``lexseg segment``: several at a time, what is written not done again, failures gathered."""

import argparse
import contextlib
import io
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from lexseg.cli.values import cluster, open_model, tell_sides
from lexseg.errors import LexSegError

if TYPE_CHECKING:
    from lexseg.predict.requests import Request
    from lexseg.predict.segmenter import Segmenter

Work = tuple["Request", list[str]]


def segment_all(requests: "list[Request]", stems: list[list[str]], args: argparse.Namespace) -> list[str]:
    """Answer requests and write the answers; returns what could not be done, in the order of the requests.

    With ``--workers`` several are read, answered and written at a time; each holds one image, and no more.
    """
    from rich.console import Console
    from rich.progress import Progress

    from lexseg.cli.values import SpokenProgress

    segmenter = open_model(args)
    for text in args.text:
        segmenter.check_text(text)
    work = list(zip(requests, stems, strict=True))
    if args.resume:
        work = [each for each in work if not _is_done(segmenter, *each, args)]
        if kept := len(requests) - len(work):
            print(f"{kept} of {len(requests)} are written already, and kept", file=sys.stderr)
    quiet = not sys.stderr.isatty()
    told, finished = SpokenProgress("segmenting"), itertools.count(1)
    with Progress(console=Console(stderr=True), disable=quiet, redirect_stdout=sys.stdout.isatty()) as progress:
        images = progress.add_task("segmenting", total=len(work), visible=len(work) > 1)

        def advance() -> None:
            progress.advance(images)
            if quiet:
                told(next(finished), len(work))

        def one(each: Work) -> str | None:
            frames = progress.add_task("frames", total=None, visible=False)

            spoken = SpokenProgress("frames")

            def count(done: int, total: int) -> None:
                progress.update(frames, completed=done, total=total, visible=True)
                if quiet:
                    spoken(done, total)

            failure = _failure(segmenter, *each, args, count)
            progress.remove_task(frames)
            advance()
            return failure

        results = list(_on_cluster(work, args, advance) if args.cluster else _each(one, work, args.workers))
    done = [request for (request, _), failure in zip(work, results, strict=True) if failure is None]
    tell_sides(
        segmenter, ((r.image, r.texts, args.laterality or r.laterality, args.language or r.language) for r in done)
    )
    return [failure for failure in results if failure is not None]


def _each(one: Callable[[Work], str | None], work: list[Work], workers: int) -> Iterator[str | None]:
    """Do the work, so many at a time; the results come in its order."""
    if workers == 1:
        yield from map(one, work)
        return
    # threads: reading, packing and the network let one another run, and share one copy of the weights
    pool = ThreadPoolExecutor(workers, thread_name_prefix="segment")
    try:
        yield from pool.map(one, work)
    finally:
        pool.shutdown(cancel_futures=True)


def _on_cluster(work: list[Work], args: argparse.Namespace, advance: Callable[[], None]) -> Iterator[str | None]:
    """Do the work on a Ray cluster; what is said of it is said here, and in its order."""
    from lexseg.cluster import spread
    from lexseg.files import leftovers

    began = time.time()
    with cluster(args):
        for failure, out, err in spread(Answering, (args,), work):
            sys.stdout.write(out)
            sys.stderr.write(err)
            advance()
            yield failure
    for begun in leftovers(args.output):  # of a machine that was lost in the middle of a file
        if begun.stat().st_mtime >= began:
            begun.unlink()


class Answering:
    """A model on a machine of a cluster, and what is done with it. Args: args: of ``lexseg segment``."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.segmenter = args, open_model(args)

    def __call__(self, work: Work) -> tuple[str | None, str, str]:
        """What could not be done, and what is to be said."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            failure = _failure(self.segmenter, *work, self.args, lambda done, total: None)
        return failure, out.getvalue(), err.getvalue()


def _failure(
    segmenter: "Segmenter",
    request: "Request",
    names: list[str],
    args: argparse.Namespace,
    count: Callable[[int, int], None],
) -> str | None:
    from lexseg.cli.segment_scan import segment_scan

    try:
        segment_scan(segmenter, request, names, args, count)
    except LexSegError as error:
        message = str(error)
        return message if str(request.image) in message else f"{request.where}: {message}"
    except MemoryError:
        return f"{request.where}: there is not enough memory for an image of this size"
    return None


def _is_done(segmenter: "Segmenter", request: "Request", names: list[str], args: argparse.Namespace) -> bool:
    from lexseg.cli.segment_scan import asked_how, files_of
    from lexseg.outputs.resume import is_written

    told = {"image": str(request.image), **asked_how(segmenter, args)}
    if args.together:
        return is_written(files_of(args, names[0]), told | {"sentences": len(request.texts)})
    return all(is_written(files_of(args, name), told | {"sentence": n}) for n, name in enumerate(names, start=1))

"""What several commands share: options, values checked while the command line is read, what is said beside results.

What is wrong is said in words, never by our names.
"""

import argparse
import contextlib
import ipaddress
import math
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lexseg.language.sides import Laterality
    from lexseg.predict.segmenter import Segmenter

POINTS = ("5", "10", "15")
"""Operating points; named here too so that --help need not import numpy. A test holds the two together."""
_MOST = 1e6


def add_bare(add: "Callable[..., argparse.Action]") -> None:
    """Add the option that leaves the made-up plane out of a film's DICOM SEG."""
    add(
        "--bare-seg",
        "--bare_seg",
        action="store_true",
        help="give the DICOM SEG of a film no plane, as the film has none; most readers refuse it (default: one is "
        "made up, and said to be)",
    )


def add_operating_point(add: "Callable[..., argparse.Action]") -> None:
    """Add the option that chooses one of a model's thresholds of presence."""
    add(
        "--operating-point",
        "--operating_point",
        choices=POINTS,
        help="say 'not found' where that loses at most so many percent of what is there, as measured when the model "
        "was calibrated: the higher, the fewer false alarms (default: the model's own threshold)",
    )


def add_min_area(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the option that says how small an area is left out; ``what`` begins its help."""
    names = ("--min_area", "--min-area")
    parser.add_argument(*names, type=float, default=1e-4, metavar="SHARE", help=f"{what} (default: 0.0001)")


def add_threads(add: "Callable[..., argparse.Action]") -> None:
    """Add the option that says how many processor cores may be used."""
    add("--threads", type=count, metavar="N", help="processor cores to use (default: all, or OMP_NUM_THREADS)")


def use_threads(threads: int | None) -> None:
    """Have whatever runs a model compute on so many cores; ``None`` leaves it to that."""
    if threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(threads)  # torch heeds it when it is first imported, our ONNX sessions too
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(threads)


def share(text: str) -> float:
    """A number between 0 and 1."""
    value = _number(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number between 0 and 1")
    return value


def above_0(text: str) -> float:
    """An option's value that is a number above 0."""
    value = _number(text)
    if not 0 < value < _MOST:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number above 0")
    return value


def spacing(text: str) -> tuple[float, float]:
    """An option's value ``ROW,COL``, in millimetres."""
    values = [_number(part) for part in text.split(",")]
    if len(values) != 2 or not all(0 < value < math.inf for value in values):
        raise argparse.ArgumentTypeError(f"{text!r}: expected two numbers of millimetres, such as 0.5,0.5")
    return values[0], values[1]


def click(text: str) -> tuple[int, int, bool]:
    """``ROW,COL`` of a pixel that is wanted, ``ROW,COL,-`` of one that is not."""
    parts = [part.strip() for part in text.split(",")]
    if (
        len(parts) not in (2, 3)
        or not all(part.isdecimal() for part in parts[:2])
        or parts[2:] not in ([], ["-"], ["+"])
    ):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a row and a column, such as 120,80, or 120,80,-")
    return int(parts[0]), int(parts[1]), parts[2:] != ["-"]


def network(text: str) -> "ipaddress.IPv4Network | ipaddress.IPv6Network":
    """An address, or a network as ``10.0.0.0/8``."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_network(text, strict=False)
    raise argparse.ArgumentTypeError(f"{text!r}: expected an address, or a network such as 10.0.0.0/8")


def count(text: str) -> int:
    """A whole number from 1."""
    if not 0 < (value := _whole(text)) < _MOST:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number of 1 or more")
    return value


def index(text: str) -> int:
    """A whole number from 0."""
    if not 0 <= (value := _whole(text)) < _MOST:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number, counted from 0")
    return value


def _number(text: str) -> float:
    with contextlib.suppress(ValueError):
        return float(text)
    return math.nan  # which lies nowhere


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


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


def add_cluster(add: "Callable[..., argparse.Action]") -> None:
    """Add the option that spreads the work over many machines."""
    add(
        "--cluster",
        default="",
        metavar="ray[:ADDRESS]",
        help="spread the work over a Ray cluster (extra 'ray'): that of RAY_ADDRESS, or one of this machine alone",
    )


def cluster(args: argparse.Namespace) -> "contextlib.AbstractContextManager[None]":
    """Part of the cluster that ``--cluster`` names while it is entered; nothing where it names none."""
    if not args.cluster:
        return contextlib.nullcontext()
    from lexseg.cluster import joined

    return joined(args.cluster)


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


EVERY = 30.0
"""Seconds between two lines; shorter work says nothing."""


class SpokenProgress:
    """Says ``scoring: 120 of 600 (20 %), 45 s``, to the standard error output, no more than twice a minute.

    Args:
        what: is going on.
        clock: seconds, from any beginning.
    """

    def __init__(self, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._what, self._clock = what, clock
        self._began = self._last = clock()

    def __call__(self, done: int, total: int | None) -> None:
        """So many of all (``None`` where that is not known) are done."""
        now = self._clock()
        if now - self._last < EVERY:
            return
        self._last = now
        share = f" of {total:,} ({done / total:.0%})" if total else ""
        print(f"{self._what}: {done:,}{share}, {now - self._began:.0f} s", file=sys.stderr, flush=True)


def tell_sides(
    segmenter: "Segmenter",
    asked: "Iterable[tuple[Path, Iterable[str | None], Laterality | None, str | None]]",
) -> None:
    """Say, once, what is taken for granted: a letter that was put on a film is pixels, and nobody reads it here.

    Args:
        segmenter: that will be asked.
        asked: images, the sentences about them, whose left is said to be meant, and the sentences' language.
    """
    from lexseg.predict.words import taken
    from lexseg.scans.pictures import SUFFIXES

    for image, texts, laterality, language in asked:
        if laterality is None and image.suffix.lower() in SUFFIXES and _names_a_side(texts, language):
            print(f"note: {taken(segmenter.laterality)}", file=sys.stderr)
            return


def _names_a_side(texts: Iterable[str | None], language: str | None) -> bool:
    from lexseg.language.lexicon import languages, lexicon
    from lexseg.language.sides import mentions_side

    words = lexicon(language if language in languages() else "en")
    return any(mentions_side(text, words) for text in texts if text)

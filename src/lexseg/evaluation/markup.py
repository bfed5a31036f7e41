"""Numbers as the page shows them; what is HTML already is Markup."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

Cell = str | Markup
Rows = list[list[Cell]]
"""A table; its first row is its head."""


def cell(score: dict[str, Any]) -> Cell:
    """A mean with its interval."""
    mean, ends = three(score["mean"]), ranged(score["ci95"])
    return Markup("{} <small>{}</small>").format(mean, ends) if ends else mean


def score(part: Mapping[str, Any], key: str) -> Cell:
    """A measure of a part that keeps its intervals under ``ci95``."""
    return cell({"mean": part[key], "ci95": part["ci95"][key]})


def bold(words: str) -> Markup:
    """Words that stand out: HTML, whatever they hold."""
    return Markup("<b>{}</b>").format(words)


def three(value: float | None) -> str:
    """A number to three places."""
    return "-" if value is None else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def ranged(ends: Sequence[float] | None) -> str:
    """The ends of an interval."""
    return "" if ends is None else f"{three(ends[0])} to {three(ends[1])}"


def share(part: int, whole: int) -> str:
    """A part of the image, in percent."""
    return f"{100 * part / whole:.2g} % of the image"

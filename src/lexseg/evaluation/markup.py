"""Pieces of the report's page: tables, plots and numbers as HTML."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from lexseg.evaluation.canvas import Plot


def table(rows: Sequence[Sequence[str]], note: str = "") -> str:
    """A table of cells that are HTML already; the first row is its head."""
    head, *body = rows
    caption = f"<caption>{escape(note)}</caption>" if note else ""
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in body)
    header = "".join(f"<th>{cell}</th>" for cell in head)
    return f'<div class="scroll"><table>{caption}<thead><tr>{header}</tr></thead><tbody>{lines}</tbody></table></div>'


def plot(drawn: Plot | None) -> str:
    """A plot for light and for dark pages; nothing if there is none."""
    if drawn is None:
        return ""
    return (
        f'<picture class="plot"><source media="(prefers-color-scheme: dark)" srcset="{data(drawn.dark)}">'
        f'<img src="{data(drawn.light)}" width="{drawn.width}" alt="{escape(drawn.alt)}"></picture>'
    )


def data(png: bytes) -> str:
    """A PNG file within the page."""
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def swatch(colour: tuple[int, int, int]) -> str:
    """A patch of colour for a legend."""
    return f'<span class="key" style="background: rgb{colour}"></span>'


def cell(score: dict[str, Any]) -> str:
    """A mean with its interval."""
    mean, ends = three(score["mean"]), ranged(score["ci95"])
    return f"{mean} <small>{ends}</small>" if ends else mean


def score(part: Mapping[str, Any], key: str) -> str:
    """A measure of a part that keeps its intervals under ``ci95``."""
    return cell({"mean": part[key], "ci95": part["ci95"][key]})


def three(value: float | None) -> str:
    """A number to three places."""
    return "-" if value is None else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def ranged(ends: Sequence[float] | None) -> str:
    """The ends of an interval."""
    return "" if ends is None else f"{three(ends[0])} to {three(ends[1])}"


def share(part: int, whole: int) -> str:
    """A part of the image, in percent."""
    return f"{100 * part / whole:.2g} % of the image"

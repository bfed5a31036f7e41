"""What all plots share: colours, axes, and each drawn once for light and once for dark pages."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours, as CSS writes them. Attributes: ink: of text; faint: of axes and grids; hues: of what is shown."""

    ink: str
    faint: str
    hues: tuple[str, ...]


LIGHT = Theme("#1d2530", "#c9d0d8", ("#2166ac", "#8a94a0", "#b35806", "#b2182b"))
DARK = Theme("#e6e9ee", "#48515d", ("#6db3f2", "#9aa4b1", "#f5a742", "#ff7b72"))

Draw = Callable[[Figure, Theme], None]


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot as files.

    Attributes:
        light, dark: PNG for the page's two themes.
        width: in CSS pixels.
        alt: in words.
        svg: the light one with letters that stay letters, for papers.
    """

    light: bytes
    dark: bytes
    width: int
    alt: str
    svg: bytes = b""


def plot_both(draw: Draw, inches: tuple[float, float], alt: str, *, svg: bool = False) -> Plot:
    """Draws for both themes."""
    pictures = [_save(_figure(draw, theme, inches), "png") for theme in (LIGHT, DARK)]
    vector = _save(_figure(draw, LIGHT, inches), "svg") if svg else b""
    return Plot(pictures[0], pictures[1], round(inches[0] * 96), alt, vector)


def _figure(draw: Draw, theme: Theme, inches: tuple[float, float]) -> Figure:
    figure = Figure(figsize=inches, layout="constrained", facecolor="none")
    FigureCanvasAgg(figure)
    draw(figure, theme)
    for axes in figure.axes:
        _dress(axes, theme)
    return figure


def _save(figure: Figure, kind: str) -> bytes:
    file = io.BytesIO()
    metadata = {"Software": None} if kind == "png" else {"Date": None}
    # equal numbers give equal files
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lexseg"}):
        figure.savefig(file, format=kind, dpi=144, transparent=True, metadata=metadata)
    return file.getvalue()


def axes_in_row(figure: Figure, n: int) -> list[Axes]:
    """N axes beside each other."""
    return list(np.ravel(figure.subplots(1, n)))


def annotate(axes: Axes, text: str, at: tuple[float, float], colour: str, *, within: bool = False) -> None:
    """Words above the axes at x of the data, or within them at a share of both sides."""
    if within:
        axes.text(*at, text, transform=axes.transAxes, ha="right", va="bottom", color=colour, fontsize=9)
    else:
        axes.text(*at, text, transform=axes.get_xaxis_transform(), ha="center", va="bottom", color=colour, fontsize=9)


def _dress(axes: Axes, theme: Theme) -> None:
    axes.set_facecolor("none")
    axes.tick_params(colors=theme.ink, labelsize=9)
    axes.grid(axis="y", color=theme.faint, linewidth=0.6)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(theme.faint)

"""What all plots share: colours, axes, and each drawn once for light and once for dark pages."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from PIL import Image


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours, as CSS writes them.

    Attributes:
        ink: of text.
        faint: of axes and grids.
        hues: of what is shown.
        paper: of the page behind.
    """

    ink: str
    faint: str
    hues: tuple[str, ...]
    paper: str


LIGHT = Theme("#1d2530", "#c9d0d8", ("#2166ac", "#8a94a0", "#b35806", "#b2182b"), "#fff")
DARK = Theme("#e6e9ee", "#48515d", ("#6db3f2", "#9aa4b1", "#f5a742", "#ff7b72"), "#14181d")

Draw = Callable[[Figure, Theme], None]


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot as files.

    Attributes:
        light, dark: PNG for the page's two themes.
        width: in CSS pixels.
        alt: in words.
        png, svg: for papers, on white; letters stay letters in the second. Empty where they were not asked for.
    """

    light: bytes
    dark: bytes
    width: int
    alt: str
    png: bytes = b""
    svg: bytes = b""


def plot_both(draw: Draw, inches: tuple[float, float], alt: str, *, paper: bool = False, grid: bool = True) -> Plot:
    """Draws for both themes, and for papers if asked."""
    light, dark = (_save(_figure(draw, theme, inches, grid), "png", "none") for theme in (LIGHT, DARK))
    if not paper:
        return Plot(light, dark, round(inches[0] * 96), alt)
    svg = _save(_figure(draw, LIGHT, inches, grid), "svg", "white")
    return Plot(light, dark, round(inches[0] * 96), alt, _on_white(light), svg)


def _on_white(png: bytes) -> bytes:
    picture = Image.open(io.BytesIO(png)).convert("RGBA")
    file = io.BytesIO()
    Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB").save(file, format="png")
    return file.getvalue()


def _figure(draw: Draw, theme: Theme, inches: tuple[float, float], grid: bool) -> Figure:
    figure = Figure(figsize=inches, layout="constrained")
    FigureCanvasAgg(figure)
    with matplotlib.rc_context({"text.parse_math": False}):  # a $ in somebody's label is a $
        draw(figure, theme)
    for axes in figure.axes:
        _dress(axes, theme, grid)
    return figure


def _save(figure: Figure, kind: str, paper: str) -> bytes:
    file = io.BytesIO()
    metadata = {"Software": None} if kind == "png" else {"Date": None}
    # equal numbers give equal files
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lexseg"}):
        figure.savefig(file, format=kind, dpi=144, facecolor=paper, metadata=metadata)
    return file.getvalue()


def axes_in_row(figure: Figure, n: int) -> list[Axes]:
    """N axes beside each other."""
    return list(np.ravel(figure.subplots(1, n)))


def plain_numbers(axis: Axis, unit: str = "") -> None:
    """Numbers as one writes them, 0.2 and 20 and not 2 times 10 to the power of -1, on a logarithmic axis.

    Of the small ticks between powers of ten those of 2 and 5 have numbers too, as there may be no power in sight.
    """

    def shown(value: float, _: object) -> str:
        return f"{value:g}{unit}" if value < 1e5 else f"{value:,.0f}{unit}"

    def between(value: float, at: object) -> str:
        return shown(value, at) if f"{value:.0e}"[0] in "25" else ""

    axis.set_major_formatter(FuncFormatter(shown))
    axis.set_minor_formatter(FuncFormatter(between))


def annotate(axes: Axes, text: str, at: tuple[float, float], colour: str, *, within: bool = False) -> None:
    """Words above the axes at x of the data, or within them at a share of both sides."""
    if within:
        axes.text(*at, text, transform=axes.transAxes, ha="right", va="bottom", color=colour, fontsize=9)
    else:
        axes.text(*at, text, transform=axes.get_xaxis_transform(), ha="center", va="bottom", color=colour, fontsize=9)


def _dress(axes: Axes, theme: Theme, grid: bool) -> None:
    axes.set_facecolor("none")
    axes.tick_params(which="both", colors=theme.ink, labelsize=9)
    if grid:
        axes.grid(axis="y", color=theme.faint, linewidth=0.6)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(theme.faint)

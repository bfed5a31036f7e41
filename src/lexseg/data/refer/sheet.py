"""The contact sheet: some examples to look at, targets outlined, the expression below."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lexseg.data.augment import case_generator
from lexseg.data.images import read_image, read_values

EXAMPLES, COLUMNS = 24, 6
_TITLES = {"one": "#1a6b2f", "several": "#1f4e9c", "none": "#a31515"}


@dataclass(frozen=True, slots=True)
class Example:
    """An image that may be shown. Attributes: image, mask: files; expressions: kind, ids and first wording of each."""

    image: Path
    mask: Path
    expressions: Sequence[tuple[str, tuple[int, ...], str]]


def contact_sheet(path: Path, examples: Sequence[Example], seed: int) -> None:
    """Draw some of the examples, the three kinds in turn.

    Args:
        path: the PNG to write.
        examples: to draw from.
        seed: of the drawing.
    """
    rng = case_generator(seed, 0, "contact sheet")
    flat = [(example, *expression) for example in examples for expression in example.expressions]
    order = [flat[i] for i in rng.permutation(len(flat))]
    waiting = {kind: [each for each in order if each[1] == kind] for kind in _TITLES}
    chosen: list[tuple[Example, str, tuple[int, ...], str]] = []
    while len(chosen) < EXAMPLES and any(waiting.values()):
        chosen += [members.pop(0) for members in waiting.values() if members]
    chosen = chosen[:EXAMPLES]
    rows = -(-len(chosen) // COLUMNS)
    figure = Figure(figsize=(COLUMNS * 2.4, rows * 3.0), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = np.atleast_1d(figure.subplots(rows, COLUMNS)).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, (example, kind, ids, text) in zip(axes, chosen, strict=False):
        values = read_values(example.mask)
        axis.imshow(read_image(example.image), cmap="gray", vmin=0, vmax=1)
        for inside, colour in ((values > 0, "#9aa4b1"), (np.isin(values, ids), "#ffb000")):
            if inside.any() and not inside.all():
                axis.contour(inside, levels=[0.5], colors=[colour], linewidths=1.2)
        axis.set_title(kind, fontsize=8, color=_TITLES[kind], loc="left", pad=2)
        shown = "\n".join(textwrap.wrap(text, 36)[:4]).replace("$", r"\$")
        axis.text(0.5, -0.03, shown, fontsize=7, ha="center", va="top", transform=axis.transAxes)
    figure.savefig(path)

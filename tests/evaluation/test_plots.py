"""Axes have numbers as one writes them."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lexseg.evaluation.canvas import plain_numbers


@pytest.mark.parametrize("ends", [(0.03, 60), (2.2, 7), (150, 320_000), (0.0004, 0.003)])
def test_a_logarithmic_axis_has_plain_numbers_and_always_some(ends):
    figure = Figure()
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot(ends, (0, 1))
    axes.set_xscale("log")
    plain_numbers(axes.xaxis, " %")
    figure.canvas.draw()
    low, high = axes.get_xlim()
    ticks = [*axes.xaxis.get_major_ticks(), *axes.xaxis.get_minor_ticks()]
    shown = [t.label1.get_text() for t in ticks if low <= t.get_loc() <= high and t.label1.get_text()]
    assert shown and all("$" not in text and "e" not in text and text.endswith(" %") for text in shown)

"""The plots of a comparison; one data set each."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter

from lexseg.comparison.groups import SIZE, GroupScore
from lexseg.comparison.labels import entry_label, p_value, signed
from lexseg.comparison.outcomes import Entry
from lexseg.comparison.plan import NULL, Plan
from lexseg.comparison.statistics import MAIN, METRICS, DatasetStatistics, Estimate, PairedScores
from lexseg.evaluation.canvas import Plot, Theme, axes_in_row, plot_both

_ROW = 0.31  # inches
_LEVEL = 0.05
_MOST_VALUES = 12  # of a column; more are for the table alone


def scores_plot(plan: Plan, statistics: DatasetStatistics) -> Plot:
    """Dice per image and pooled of each method, with intervals and seeds."""
    entries = ranked(statistics)

    def draw(figure: Figure, theme: Theme) -> None:
        (axes,) = axes_in_row(figure, 1)
        for metric, hue, shift in ((MAIN, theme.hues[0], 0.13), ("dice_pooled", theme.hues[2], -0.13)):
            estimates = [statistics.estimate(entry, metric) for entry in entries]
            rows = np.arange(len(entries)) - shift
            _dots(axes, rows, estimates, hue, METRICS[metric].label)
            for row, entry in zip(rows, entries, strict=True):
                if len(entry.seeds) > 1:
                    seeds = _of_seeds(entry, metric)
                    axes.plot(seeds, [row] * len(seeds), "|", color=hue, markersize=11, markeredgewidth=1)
        _name_rows(axes, [entry_label(plan, entry) for entry in entries], theme)
        axes.set_xlabel("Dice, with 95 % intervals over patients; strokes: seeds", color=theme.ink, fontsize=9)
        _legend(axes, theme)

    return plot_both(draw, (8.6, _height(len(entries))), "Dice of each method, per image and pooled", paper=True)


def differences_plot(plan: Plan, pairs: Sequence[PairedScores]) -> Plot | None:
    """Paired differences of Dice per image, with intervals; ``None`` without pairs."""
    chosen = [pair for pair in in_order(plan, pairs) if pair.metric == MAIN]
    if not chosen:
        return None

    def draw(figure: Figure, theme: Theme) -> None:
        (axes,) = axes_in_row(figure, 1)
        for row, pair in enumerate(chosen):
            found = pair.difference
            clear = pair.p_holm < _LEVEL
            hue = theme.hues[1] if not clear else theme.hues[0] if found.value > 0 else theme.hues[2]
            _dots(axes, [row], [Estimate(found.value, found.low, found.high)], hue, None)
            words = f"{signed(found.value)}   p {_compact(p_value(pair.p_holm))}"
            axes.text(1.01, row, words, transform=axes.get_yaxis_transform(), va="center", fontsize=8, color=theme.ink)
        axes.axvline(0, color=theme.ink, linewidth=0.8)
        reach = 1.08 * max([0.005] + [abs(end) for end in axes.get_xlim()])
        axes.set_xlim(-reach, reach)
        _name_rows(axes, [pair_label(plan, pair) for pair in chosen], theme)
        axes.xaxis.set_major_formatter(FuncFormatter(_difference))
        axes.set_xlabel("difference in Dice per image, same cases; p corrected by Holm", color=theme.ink, fontsize=9)

    return plot_both(
        draw, (8.6, _height(len(chosen))), "Paired differences between methods, with intervals", paper=True
    )


def cost_plot(plan: Plan, statistics: DatasetStatistics, costs: Mapping[str, Mapping[str, Any]]) -> Plot | None:
    """Dice per image against multiply-adds and latency; ``None`` where no cost is known."""
    entries = [
        e for e in ranked(statistics) if e.text == plan.texts_of(e.dataset)[0] and "gmacs" in costs.get(e.method, {})
    ]
    if not entries:
        return None

    def draw(figure: Figure, theme: Theme) -> None:
        panels = (("gmacs", "billions of multiply-adds"), ("relative_latency", "latency, ConvNeXt-Tiny forward = 1"))
        for axes, (key, words) in zip(axes_in_row(figure, len(panels)), panels, strict=True):
            cost = np.array([costs[e.method][key] for e in entries])
            estimates = [statistics.estimate(e, MAIN) for e in entries]
            for entry, x, estimate in zip(entries, cost, estimates, strict=True):
                hue = theme.hues[2] if entry.method == plan.reference else theme.hues[0]
                _whisker(axes, [x], [estimate], hue, upright=True)
                filled = hue if costs[entry.method].get("reads_words", True) else "none"
                axes.plot([x], [estimate.value], "o", color=hue, markerfacecolor=filled, markersize=6)
            axes.set_xscale("log")
            axes.set_xlim(cost.min() / 1.35, cost.max() * (cost.max() / cost.min()) ** 0.45 * 1.6)
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.xaxis.set_minor_formatter(FuncFormatter(_some_minor))
            axes.set_xlabel(words, color=theme.ink, fontsize=9)
            axes.set_ylabel("Dice, per image", color=theme.ink, fontsize=9)
            figure.canvas.draw()
            _name_points(axes, cost, [e.value for e in estimates], [plan.label(e.method) for e in entries], theme)

    return plot_both(draw, (10, 4.4), "Dice per image against multiply-adds and against latency", paper=True)


def size_plot(plan: Plan, entries: Sequence[Entry], groups: Sequence[GroupScore]) -> Plot | None:
    """Dice of small, middle and large targets, methods in the order given; ``None`` where there are too few targets."""
    chosen = [score for score in groups if score.column == SIZE]
    if not chosen:
        return None
    values = list(dict.fromkeys(score.value for score in chosen))

    def draw(figure: Figure, theme: Theme) -> None:
        (axes,) = axes_in_row(figure, 1)
        for at, value in enumerate(values):
            scores = [score for entry in entries for score in chosen if score.value == value and score.entry is entry]
            rows = np.arange(len(entries)) + 0.2 * (at - 1)
            span = scores[0].span or (0.0, 0.0)
            words = f"{value}, {span[0]:.2g} to {span[1]:.2g} % of the image: {scores[0].n}"
            _dots(axes, rows, [score.dice for score in scores], theme.hues[(2, 1, 0)[at]], words)
        _name_rows(axes, [entry_label(plan, entry) for entry in entries], theme)
        axes.set_xlabel("Dice, per image", color=theme.ink, fontsize=9)
        _legend(axes, theme)

    return plot_both(draw, (8.6, _height(len(entries), 0.42)), "Dice by the size of the target", paper=True)


def column_plots(plan: Plan, entries: Sequence[Entry], groups: Sequence[GroupScore]) -> Iterator[tuple[str, Plot]]:
    """For each column of the manifest the Dice of each method and value, as a chart of numbers."""
    for column in dict.fromkeys(score.column for score in groups if score.column != SIZE):
        chosen = [score for score in groups if score.column == column]
        values = list(dict.fromkeys(score.value for score in chosen))
        if len(values) <= _MOST_VALUES:
            yield column, _chart(plan, column, entries, chosen)


def _chart(plan: Plan, column: str, entries: Sequence[Entry], chosen: Sequence[GroupScore]) -> Plot:
    counts = {score.value: score.n for score in chosen}
    values = list(counts)
    own = {(score.entry.method, score.entry.text, score.value): score.dice.value for score in chosen}
    grid = np.array([[own[entry.method, entry.text, value] for value in values] for entry in entries])

    def draw(figure: Figure, theme: Theme) -> None:
        (axes,) = axes_in_row(figure, 1)
        spread = float(np.ptp(grid)) or 1.0
        for row, column_at in np.ndindex(*grid.shape):
            share = (grid[row, column_at] - grid.min()) / spread
            place = (column_at - 0.48, row - 0.44)
            axes.add_patch(Rectangle(place, 0.96, 0.88, color=theme.hues[0], alpha=0.08 + 0.5 * share, linewidth=0))
            words = f"{grid[row, column_at]:.3f}"
            axes.text(column_at, row, words, ha="center", va="center", fontsize=9, color=theme.ink)
        _name_rows(axes, [entry_label(plan, entry) for entry in entries], theme)
        heads = [f"{value or '(blank)'}\n({n})" for value, n in counts.items()]
        axes.set_xticks(range(len(values)), heads, color=theme.ink)
        axes.set_xlim(-0.6, len(values) - 0.4)
        axes.set_xlabel(f"{column} (targets); Dice, per image", color=theme.ink, fontsize=9)

    inches = (min(11.0, 3.2 + 0.85 * len(values)), _height(len(entries), 0.36))
    return plot_both(draw, inches, f"Dice of each method by {column}", paper=True, grid=False)


def ranked(statistics: DatasetStatistics) -> list[Entry]:
    """A data set's entries, the best Dice per image first."""
    return sorted(statistics.entries, key=lambda entry: -statistics.estimate(entry, MAIN).value)


def in_order(plan: Plan, pairs: Sequence[PairedScores]) -> list[PairedScores]:
    """By question and kind of sentence, the largest difference first."""

    def place(pair: PairedScores) -> tuple[str, int, float]:
        return pair.question, plan.texts_of(pair.first.dataset).index(pair.first.text), -pair.difference.value

    return sorted(pairs, key=place)


def pair_label(plan: Plan, pair: PairedScores) -> str:
    """What is compared, in words."""
    if pair.question == "words":
        return f"{plan.label(pair.first.method)}: with {_sentences(pair.first.text)} \N{MINUS SIGN} without"
    words = f"{plan.label(pair.first.method)} \N{MINUS SIGN} {plan.label(pair.second.method)}"
    if pair.first.text == plan.texts_of(pair.first.dataset)[0]:
        return words
    return f"{words}, both {'without words' if pair.first.text == NULL else f'with {pair.first.text}'}"


def _sentences(text: str) -> str:
    return "words" if text in ("text", NULL) else text


def _of_seeds(entry: Entry, metric: str) -> list[float]:
    above, below = METRICS[metric].terms(entry)
    return [float(one) for one in above.sum(axis=0) / below.sum(axis=0)]


def _dots(axes: Axes, rows: Any, estimates: Sequence[Estimate], hue: str, words: str | None) -> None:
    _whisker(axes, rows, estimates, hue, upright=False)
    axes.plot([e.value for e in estimates], rows, "o", color=hue, markersize=5.5, label=words)


def _whisker(axes: Axes, at: Any, estimates: Sequence[Estimate], hue: str, *, upright: bool) -> None:
    for place, one in zip(at, estimates, strict=True):
        if np.isfinite(one.low):
            line = ([place, place], [one.low, one.high]) if upright else ([one.low, one.high], [place, place])
            axes.plot(*line, color=hue, linewidth=1.6, alpha=0.6, solid_capstyle="butt")


def _name_rows(axes: Axes, names: Sequence[str], theme: Theme) -> None:
    axes.set_yticks(range(len(names)), names, color=theme.ink)
    axes.set_ylim(len(names) - 0.45, -0.55)


def _name_points(axes: Axes, x: Any, y: Sequence[float], names: Sequence[str], theme: Theme) -> None:
    """Names beside their points, moved up or down until they do not lie on each other."""
    points = axes.transData.transform(np.column_stack([x, y]))
    step, letter = 17.0, 8.2  # of the canvas' pixels, at 8 points
    scale = axes.figure.dpi / 144
    taken: list[tuple[float, float, float]] = []
    for at in np.argsort(-points[:, 1]):
        left, middle = points[at, 0] + 9 * scale, points[at, 1]
        width, height = letter * scale * len(names[at]), middle
        for shift in (s * side for s in np.arange(0, 400) * 2 * scale for side in (1, -1)):
            height = middle + shift
            if all(
                abs(height - other) >= step * scale or left > begin + long or begin > left + width
                for begin, long, other in taken
            ):
                break
        taken.append((left, width, height))
        moved = abs(height - middle) > 6 * scale
        axes.annotate(
            names[at],
            (x[at], y[at]),
            xytext=(9 * 72 / 144, (height - middle) * 72 / axes.figure.dpi),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=theme.ink,
            path_effects=[withStroke(linewidth=2.5, foreground=theme.paper)],
            arrowprops={"arrowstyle": "-", "color": theme.faint, "linewidth": 0.8} if moved else None,
        )


def _difference(value: float, _: object) -> str:
    """A tick of a difference, with as many digits as it needs."""
    return "0" if abs(value) < 1e-9 else signed(value, 4).rstrip("0").rstrip(".")


def _some_minor(value: float, _: Any) -> str:
    lead = value / 10 ** np.floor(np.log10(value))
    return f"{value:g}" if round(lead) in (2, 5) else ""


def _legend(axes: Axes, theme: Theme) -> None:
    handles, words = axes.get_legend_handles_labels()
    # of the whole figure, as names of rows take much of its width
    legend = axes.get_figure(root=True).legend(  # type: ignore[union-attr]
        handles, words, loc="outside upper right", ncols=len(handles), fontsize=8, frameon=False
    )
    for text in legend.get_texts():
        text.set_color(theme.ink)


def _height(rows: int, each: float = _ROW) -> float:
    return 1.05 + each * max(rows, 2)


def _compact(p: str) -> str:
    return p if p.startswith("<") else f"= {p}"

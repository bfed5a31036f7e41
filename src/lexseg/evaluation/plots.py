"""The report's plots."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lexseg.evaluation.canvas import Plot, Theme, annotate, axes_in_row, plain_numbers, plot_both
from lexseg.evaluation.scores import CaseScore
from lexseg.metrics.calibration import reliability_by_mass

_BINS_OF_MEDIANS = 10


def score_histograms(scores: Sequence[CaseScore], unit: str) -> Plot | None:
    """How Dice, surface Dice and HD95 are spread over the cases, with their means; ``None`` where none is drawn."""
    scores = [s for s in scores if s.located]
    if not scores:
        return None

    def draw(figure: Figure, theme: Theme) -> None:
        for axes, (title, values, limits) in zip(axes_in_row(figure, 3), series, strict=True):
            axes.hist(np.clip(values, *limits), bins=np.linspace(*limits, 21).tolist(), color=theme.hues[0])
            mean = float(np.mean(values))
            axes.axvline(min(mean, limits[1]), color=theme.hues[2], linewidth=2)
            annotate(axes, f"mean {mean:.3g}", (min(mean, limits[1]), 1.0), theme.hues[2])
            axes.set_title(title, color=theme.ink, fontsize=10, pad=16)
            axes.set_xlim(*limits)

    distances = [s.hd95 for s in scores]
    # a few misses, at the image diagonal, would squeeze all the others into one bar
    most = float(np.percentile(distances, 95)) * 1.25 or 1.0
    clipped = ", the rest in the last bar" if max(distances) > most else ""
    series = [
        ("Dice, per image", [s.given.dice for s in scores], (0.0, 1.0)),
        ("Surface Dice at 2 px", [s.nsd for s in scores], (0.0, 1.0)),
        (f"HD95 [{unit}]{clipped}", distances, (0.0, most)),
    ]
    return plot_both(draw, (10, 2.7), "Histograms of Dice, surface Dice and HD95 over the cases")


def size_against_dice(scores: Sequence[CaseScore]) -> Plot | None:
    """Whether small targets fare worse; ``None`` where there is no foreground."""
    chosen = [s for s in scores if s.has_foreground and s.located]
    if not chosen:
        return None
    share = np.array([100 * s.given.reference / s.pixels for s in chosen])
    dice = np.array([s.given.dice for s in chosen])

    def draw(figure: Figure, theme: Theme) -> None:
        (axes,) = axes_in_row(figure, 1)
        axes.scatter(
            share,
            dice,
            s=10 if len(dice) > 200 else 22,
            alpha=min(0.7, max(0.2, 60 / len(dice))),
            color=theme.hues[0],
            linewidths=0,
        )
        if len(dice) >= 5 * _BINS_OF_MEDIANS:
            parts = np.array_split(np.argsort(share, kind="stable"), _BINS_OF_MEDIANS)
            middle = [(np.median(share[p]), np.median(dice[p])) for p in parts]
            axes.plot(*zip(*middle, strict=True), color=theme.hues[2], marker="o", markersize=4, linewidth=2)
            annotate(axes, "median of each tenth of the cases", (0.99, 0.06), theme.hues[2], within=True)
        axes.set_xscale("log")
        plain_numbers(axes.xaxis, " %")
        axes.set_xlabel("size of the target, share of the image", color=theme.ink)
        axes.set_ylabel("Dice", color=theme.ink)
        axes.set_ylim(-0.02, 1.02)

    return plot_both(draw, (6.4, 3.4), "Dice of each case against the size of its target")


def probe_bars(summary: dict[str, Any]) -> Plot | None:
    """Dice with the given sentence and with each probe; ``None`` where there are no probes."""
    probes = {name: probe for name, probe in summary["text_probes"].items() if probe is not None}
    if not probes:
        return None
    rows = {"given": summary} | probes
    changed = {name: probe["changed_only"] for name, probe in probes.items() if probe["changed_only"] is not None}

    def draw(figure: Figure, theme: Theme) -> None:
        left, right = axes_in_row(figure, 2)
        at = np.arange(len(rows))
        per_image = [row["per_image"]["dice"] for row in rows.values()]
        pooled = [row["pooled"]["dice"] for row in rows.values()]
        colours = [theme.hues[0]] + [theme.hues[2]] * len(probes)
        left.bar(at - 0.2, [p["mean"] for p in per_image], 0.38, color=colours)
        _whiskers(left, at - 0.2, per_image, theme)
        faded = left.bar(at + 0.2, pooled, 0.38, color=colours, alpha=0.45)
        left.bar_label(faded, fmt="%.2f", padding=3, fontsize=8, color=theme.ink)
        for x, score in zip(at - 0.2, per_image, strict=True):
            top = score["mean"] if score["ci95"] is None else score["ci95"][1]
            left.text(x, top + 0.025, f"{score['mean']:.2f}", ha="center", fontsize=8, color=theme.ink)
        left.set_xticks(at, list(rows))
        left.set_title("all cases: per image (full), pooled (faded)", color=theme.ink, fontsize=10)
        at = np.arange(len(changed))
        for shift, colour, key in ((-0.2, theme.hues[0], "given"), (0.2, theme.hues[2], None)):
            values = [part[key or name] for name, part in changed.items()]
            group = right.bar(at + shift, values, 0.38, color=colour)
            right.bar_label(group, fmt="%.2f", padding=3, fontsize=8, color=theme.ink)
        right.set_xticks(at, [f"{name}\n({probes[name]['n_changed']} cases)" for name in changed])
        right.set_title("cases whose sentence the probe alters: given, probe", color=theme.ink, fontsize=10)
        for axes in (left, right):
            axes.set_ylim(0, 1.1)
            axes.set_ylabel("Dice", color=theme.ink)

    return plot_both(draw, (10, 3.2), f"Dice with the given sentence and with the probes: {', '.join(probes)}")


def presence_plots(scores: Sequence[CaseScore], threshold: float | None) -> Plot:
    """What the model says of presence: how it is spread, and how often it is right."""
    said = [s for s in scores if s.presence is not None]
    probability = np.array([s.presence for s in said], dtype=np.float64)
    truth = np.array([s.present for s in said], dtype=np.bool_)
    kept = reliability_by_mass(probability, truth)

    def draw(figure: Figure, theme: Theme) -> None:
        left, right = axes_in_row(figure, 2)
        bins = np.linspace(0, 1, 26).tolist()
        for chosen, colour, label in ((truth, theme.hues[0], "there"), (~truth, theme.hues[2], "not there")):
            left.hist(
                probability[chosen], bins=bins, color=colour, alpha=0.65, label=f"target {label} ({chosen.sum()})"
            )
        left.set_xlabel("presence", color=theme.ink)
        left.set_ylabel("sentences", color=theme.ink)
        left.set_yscale("symlog", linthresh=10)
        plain_numbers(left.yaxis)
        if threshold is not None:
            left.axvline(threshold, color=theme.ink, linewidth=1, linestyle="--")
            annotate(left, "not found | found", (threshold, 1.0), theme.ink)
        legend = left.legend(loc="lower center", bbox_to_anchor=(0.5, 1.08), ncols=2, fontsize=8, frameon=False)
        filled = kept.count > 0
        right.plot([0, 1], [0, 1], color=theme.faint, linewidth=1)
        right.plot(kept.said[filled], kept.true[filled], color=theme.hues[0], linewidth=1.5)
        right.scatter(kept.said[filled], kept.true[filled], s=30, color=theme.hues[0], linewidths=0, zorder=3)
        right.set_xlabel("presence said", color=theme.ink)
        right.set_ylabel("share that is there", color=theme.ink)
        right.set_title("reliability: bins that hold equally many sentences", color=theme.ink, fontsize=10)
        right.set_xlim(-0.02, 1.02)
        right.set_ylim(-0.02, 1.02)
        for text in legend.get_texts():
            text.set_color(theme.ink)

    return plot_both(
        draw, (10, 3.4), "Histogram of presence for targets that are there and not there, and its reliability"
    )


def _whiskers(axes: Axes, at: Any, scores: Sequence[dict[str, Any]], theme: Theme) -> None:
    if any(score["ci95"] is None for score in scores):
        return
    means = np.array([score["mean"] for score in scores])
    low, high = np.array([score["ci95"] for score in scores]).T
    axes.errorbar(at, means, yerr=np.abs([means - low, high - means]), fmt="none", ecolor=theme.ink, capsize=3)

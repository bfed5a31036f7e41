"""The files of a comparison: tables, plots, a page, and Markdown for a paper."""

import re
from collections.abc import Mapping
from pathlib import Path

from lexseg.comparison import pictures
from lexseg.comparison.comparison import Comparison, gather
from lexseg.comparison.markdown import build_markdown
from lexseg.comparison.page import build_page
from lexseg.comparison.plan import Plan
from lexseg.comparison.table import COST, COUNTS, HONESTY, LISTENING, OWN, SCORES, group_rows, pair_rows, write_csv
from lexseg.evaluation.canvas import Plot
from lexseg.files import replace_file

TABLE, SUMMARY, PAIRS, GROUPS = "table.csv", "summary.csv", "pairs.csv", "groups.csv"
PAGE, MARKDOWN, PLOTS = "index.html", "comparison.md", "plots"


def write_results(
    plan: Plan, output: Path, *, fingerprints: Mapping[str, str] | None = None, plots: bool = True
) -> None:
    """Write the result files into the comparison's folder; cells that fail or wait are named in them.

    Args:
        plan: the plan.
        output: the comparison's folder.
        fingerprints: of the cells by key; one that was run otherwise waits. ``None`` takes all as they are.
        plots: draw them; they take the most time, and between two cells the tables may do.
    """
    found = gather(plan, output, fingerprints)
    write_csv(output / TABLE, found.rows)
    write_csv(output / SUMMARY, found.summary, (*OWN, *COUNTS, *SCORES, *HONESTY, *LISTENING, *COST))
    write_csv(output / PAIRS, pair_rows(plan, found.pairs), ("dataset", "first", "second", "metric", "difference"))
    write_csv(output / GROUPS, group_rows(plan, found.groups), ("dataset", "method", "column", "value", "dice"))
    drawn = {name: _plots(found, name) if plots else {} for name in found.statistics}
    replace_file(output / MARKDOWN, build_markdown(found).encode())
    replace_file(output / PAGE, build_page(found, drawn).encode())
    if plots:
        (output / PLOTS).mkdir(exist_ok=True)
    for dataset, kinds in drawn.items():
        for kind, one in kinds.items():
            name = re.sub(r"[^A-Za-z0-9.+_-]+", "-", f"{dataset}_{kind}")
            replace_file(output / PLOTS / f"{name}.png", one.png)
            replace_file(output / PLOTS / f"{name}.svg", one.svg)


def _plots(found: Comparison, dataset: str) -> dict[str, Plot]:
    """The plots of a data set by kind; those with nothing to show are left out."""
    plan, statistics = found.plan, found.statistics[dataset]
    entries = pictures.ranked(statistics)
    groups = [score for score in found.groups if score.entry.dataset == dataset]
    pairs = [pair for pair in found.pairs if pair.first.dataset == dataset]
    drawn = {
        "scores": pictures.scores_plot(plan, statistics),
        "differences": pictures.differences_plot(plan, pairs),
        "cost": pictures.cost_plot(plan, statistics, found.costs),
        "size": pictures.size_plot(plan, entries, groups),
        **{f"by_{column}": one for column, one in pictures.column_plots(plan, entries, groups)},
    }
    return {kind: one for kind, one in drawn.items() if one is not None}

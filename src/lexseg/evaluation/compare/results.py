"""The files of a comparison: tables, plots, a page, and Markdown for a paper."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lexseg.data.files import replace_file
from lexseg.evaluation.compare.cost import read_costs
from lexseg.evaluation.compare.groups import GroupScore, group_scores
from lexseg.evaluation.compare.outcomes import Outcome, entries_of, read_outcomes
from lexseg.evaluation.compare.plan import Plan
from lexseg.evaluation.compare.statistics import DatasetStatistics, Pair
from lexseg.evaluation.compare.table import (
    COST,
    COUNTS,
    HONESTY,
    LISTENING,
    OWN,
    SCORES,
    Row,
    cell_rows,
    group_rows,
    pair_rows,
    summary_rows,
    write_csv,
)

TABLE, SUMMARY, PAIRS, GROUPS = "table.csv", "summary.csv", "pairs.csv", "groups.csv"
PAGE, MARKDOWN, PLOTS = "index.html", "comparison.md", "plots"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that the files show.

    Attributes:
        plan: the plan.
        outcomes: of its cells.
        rows: of ``table.csv``.
        summary: of ``summary.csv``.
        pairs: the tests.
        groups: scores of parts of the cases.
        statistics: by data set.
        costs: by method.
    """

    plan: Plan
    outcomes: list[Outcome]
    rows: list[Row]
    summary: list[Row]
    pairs: list[Pair]
    groups: list[GroupScore]
    statistics: dict[str, DatasetStatistics]
    costs: dict[str, dict[str, Any]]


def compare(plan: Plan, output: Path) -> Comparison:
    """All results of the cells that are done.

    Args:
        plan: the plan.
        output: the comparison's folder; only its cells' records and reports, and its costs, are read.
    """
    outcomes, costs = read_outcomes(plan, output), read_costs(output)
    entries = entries_of(outcomes)
    by_dataset = {name: [e for e in entries if e.dataset == name] for name in plan.datasets}
    statistics = {name: DatasetStatistics(members) for name, members in by_dataset.items() if members}
    rows = cell_rows(plan, outcomes, costs)
    return Comparison(
        plan,
        outcomes,
        rows,
        summary_rows(plan, rows, statistics.values()),
        [pair for part in statistics.values() for pair in part.pairs(plan)],
        [score for part in statistics.values() for score in group_scores(part.entries)],
        statistics,
        costs,
    )


def write_results(plan: Plan, output: Path) -> None:
    """Write the result files into the comparison's folder; cells that fail or wait are named in them.

    Args:
        plan: the plan.
        output: the comparison's folder.
    """
    found = compare(plan, output)
    write_csv(output / TABLE, found.rows)
    write_csv(output / SUMMARY, found.summary, (*OWN, *COUNTS, *SCORES, *HONESTY, *LISTENING, *COST))
    write_csv(output / PAIRS, pair_rows(plan, found.pairs), ("dataset", "first", "second", "metric", "difference"))
    write_csv(output / GROUPS, group_rows(plan, found.groups), ("dataset", "method", "column", "value", "dice"))

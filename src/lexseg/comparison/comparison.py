"""Everything that a comparison has found so far."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lexseg.comparison.cost import read_costs
from lexseg.comparison.groups import GroupScore, group_scores, probe_drops
from lexseg.comparison.outcomes import Entry, Outcome, entries_of, read_outcomes
from lexseg.comparison.plan import Plan
from lexseg.comparison.statistics import DatasetStatistics, Estimate, PairedScores
from lexseg.comparison.table import Row, cell_rows, summary_rows


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
        drops: by data set what Dice loses by the honesty probes, as `probe_drops` gives it.
        costs: by method.
    """

    plan: Plan
    outcomes: list[Outcome]
    rows: list[Row]
    summary: list[Row]
    pairs: list[PairedScores]
    groups: list[GroupScore]
    statistics: dict[str, DatasetStatistics]
    drops: dict[str, dict[tuple[str, str, str], Estimate]]
    costs: dict[str, dict[str, Any]]

    def summary_of(self, entry: Entry) -> Row:
        """The row of ``summary.csv`` of an entry."""
        own = (entry.method, entry.dataset, entry.text)
        return next(row for row in self.summary if (row["method"], row["dataset"], row["text"]) == own)


def gather(plan: Plan, output: Path, fingerprints: Mapping[str, str] | None = None) -> Comparison:
    """All results of the cells that are done.

    Args:
        plan: the plan.
        output: the comparison's folder; only its cells' records and reports, and its costs, are read.
        fingerprints: as :func:`read_outcomes` takes them.
    """
    outcomes, costs = read_outcomes(plan, output, fingerprints), read_costs(output)
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
        {name: probe_drops(part.entries) for name, part in statistics.items()},
        costs,
    )

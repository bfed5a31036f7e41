"""What has come out of a plan's cells so far, as their folders hold it."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexseg.comparison.cells import REPORT, Cell, CellRecord, cells_of, read_record
from lexseg.comparison.plan import Plan
from lexseg.evaluation.output import REPORT as SUMMARY
from lexseg.evaluation.output import TABLE

DONE, FAILED, WAITING = "done", "failed", "waiting"
PROBES = ("none", "shuffled", "swapped", "irrelevant", "other", "absent")
_NUMBERS = ("dice", "iou", "hd95", "nsd", "pixels", "reference_area", "predicted_area", "overlap_area")


@dataclass(frozen=True, slots=True, eq=False)
class CaseTable:
    """The scores of each case: ``cases.csv``.

    Attributes:
        ids: of the cases.
        clusters: whose each is.
        numbers: by column float[N].
        groups: by column of the manifest the value of each case.
        drops: by honesty probe what Dice loses by it, float[N]; NaN where it leaves the sentence as it was.
    """

    ids: tuple[str, ...]
    clusters: tuple[str, ...]
    numbers: Mapping[str, NDArray[np.float64]]
    groups: Mapping[str, tuple[str, ...]]
    drops: Mapping[str, NDArray[np.float64]]

    def in_order_of(self, ids: Sequence[str]) -> "CaseTable":
        """The same rows in another order; `ids` are the same cases."""
        place = {name: at for at, name in enumerate(self.ids)}
        order = [place[name] for name in ids]
        return CaseTable(
            tuple(ids),
            tuple(self.clusters[at] for at in order),
            {name: values[order] for name, values in self.numbers.items()},
            {name: tuple(values[at] for at in order) for name, values in self.groups.items()},
            {name: values[order] for name, values in self.drops.items()},
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """A cell and what became of it.

    Attributes:
        cell: of the plan.
        status: done, failed or waiting.
        reason: why it failed.
        record: ``cell.json``; ``None`` of a cell that waits.
        summary: ``report.json``; ``None`` unless done.
        cases: ``cases.csv``; ``None`` unless done.
    """

    cell: Cell
    status: str
    reason: str = ""
    record: CellRecord | None = None
    summary: Mapping[str, Any] | None = None
    cases: CaseTable | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A method on a data set with a kind of sentence: its done cells, one a seed.

    Attributes:
        method, dataset, text: as in the plan.
        seeds: those that are done.
        tables: the cases of each, in one order for the whole data set.
        summaries: the reports of each.
    """

    method: str
    dataset: str
    text: str
    seeds: tuple[int, ...]
    tables: tuple[CaseTable, ...]
    summaries: tuple[Mapping[str, Any], ...]

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A column of all seeds, float[N, seeds]."""
        return np.stack([table.numbers[name] for table in self.tables], axis=1)


def read_outcomes(plan: Plan, output: Path, fingerprints: Mapping[str, str] | None = None) -> list[Outcome]:
    """All cells of a plan, in its order, one after the other.

    A cell whose record has another fingerprint than ``fingerprints`` names by its key was run with another budget,
    other settings or other data, and waits.

    Cells of a data set that did not score the same cases as most are marked as failed: their means would stand side by
    side and not be comparable.
    """
    found = [_read(cell, cell.folder(output), (fingerprints or {}).get(cell.key)) for cell in _ordered(plan)]
    for dataset in plan.datasets:
        scored = {
            frozenset(one.cases.ids): one.cases
            for one in found
            if one.cell.dataset == dataset and one.cases is not None
        }
        if len(scored) > 1:
            sets = [frozenset(o.cases.ids) for o in found if o.cell.dataset == dataset and o.cases is not None]
            most = max(scored, key=sets.count)
            found = [_other_cases(one, most) if one.cell.dataset == dataset else one for one in found]
    return found


def entries_of(outcomes: Sequence[Outcome]) -> list[Entry]:
    """The done cells, seeds together, in the order of the plan."""
    groups: dict[tuple[str, str, str], list[Outcome]] = {}
    for one in outcomes:
        if one.status == DONE:
            groups.setdefault((one.cell.dataset, one.cell.method, one.cell.text), []).append(one)
    first: dict[str, tuple[str, ...]] = {}
    entries = []
    for (dataset, method, text), members in groups.items():
        done = [(m.cell.seed, m.cases, m.summary) for m in members if m.cases is not None and m.summary is not None]
        order = first.setdefault(dataset, done[0][1].ids)
        tables = tuple(table.in_order_of(order) for _, table, _ in done)
        entries.append(Entry(method, dataset, text, tuple(s for s, _, _ in done), tables, tuple(s for _, _, s in done)))
    return entries


def _ordered(plan: Plan) -> list[Cell]:
    """The cells as a reader looks for them: by data set, method, sentence and seed."""
    methods, datasets = list(plan.methods), list(plan.datasets)
    return sorted(cells_of(plan), key=lambda c: (datasets.index(c.dataset), methods.index(c.method)))


def _read(cell: Cell, folder: Path, fingerprint: str | None) -> Outcome:
    record = read_record(folder)
    if record is None or (fingerprint is not None and record.fingerprint != fingerprint):
        return Outcome(cell, WAITING)
    if record.status != DONE:
        return Outcome(cell, FAILED, record.reason or "no reason was written down", record)
    try:
        summary = json.loads((folder / REPORT / SUMMARY).read_text(encoding="utf-8"))
        cases = _read_cases(folder / REPORT / TABLE)
        if not isinstance(summary, dict):
            raise ValueError
    except (OSError, ValueError, LookupError):
        return Outcome(cell, FAILED, "its report is missing or cannot be read", record)
    return Outcome(cell, DONE, "", record, summary, cases)


def _read_cases(path: Path) -> CaseTable:
    with path.open(encoding="utf-8", newline="") as file:
        # masks are compared: targets that nobody has drawn have no score
        rows = [row for row in csv.DictReader(file) if row["dice"]]
    return CaseTable(
        tuple(row["id"] for row in rows),
        tuple(row["cluster"] for row in rows),
        {name: np.array([float(row[name]) for row in rows]) for name in _NUMBERS},
        {name.removeprefix("by_"): tuple(row[name] for row in rows) for name in rows[0] if name.startswith("by_")},
        {name: np.array([_drop(row, name) for row in rows]) for name in PROBES if f"{name}_changed" in rows[0]},
    )


def _drop(row: Mapping[str, str], probe: str) -> float:
    return float(row["dice"]) - float(row[f"dice_{probe}"]) if row[f"{probe}_changed"] == "1" else math.nan


def _other_cases(one: Outcome, cases: frozenset[str]) -> Outcome:
    if one.cases is None or frozenset(one.cases.ids) == cases:
        return one
    here = set(one.cases.ids)
    reason = f"scored other cases: {len(here - cases)} that most cells have not, and {len(cases - here)} are missing"
    return Outcome(one.cell, FAILED, reason, one.record)

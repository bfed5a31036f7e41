"""Scores of parts of the cases: small, middle and large targets, and the values of a manifest's columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lexseg.comparison.outcomes import CaseTable, Entry
from lexseg.comparison.statistics import Estimate
from lexseg.metrics.comparison import PatientBootstrap

SIZE = "size"
TERCILES = ("small", "middle", "large")
_FEW = 6  # targets, below which thirds say nothing
_N_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class GroupScore:
    """Dice of one entry on a part of the cases.

    Attributes:
        entry: the method.
        column: of the manifest, or `SIZE`.
        value: of the column, or small, middle or large.
        n: cases with a target; the others have no size, and their 0 or 1 would drown what the part is about.
        patients: whose they are (images, where no patient is known).
        span: for sizes, the smallest and the largest share of the image in percent.
        dice: per image, the mean of the seeds.
    """

    entry: Entry
    column: str
    value: str
    n: int
    patients: int
    span: tuple[float, float] | None
    dice: Estimate


def group_scores(entries: Sequence[Entry], *, seed: int = 0) -> list[GroupScore]:
    """Dice by the size of the target and by the columns that the plan names.

    Args:
        entries: of one data set.
        seed: of the intervals.
    """
    first = entries[0].tables[0]
    target = first.numbers["reference_area"] > 0
    share = 100 * first.numbers["reference_area"] / first.numbers["pixels"]
    parts: list[tuple[str, str, NDArray[np.bool_]]] = []
    if target.sum() >= _FEW:
        parts += [(SIZE, name, chosen) for name, chosen in _terciles(share, target).items()]
    for column, values in first.groups.items():
        parts += [(column, value, target & (np.array(values) == value)) for value in sorted(set(values))]
    found = []
    for column, value, chosen in parts:
        if not chosen.any():
            continue
        patients = len(patients_of(first, chosen))
        estimates = _estimates(entries, chosen, first, seed)
        span = (float(share[chosen].min()), float(share[chosen].max())) if column == SIZE else None
        found += [
            GroupScore(entry, column, value, int(chosen.sum()), patients, span, dice)
            for entry, dice in zip(entries, estimates, strict=True)
        ]
    return found


def probe_drops(entries: Sequence[Entry], *, seed: int = 0) -> dict[tuple[str, str, str], Estimate]:
    """What Dice loses by the honesty probes, over the cases whose sentence they alter.

    Args:
        entries: of one data set.
        seed: of the intervals.

    Returns:
        by method, kind of sentence and probe the mean of the seeds, without those that were not asked or alter
        nothing.
    """
    bootstrap = PatientBootstrap(entries[0].tables[0].clusters, n_resamples=_N_RESAMPLES, seed=seed)
    terms = {}
    for entry in entries:
        for name in entry.tables[0].drops:
            drops = np.stack([table.drops[name] for table in entry.tables if name in table.drops], axis=1)
            if np.isfinite(drops).any(axis=0).all():
                terms[f"{entry.method} {entry.text} {name}"] = (np.nan_to_num(drops), np.isfinite(drops).astype(float))
    found = bootstrap.scores(terms)
    return {
        (entry.method, entry.text, name): Estimate(found[key][0], *bootstrap.interval(found[key][1]))
        for entry in entries
        for name in entry.tables[0].drops
        if (key := f"{entry.method} {entry.text} {name}") in found
    }


def patients_of(table: CaseTable, chosen: NDArray[np.bool_]) -> set[str]:
    """Whose the chosen cases are."""
    return {name for name, kept in zip(table.clusters, chosen, strict=True) if kept}


def _terciles(share: NDArray[np.float64], target: NDArray[np.bool_]) -> Mapping[str, NDArray[np.bool_]]:
    """Thirds of the targets by their share of the image; equal sizes stay together."""
    low, high = np.quantile(share[target], [1 / 3, 2 / 3])
    small, large = target & (share <= low), target & (share > high)
    return dict(zip(TERCILES, (small, target & ~small & ~large, large), strict=True))


def _estimates(entries: Sequence[Entry], chosen: NDArray[np.bool_], table: CaseTable, seed: int) -> list[Estimate]:
    clusters = [name for name, kept in zip(table.clusters, chosen, strict=True) if kept]
    bootstrap = PatientBootstrap(clusters, n_resamples=_N_RESAMPLES, seed=seed)
    terms = {}
    for at, entry in enumerate(entries):
        dice = entry.numbers("dice")[chosen]
        terms[str(at)] = (dice, np.ones_like(dice))
    return [Estimate(value, *bootstrap.interval(r)) for value, r in bootstrap.scores(terms).values()]

"""Scores of a data set's methods with their intervals, and the tests between them."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lexseg.comparison.outcomes import Entry
from lexseg.comparison.plan import NULL, Plan
from lexseg.metrics.comparison import Difference, PatientBootstrap, Resampled, holm

N_RESAMPLES = 10_000
MAIN = "dice_per_image"

Terms = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Metric:
    """A score that methods are compared by.

    Attributes:
        label: in words.
        higher: whether more is better.
        terms: what is summed over cases, above and below the line.
    """

    label: str
    higher: bool
    terms: Callable[[Entry], Terms]


def _mean(column: str) -> Callable[[Entry], Terms]:
    def terms(entry: Entry) -> Terms:
        values = entry.numbers(column)
        return values, np.ones_like(values)

    return terms


def _dice(entry: Entry) -> Terms:
    areas = entry.numbers("reference_area") + entry.numbers("predicted_area")
    return 2 * entry.numbers("overlap_area"), areas


def _iou(entry: Entry) -> Terms:
    overlap = entry.numbers("overlap_area")
    return overlap, entry.numbers("reference_area") + entry.numbers("predicted_area") - overlap


METRICS = {
    MAIN: Metric("Dice, per image", True, _mean("dice")),
    "dice_pooled": Metric("Dice, pooled", True, _dice),
    "iou_per_image": Metric("IoU, per image", True, _mean("iou")),
    "iou_pooled": Metric("IoU, pooled", True, _iou),
    "nsd": Metric("surface Dice", True, _mean("nsd")),
    "hd95": Metric("HD95", False, _mean("hd95")),
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """A score with its interval; NaN where it is unknown."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PairedScores:
    """Two methods, or one with and without sentences, compared by one metric on one data set.

    Attributes:
        question: ``methods``: two methods with one kind of sentence; ``words``: a method with and without sentences.
        first, second: what is compared.
        metric: by its key in `METRICS`.
        scores: of the first and the second, means over their seeds.
        difference: first minus second.
        p_holm: corrected for the family: all comparisons of the data set by this metric.
        family: how many those are.
    """

    question: str
    first: Entry
    second: Entry
    metric: str
    scores: tuple[float, float]
    difference: Difference
    p_holm: float = math.nan
    family: int = 0


class DatasetStatistics:
    """The scores of one data set's methods, all resampled by the same draws of patients.

    Args:
        entries: of one data set.
        seed: of the draws.
        n_resamples: bootstrap samples.
    """

    def __init__(self, entries: Sequence[Entry], *, seed: int = 0, n_resamples: int = N_RESAMPLES) -> None:
        self.entries = list(entries)
        self._bootstrap = PatientBootstrap(entries[0].tables[0].clusters, n_resamples=n_resamples, seed=seed)
        terms = {
            f"{at} {name}": metric.terms(entry) for at, entry in enumerate(entries) for name, metric in METRICS.items()
        }
        self._scores = self._bootstrap.scores(terms)

    @property
    def clusters(self) -> int:
        """Patients; images where no patient is known."""
        return self._bootstrap.clusters

    def estimate(self, entry: Entry, metric: str) -> Estimate:
        """A score, the mean of the seeds, with its interval."""
        value, resampled = self._resampled(entry, metric)
        return Estimate(value, *self._bootstrap.interval(resampled))

    def pairs(self, plan: Plan) -> list[PairedScores]:
        """All comparisons, corrected by Holm within each metric."""
        found = []
        for metric in METRICS:
            family = [
                PairedScores(question, first, second, metric, *self._compare(first, second, metric))
                for question, first, second in comparisons(plan, self.entries)
            ]
            corrected = holm([pair.difference.p for pair in family])
            found += [replace(pair, p_holm=p, family=len(family)) for pair, p in zip(family, corrected, strict=True)]
        return found

    def _compare(self, first: Entry, second: Entry, metric: str) -> tuple[tuple[float, float], Difference]:
        one, other = self._resampled(first, metric), self._resampled(second, metric)
        return (one[0], other[0]), self._bootstrap.difference(one, other)

    def _resampled(self, entry: Entry, metric: str) -> Resampled:
        return self._scores[f"{self.entries.index(entry)} {metric}"]


def comparisons(plan: Plan, entries: Sequence[Entry]) -> Iterator[tuple[str, Entry, Entry]]:
    """Which of a data set's entries are compared: the question, the first and the second.

    With a reference every method against it, else every method against every later one, each with equal sentences; and
    each method with sentences against itself without.
    """
    for first, second in itertools.combinations(entries, 2):
        if first.text != second.text:
            continue
        if not plan.reference or plan.reference == second.method:
            yield "methods", first, second
        elif plan.reference == first.method:
            yield "methods", second, first
    for first, second in itertools.permutations(entries, 2):
        if first.method == second.method and first.text != NULL and second.text == NULL:
            yield "words", first, second

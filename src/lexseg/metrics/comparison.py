"""Paired comparison of methods: the bootstrap of whole patients, and Holm's correction for many comparisons.

All methods of a data set are resampled by the same draws: that is what makes a difference paired.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lexseg.metrics.intervals import draws, percentile_ends

Resampled = tuple[float, NDArray[np.float64]]
"""A score, and float[n_resamples] of it."""


TOO_FEW = 5
"""Patients of whom no p is given: five can be drawn in 126 ways, and by chance in the same order one time in 16."""
FEW = 20
"""Patients below which a bootstrap interval is too narrow to be taken at its word."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of two scores on the same cases.

    Attributes:
        value: the difference itself, of all cases.
        low: lower end of its percentile interval; NaN where there is nothing to resample.
        high: upper end.
        p: two-sided, of there being no difference; NaN where there is nothing to resample.
    """

    value: float
    low: float
    high: float
    p: float


class PatientBootstrap:
    """Samples of whole patients, drawn once for all scores of a data set.

    Args:
        clusters: whose each case is, N names.
        n_resamples: samples.
        seed: of the draws; equal seeds give equal samples.
    """

    def __init__(self, clusters: Sequence[str], *, n_resamples: int = 10_000, seed: int = 0) -> None:
        names, self._member = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
        self.clusters, self.n_resamples, self._seed = int(names.size), n_resamples, seed

    def sums(self, columns: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sums over all cases and over those of each sample.

        Args:
            columns: float[N, K].

        Returns:
            float[K] and float[n_resamples, K].

        Raises:
            ValueError: if a number is not finite, or there is not one row for each case.
        """
        values = np.asarray(columns, dtype=np.float64)
        if values.ndim != 2 or len(values) != self._member.size:
            raise ValueError(f"{values.shape} numbers for {self._member.size} cases")
        if not np.isfinite(values).all():
            raise ValueError("a score is not finite: misses must be counted, not left out")
        each = np.zeros((self.clusters, values.shape[1]))
        np.add.at(each, self._member, values)
        parts = [times @ each for times in draws(self.clusters, self.n_resamples, self._seed)]
        return each.sum(axis=0), np.concatenate(parts)

    def scores(self, terms: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> dict[str, Resampled]:
        """Scores that are means over runs (seeds) of a ratio of sums over cases: means and pooled scores alike.

        Args:
            terms: by name the numerators float[N, S], one column a run (the value of each case, or for pooled Dice
                2 TP), and the denominators of the same shape (ones, or for pooled Dice 2 TP + FP + FN).

        Returns:
            by name the score and float[n_resamples] of it; NaN where there is nothing below, and in all samples where
            fewer than two patients have something below.
        """
        stacks, alone = [], set()
        for name, (above, below) in terms.items():
            over, under = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
            if over.ndim != 2 or over.shape != under.shape:
                raise ValueError(f"sums of {over.shape} over sums of {under.shape}")
            stacks.append(np.concatenate([over, under], axis=1))
            if any(np.unique(self._member[run != 0]).size < 2 for run in under.T):
                alone.add(name)
        if not stacks:
            return {}
        whole, sampled = self.sums(np.concatenate(stacks, axis=1))  # together: the draws cost more than the sums
        found, start = {}, 0
        for name, stack in zip(terms, stacks, strict=True):
            middle, end = start + stack.shape[1] // 2, start + stack.shape[1]
            with np.errstate(divide="ignore", invalid="ignore"):
                score = (whole[start:middle] / whole[middle:end]).mean()
                resampled = (sampled[:, start:middle] / sampled[:, middle:end]).mean(axis=1)
            found[name] = float(score), np.full_like(resampled, np.nan) if name in alone else resampled
            start = end
        return found

    def interval(self, resampled: NDArray[np.float64], confidence: float = 0.95) -> tuple[float, float]:
        """Percentile interval of resampled scores; NaN where fewer than two patients leave nothing to resample."""
        return percentile_ends(resampled, confidence) if self.clusters > 1 else (float("nan"), float("nan"))

    def difference(self, first: Resampled, second: Resampled) -> Difference:
        """``first - second``, both as `scores` gives them.

        p is twice the share of the samples in which the difference lies on the other side of zero, or on it; one is
        added to both counts (Davison and Hinkley, Bootstrap Methods and Their Application, 1997, section 4.2), so that
        it is never zero. It lies below 0.05 where the 95 % interval leaves zero out. Of `TOO_FEW` patients there is
        none: they can be drawn in so few ways that a small p means next to nothing.
        """
        value, resampled = first[0] - second[0], first[1] - second[1]
        low, high = self.interval(resampled)
        known = resampled[np.isfinite(resampled)]
        if self.clusters <= TOO_FEW or known.size == 0:
            return Difference(value, low, high, float("nan"))
        # rounding must not make a difference of two equal methods
        below, above = np.count_nonzero(known <= 1e-12), np.count_nonzero(known >= -1e-12)
        p = min(1.0, 2 * (min(below, above) + 1) / (known.size + 1))
        return Difference(value, low, high, p)


def holm(p: Sequence[float]) -> list[float]:
    """Corrects p values for their number, so that the chance of any false alarm among them stays that of one.

    Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statistics 6 (1979) 65-70.

    Args:
        p: of one family of comparisons; NaN stands for a comparison that could not be made, and counts for nothing.

    Returns:
        the corrected values, in the same order.
    """
    values = np.asarray(p, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    corrected = np.full(values.shape, np.nan)
    steps = values[order] * np.arange(order.size, 0, -1)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(steps)) if order.size else steps
    return [float(one) for one in corrected]

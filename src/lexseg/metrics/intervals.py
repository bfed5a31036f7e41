"""Confidence intervals of scores: the percentile bootstrap, clustered by patient.

Images of one patient resemble each other, so whole patients are drawn, not images. The percentile bootstrap of a mean
behaves well from about 50 cases.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

_DRAWS_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A score with its confidence interval.

    Attributes:
        mean: the score itself, of all images; NaN where there is none.
        low: lower end; NaN where fewer than two clusters leave nothing to resample.
        high: upper end.
        clusters: how many patients (or images, where no patient is known) there are.
    """

    mean: float
    low: float
    high: float
    clusters: int

    @property
    def known(self) -> bool:
        """Whether there are ends to report."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))


class Resampling(TypedDict, total=False):
    """How a bootstrap resamples.

    Attributes:
        n_resamples: bootstrap samples, 2000 unless said otherwise.
        confidence: 0..1, 0.95 unless said otherwise.
        seed: of the resampling; equal seeds give equal intervals.
    """

    n_resamples: int
    confidence: float
    seed: int


def bootstrap_mean(
    values: ArrayLike, clusters: Sequence[str] | None = None, **resampling: Unpack[Resampling]
) -> Interval:
    """Mean over images, with an interval from resampled patients.

    Args:
        values: float[N], one an image.
        clusters: whose each image is, N names; ``None`` makes each image its own cluster.
        **resampling: as :class:`Resampling` has it.
    """
    numbers = np.asarray(values, dtype=np.float64)
    return bootstrap_ratio(numbers, np.ones_like(numbers), clusters, **resampling)


def bootstrap_difference(
    first: ArrayLike, second: ArrayLike, clusters: Sequence[str] | None = None, **resampling: Unpack[Resampling]
) -> Interval:
    """Mean of ``first - second`` on the same images: a paired comparison of two models or two sentences.

    Args:
        first: float[N].
        second: float[N], of the same images in the same order.
        clusters: as in `bootstrap_mean`.
        **resampling: as :class:`Resampling` has it.
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.shape != other.shape:
        raise ValueError(f"paired scores differ in shape: {one.shape} and {other.shape}")
    return bootstrap_mean(one - other, clusters, **resampling)


def bootstrap_ratio(
    numerators: ArrayLike,
    denominators: ArrayLike,
    clusters: Sequence[str] | None = None,
    *,
    n_resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Sum of the numerators over the sum of the denominators: means and pooled scores alike.

    Args:
        numerators: float[N], for pooled Dice 2 TP of each image.
        denominators: float[N], for pooled Dice 2 TP + FP + FN of each image.
        clusters: whose each image is, N names; ``None`` makes each image its own cluster.
        n_resamples: bootstrap samples; those that happen to have nothing in the denominator are left out.
        confidence: 0..1.
        seed: of the resampling.

    Raises:
        ValueError: if the arguments differ in length, or a value is not finite.
    """
    above, below = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    if above.ndim != 1 or above.shape != below.shape or (clusters is not None and len(clusters) != above.size):
        raise ValueError("values and clusters must be one list each, of equal length")
    if not (np.isfinite(above).all() and np.isfinite(below).all()):
        raise ValueError("a score is not finite: misses must be counted, not left out")
    if clusters is not None:
        names, member = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
        above, below = (np.bincount(member, weights=w, minlength=names.size).astype(np.float64) for w in (above, below))
    total = below.sum()
    mean = float(above.sum() / total) if total > 0 else float("nan")
    if np.count_nonzero(below) < 2:  # else every sample would be this one cluster again
        return Interval(mean, float("nan"), float("nan"), above.size)
    parts = []
    for times in draws(above.size, n_resamples, seed):
        sums = times @ below
        keep = sums > 0
        parts.append((times @ above)[keep] / sums[keep])
    return Interval(mean, *percentile_ends(np.concatenate(parts), confidence), above.size)


def bootstrap_weighted(
    statistic: Callable[[NDArray[np.float64]], float],
    clusters: Sequence[str],
    *,
    n_resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """A score that is no ratio of sums, such as AUROC, with an interval from resampled patients.

    Args:
        statistic: the score where each case counts as often as float[N] says; NaN where it cannot be computed, and such
            samples are left out.
        clusters: whose each case is, N names.
        n_resamples: bootstrap samples.
        confidence: 0..1.
        seed: of the resampling.
    """
    names, member = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    mean = statistic(np.ones(len(clusters)))
    if names.size < 2 or not np.isfinite(mean):
        return Interval(mean, float("nan"), float("nan"), int(names.size))
    found = [statistic(sample[member]) for times in draws(names.size, n_resamples, seed) for sample in times]
    return Interval(mean, *percentile_ends(np.array(found), confidence), int(names.size))


def draws(clusters: int, n: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """How often each cluster is drawn in each of ``n`` samples: float[rows, clusters], so many at once as memory holds.

    Sums of samples are products with these counts. Equal seeds give equal samples.
    """
    rng = np.random.default_rng(seed)
    portion = max(1, _DRAWS_AT_ONCE // clusters)
    for start in range(0, n, portion):
        rows = min(portion, n - start)
        place = rng.integers(0, clusters, size=(rows, clusters)) + clusters * np.arange(rows)[:, None]
        yield np.bincount(place.ravel(), minlength=rows * clusters).reshape(rows, clusters).astype(np.float64)


def percentile_ends(resampled: NDArray[np.float64], confidence: float = 0.95) -> tuple[float, float]:
    """Both ends of the percentile interval of resampled scores; what is not finite is left out, NaN where all is."""
    known = resampled[np.isfinite(resampled)]
    if not known.size:
        return float("nan"), float("nan")
    tail = (1 - confidence) / 2 * 100
    low, high = np.percentile(known, [tail, 100 - tail])
    return float(low), float(high)

"""How well a probability tells two classes apart, and whether it means what it says.

References: Hanley and McNeil, "The meaning and use of the area under a receiver operating characteristic (ROC) curve",
Radiology 1982; Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 15
"""Of the expected calibration error, as in Guo et al."""


def auroc(score: ArrayLike, truth: ArrayLike, *, weight: ArrayLike | None = None) -> float:
    """Area under the ROC curve: how often a true sample scores above a false one, ties counting one half.

    Args:
        score: float[N], any scale.
        truth: bool[N].
        weight: float[N], how often each sample counts; ``None`` is once.

    Returns:
        0..1, 0.5 for chance; NaN where all samples are of one class.
    """
    values, true, times = _check(score, truth, weight)
    _, place = np.unique(values, return_inverse=True)
    positive = np.bincount(place, weights=times * true)
    negative = np.bincount(place, weights=times * ~true)
    pairs = positive.sum() * negative.sum()
    below = np.cumsum(negative) - negative
    return float(np.sum(positive * (below + negative / 2)) / pairs) if pairs > 0 else float("nan")


@dataclass(frozen=True, slots=True)
class Reliability:
    """What was said and what was true, by bins of equal width or of equal mass.

    Attributes:
        edges: float[bins + 1], from 0 to 1; the last bin holds its upper edge, the others do not. Of equal mass: the
            lowest probability of each bin, and the highest of all.
        count: float[bins], how many samples fall into each.
        said: float[bins], mean probability; NaN in empty bins.
        true: float[bins], share of true samples; NaN in empty bins.
    """

    edges: NDArray[np.float64]
    count: NDArray[np.float64]
    said: NDArray[np.float64]
    true: NDArray[np.float64]

    @property
    def error(self) -> float:
        """The expected calibration error: mean of abs(said - true) over the samples, 0..1; NaN without samples."""
        filled = self.count > 0
        if not filled.any():
            return float("nan")
        gaps = np.abs(self.said[filled] - self.true[filled])
        return float(np.average(gaps, weights=self.count[filled]))


def reliability(
    probability: ArrayLike, truth: ArrayLike, *, bins: int = BINS, weight: ArrayLike | None = None
) -> Reliability:
    """The table of a reliability diagram.

    Of two classes it is the probability of "true" that is binned and compared with the share of true samples. (Guo et
    al., who have many classes, bin the probability of the class that was chosen.)

    Args:
        probability: float[N] in 0..1 that a sample is true.
        truth: bool[N].
        bins: how many.
        weight: float[N], how often each sample counts; ``None`` is once.
    """
    values, true, times = _check(probability, truth, weight)
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise ValueError("probabilities must lie between 0 and 1")
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, bins - 1)
    count = np.bincount(place, weights=times, minlength=bins).astype(np.float64)
    with np.errstate(invalid="ignore"):
        said = np.bincount(place, weights=times * values, minlength=bins) / count
        share = np.bincount(place, weights=times * true, minlength=bins) / count
    return Reliability(edges, count, said, share)


def reliability_by_mass(
    probability: ArrayLike, truth: ArrayLike, *, bins: int = BINS, weight: ArrayLike | None = None
) -> Reliability:
    """The same with equally many samples in each bin: where answers crowd near 0 and 1, equal widths leave bins empty.

    Samples of equal probability are one sample of their mean truth, of which a bin may hold a part: neither the order
    of the samples nor how ties are broken matters, and a weight of 2 is a repetition.

    Args:
        probability: float[N] in 0..1 that a sample is true.
        truth: bool[N].
        bins: how many; each holds a share 1 / bins of the samples.
        weight: float[N], how often each sample counts; ``None`` is once.

    Reference: Nguyen and O'Connor, "Posterior calibration and exploratory analysis for natural language processing
    models", EMNLP 2015, for bins of equal mass.
    """
    values, true, times = _check(probability, truth, weight)
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise ValueError("probabilities must lie between 0 and 1")
    values, true, times = values[times > 0], true[times > 0], times[times > 0]
    empty = np.full(bins, np.nan)
    if not values.size:
        return Reliability(np.linspace(0, 1, bins + 1), np.zeros(bins), empty, empty)
    said, place = np.unique(values, return_inverse=True)
    mass = np.bincount(place, weights=times)
    share = np.bincount(place, weights=times * true) / mass
    ends = np.cumsum(mass)
    cuts = ends[-1] * np.arange(bins + 1) / bins
    # float[values, bins]: how much of each value lies in each bin
    part = np.minimum(ends[:, None], cuts[None, 1:]) - np.maximum((ends - mass)[:, None], cuts[None, :-1])
    part = part.clip(min=0)
    count = part.sum(axis=0)
    lowest = said[np.searchsorted(ends, cuts[:-1], side="right").clip(max=said.size - 1)]
    edges = np.append(lowest, said[-1])
    return Reliability(edges, count, (part * said[:, None]).sum(axis=0) / count, (part * share[:, None]).sum(0) / count)


def expected_calibration_error(
    probability: ArrayLike,
    truth: ArrayLike,
    *,
    bins: int = BINS,
    weight: ArrayLike | None = None,
    equal_mass: bool = False,
) -> float:
    """How far probabilities lie from frequencies, 0 for perfect calibration.

    Args:
        probability: as for `reliability`, as are the other arguments.
        truth: bool[N].
        bins: how many.
        weight: float[N].
        equal_mass: by bins that hold equally many samples (`reliability_by_mass`), not by equally wide ones.
    """
    binned = reliability_by_mass if equal_mass else reliability
    return binned(probability, truth, bins=bins, weight=weight).error


def _check(
    score: ArrayLike, truth: ArrayLike, weight: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    values, true = np.asarray(score, dtype=np.float64), np.asarray(truth)
    times = np.ones_like(values) if weight is None else np.asarray(weight, dtype=np.float64)
    if values.ndim != 1 or values.shape != true.shape or values.shape != times.shape:
        raise ValueError("scores, truths and weights must be one list each, of equal length")
    if true.dtype != np.bool_ and true.size:
        raise ValueError(f"truth must be bool, got {true.dtype}")
    if not np.isfinite(values).all():
        raise ValueError("a score is not finite")
    return values, true.astype(np.bool_), times

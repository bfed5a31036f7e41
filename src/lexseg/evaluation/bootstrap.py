"""Scores of one set of cases with their intervals, as the report holds them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lexseg.metrics.intervals import (
    Interval,
    bootstrap_difference,
    bootstrap_mean,
    bootstrap_ratio,
    bootstrap_weighted,
)
from lexseg.metrics.overlap import Counts


class Bootstrap:
    """Intervals of one set of cases, resampled by patient (by image where no patient is known).

    Args:
        clusters: the patient of each case.
        n_resamples: bootstrap samples.
        seed: of the resampling.
    """

    def __init__(self, clusters: Sequence[str], *, n_resamples: int, seed: int) -> None:
        self.clusters = list(clusters)
        self._options = {"n_resamples": n_resamples, "seed": seed}

    def mean(self, values: Sequence[float]) -> dict[str, Any]:
        """``{"mean": .., "ci95": [.., ..]}``."""
        return _as_dict(bootstrap_mean(values, self.clusters, **self._options))

    def ratio(self, above: ArrayLike, below: ArrayLike) -> dict[str, Any]:
        """The same of a sum over a sum."""
        return _as_dict(bootstrap_ratio(above, below, self.clusters, **self._options))

    def statistic(self, score: Callable[[NDArray[np.float64]], float]) -> dict[str, Any]:
        """The same of any score of weighted cases."""
        return _as_dict(bootstrap_weighted(score, self.clusters, **self._options))

    def difference(self, first: Sequence[float], second: Sequence[float]) -> dict[str, Any]:
        """The same of a paired difference."""
        return _as_dict(bootstrap_difference(first, second, self.clusters, **self._options))

    def pooled(self, tallies: Sequence[Counts]) -> dict[str, Any]:
        """Pooled Dice and IoU with their intervals."""
        total = sum(tallies, Counts())
        tp, fp, fn = (np.array([getattr(t, name) for t in tallies]) for name in ("tp", "fp", "fn"))
        return {
            "dice": total.dice if tallies else None,
            "iou": total.iou if tallies else None,
            "dice_ci95": _ends(bootstrap_ratio(2 * tp, 2 * tp + fp + fn, self.clusters, **self._options)),
            "iou_ci95": _ends(bootstrap_ratio(tp, tp + fp + fn, self.clusters, **self._options)),
        }

    def per_image(self, tallies: Sequence[Counts]) -> dict[str, Any]:
        """Mean Dice and IoU with their intervals."""
        return {"dice": self.mean([t.dice for t in tallies]), "iou": self.mean([t.iou for t in tallies])}


def plain(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Numbers under their names, intervals under ``ci95``."""
    ends = {name: score["ci95"] for name, score in found.items()}
    return {**{name: score["mean"] for name, score in found.items()}, "ci95": ends}


def _as_dict(interval: Interval) -> dict[str, Any]:
    return {"mean": interval.mean if np.isfinite(interval.mean) else None, "ci95": _ends(interval)}


def _ends(interval: Interval) -> list[float] | None:
    return [interval.low, interval.high] if interval.known else None

"""What a model's answer to "is it there?" is worth: from a logit to a probability, and where to say no.

A logit becomes a probability by Platt scaling: p = sigmoid(a * logit + b). Reference: Platt, "Probabilistic outputs for
support vector machines and comparisons to regularized likelihood methods", in Advances in Large Margin Classifiers,
1999, his smoothed targets included.
"""

import importlib
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logsumexp

from lexseg.metrics.operating import operating_threshold
from lexseg.models.config import OPERATING_POINTS
from lexseg.models.io import UNCALIBRATED

LOST = 0.03
"""The largest share of targets that are there and that the threshold may deny."""

_SURE = 1e-6  # a float32 that is 0 or 1 would never, or always, be reached


def fit_presence(
    logits: ArrayLike, present: ArrayLike, *, lost: float = LOST, operating_point: str | None = None
) -> dict[str, float] | None:
    """Calibrate the answers of a validation.

    Args:
        logits: float[N], answers to "is it there?"; or float[N, V] of sentences that are asked in V ways, whose
            probabilities are averaged, NaN where there are fewer.
        present: bool[N], the truth.
        lost: the largest share of what is there that may fall below the threshold.
        operating_point: which of `OPERATING_POINTS` the threshold is; ``None``: as ``lost`` says.

    Returns:
        ``scale`` a, ``bias`` b and the ``threshold`` on the probability sigmoid(a * logit + b), below which nothing is
        found: of all that lose few enough, the one with the best balanced accuracy, and of equals the lowest. Also
        ``lost_5``, ``lost_10`` and ``lost_15``, the highest thresholds that lose 5, 10 and 15 percent. ``None`` where
        only one answer is ever true, all logits are equal, or a higher one does not mean a higher chance.
    """
    views, true = _views(logits), np.asarray(present, dtype=np.bool_)
    if true.shape != views.shape[:1] or np.isinf(views).any() or np.isnan(views).all(axis=1).any():
        raise ValueError("logits and truths must be finite lists of equal length")
    x = np.array([row[~np.isnan(row)].mean() for row in views])
    # equal logits, but for rounding, tell nothing apart
    if true.all() or not true.any() or np.ptp(x) <= 1e-6 * max(1.0, float(np.abs(x).max())):
        return None
    order = np.argsort(x, kind="stable")  # so that the sums below do not depend on the order of cases
    scale, bias = _platt(x[order], true[order])
    if scale <= 0:
        return None
    sure = _joined(views * scale + bias)
    order = np.argsort(sure, kind="stable")
    sure, true = sure[order], true[order]
    points = {name: operating_threshold(sure, true, share) for name, share in OPERATING_POINTS.items()}
    chosen = _threshold(sure, true, lost) if operating_point is None else points[operating_point]
    cuts = {"threshold": chosen} | {f"lost_{name}": cut for name, cut in points.items()}
    probabilities = {name: float(np.clip(expit(cut), _SURE, 1 - _SURE)) for name, cut in cuts.items()}
    return {"scale": float(scale), "bias": float(bias)} | probabilities


def presence_of(logits: ArrayLike, calibration: Mapping[str, float] | None) -> NDArray[np.float64]:
    """The probability of presence, float[N] in 0..1, of logits as for `fit_presence`; as the served model says it."""
    c = calibration or UNCALIBRATED
    return np.asarray(expit(_joined(_views(logits) * c["scale"] + c["bias"])), dtype=np.float64)


def found(logits: ArrayLike, calibration: Mapping[str, float] | None) -> NDArray[np.bool_]:
    """Whether a mask is given at all; without calibration from a probability of one half on."""
    return presence_of(logits, calibration) >= (calibration or UNCALIBRATED)["threshold"]


def _views(logits: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(logits, dtype=np.float64)
    if values.ndim not in (1, 2):
        raise ValueError("logits must be a list of numbers, or of the views of each sentence")
    return values[:, None] if values.ndim == 1 else values


def _joined(views: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of float[N, V] logits the logit of the mean probability, which does not saturate as the mean itself does."""
    if views.shape[1] == 1:
        return views[:, 0]
    there = ~np.isnan(views)
    values = np.where(there, views, 0.0)
    yes, no = (logsumexp(log_expit(sign * values), axis=1, b=there) for sign in (1, -1))
    return np.asarray(yes - no)


def _platt(x: NDArray[np.float64], true: NDArray[np.bool_]) -> tuple[float, float]:
    """Least cross-entropy against targets a little off 0 and 1: a convex problem of two numbers."""
    positive, negative = int(true.sum()), int((~true).sum())
    target = np.where(true, (positive + 1) / (positive + 2), 1 / (negative + 2))
    # a common unit, whatever the logits' range
    middle, width = float(x.mean()), float(x.std())
    z = (x - middle) / width

    def loss(ab: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        s = ab[0] * z + ab[1]
        off = expit(s) - target
        return float(np.mean(np.logaddexp(0, s) - target * s)), np.array([np.mean(off * z), np.mean(off)])

    a, b = minimize(loss, np.zeros(2), jac=True, method="BFGS", options={"gtol": 1e-9}).x
    return float(a / width), float(b - a * middle / width)


def _threshold(x: NDArray[np.float64], true: NDArray[np.bool_], lost: float) -> float:
    """The logit, half-way between two that occur, that parts them best; ``x`` is sorted."""
    values, first = np.unique(x, return_index=True)
    cuts = np.concatenate([values[:1] - 1, (values[:-1] + values[1:]) / 2])
    below = np.concatenate([[0], np.cumsum(true)])[first]  # targets under each cut
    absent = np.concatenate([[0], np.cumsum(~true)])[first]
    allowed = below <= lost * true.sum() + 1e-9
    balanced = (1 - below / true.sum() + absent / (~true).sum()) / 2
    return float(cuts[np.argmax(np.where(allowed, balanced, -1.0))])


def __getattr__(name: str) -> Any:
    """`calibrate` and `Calibrated` now live in the room above, which can ask a model as it is asked when it serves."""
    if name in ("calibrate", "Calibrated"):
        moved = "lexseg.evaluation.calibrate"
        warnings.warn(f"{__name__}.{name} has moved to {moved}", DeprecationWarning, stacklevel=2)
        return getattr(importlib.import_module(moved), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

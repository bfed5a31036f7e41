"""Presence in the report: does the model know whether the target is there, how surely, and at what price?

Like the other parts it holds plain numbers or null, ``ci95`` with an interval for each of them, and beside the part the
reason for each null. Cases count whether or not anybody has drawn their target.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexseg.evaluation.bootstrap import Bootstrap, plain
from lexseg.evaluation.scores import CaseScore
from lexseg.metrics.calibration import BINS, auroc, expected_calibration_error, reliability_by_mass
from lexseg.metrics.operating import SIZES, operating_threshold, size_class
from lexseg.models.config import OPERATING_POINTS

Part = dict[str, Any]
_NOT_DRAWN = "not drawn"


def presence_part(
    scores: Sequence[CaseScore],
    threshold: float | None,
    options: Mapping[str, Any],
    points: Mapping[str, float] | None = None,
) -> tuple[Part | None, dict[str, str]]:
    """``presence`` and ``presence_missing``.

    Args:
        scores: of all cases.
        threshold: probability below which the model says "not there".
        options: of `Bootstrap`.
        points: by name other thresholds that the model has, its operating points.
    """
    names = ("auroc", "ece", "ece_equal_mass", "sensitivity", "specificity")
    said = [s for s in scores if s.presence is not None]
    if not said:
        return None, dict.fromkeys(names, "nothing was said of whether the target is there")
    probability, truth = _answers(said)
    part: Part = {
        "n": len(said),
        "n_present": int(truth.sum()),
        "n_absent": int((~truth).sum()),
        "threshold": threshold,
        "bins": BINS,
    }
    every = Bootstrap([s.case.cluster for s in said], **options)
    found = _rates(every, probability, truth, threshold) | _ranking(every, probability, truth)
    why = {} if found["auroc"]["mean"] is not None else _one_answer(truth)
    if not why:
        found["ece"] = {"mean": expected_calibration_error(probability, truth), "ci95": None}
        found["ece_equal_mass"] = every.statistic(
            lambda w: expected_calibration_error(probability, truth, weight=w, equal_mass=True)
        )
    part |= plain({name: found.get(name, {"mean": None, "ci95": None}) for name in names})
    part["reliability"] = [] if why else _curve(probability, truth)
    part["by_size"] = _by_size(said, threshold, options)
    part["operating_points"] = [] if why else _points(every, probability, truth, points or {})
    return part, {name: reason for name, reason in why.items() if part[name] is None}


def group_presence(scores: Sequence[CaseScore], threshold: float | None, options: Mapping[str, Any]) -> Part | None:
    """The same of some of the cases, in short; ``None`` where nothing was said."""
    said = [s for s in scores if s.presence is not None]
    if not said:
        return None
    probability, truth = _answers(said)
    every = Bootstrap([s.case.cluster for s in said], **options)
    found = _rates(every, probability, truth, threshold) | _ranking(every, probability, truth)
    return {"n": len(said), "n_present": int(truth.sum()), "n_absent": int((~truth).sum())} | plain(found)


def _answers(said: Sequence[CaseScore]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    probability = np.array([s.presence for s in said], dtype=np.float64)
    return probability, np.array([s.present for s in said], dtype=np.bool_)


def _one_answer(truth: NDArray[np.bool_]) -> dict[str, str]:
    there, absent = "every case holds its target", "no case holds its target"
    both = dict.fromkeys(("auroc", "ece", "ece_equal_mass"), there if truth.all() else absent)
    return both | ({"specificity": there} if truth.all() else {"sensitivity": absent})


def _ranking(every: Bootstrap, probability: NDArray[np.float64], truth: NDArray[np.bool_]) -> dict[str, Any]:
    if truth.all() or not truth.any():
        return {"auroc": {"mean": None, "ci95": None}}
    return {"auroc": every.statistic(lambda w: auroc(probability, truth, weight=w))}


def _rates(
    every: Bootstrap, probability: NDArray[np.float64], truth: NDArray[np.bool_], threshold: float | None
) -> dict[str, Any]:
    """Shares of what is there that is said to be there, and of what is not that is said not to be."""
    if threshold is None:
        return {name: {"mean": None, "ci95": None} for name in ("sensitivity", "specificity")}
    yes = probability >= threshold
    return {
        "sensitivity": every.ratio((truth & yes).astype(float), truth.astype(float)),
        "specificity": every.ratio((~truth & ~yes).astype(float), (~truth).astype(float)),
    }


def _curve(probability: NDArray[np.float64], truth: NDArray[np.bool_]) -> list[Part]:
    """The reliability curve: bins that hold equally many cases."""
    table = reliability_by_mass(probability, truth)
    return [
        {"from": low, "to": high, "n": n, "said": said, "there": there}
        for low, high, n, said, there in zip(
            table.edges[:-1].tolist(), table.edges[1:].tolist(), table.count.tolist(), table.said.tolist(),
            table.true.tolist(), strict=True,
        )
    ]  # fmt: skip


def _by_size(said: Sequence[CaseScore], threshold: float | None, options: Mapping[str, Any]) -> dict[str, Part]:
    """Of each class of size: how many targets are found to be there, against all that are not."""
    absent = [s for s in said if not s.present]
    classes: dict[str, list[CaseScore]] = {name: [] for name in (*SIZES, _NOT_DRAWN)}
    for score in said:
        if score.present:
            share = score.given.reference / score.pixels
            classes[size_class(share) if score.located and share else _NOT_DRAWN].append(score)
    result = {}
    for name, there in classes.items():
        if there:
            part = group_presence([*there, *absent], threshold, options)
            assert part is not None
            mean = float(np.mean([s.presence for s in there]))
            result[name] = {"n_present": len(there), "said": mean} | {
                key: part[key] for key in ("auroc", "sensitivity")
            }
            result[name]["ci95"] = {key: part["ci95"][key] for key in ("auroc", "sensitivity")}
    return result


def _points(
    every: Bootstrap, probability: NDArray[np.float64], truth: NDArray[np.bool_], points: Mapping[str, float]
) -> list[Part]:
    """What the model's operating points cost here, and what the best thresholds for these very cases would."""
    chosen = [(name, "model", threshold) for name, threshold in points.items()]
    chosen += [
        (name, "these cases", float(np.clip(operating_threshold(probability, truth, lost), 0, 1)))
        for name, lost in OPERATING_POINTS.items()
    ]
    return [
        {"point": name, "from": source, "threshold": threshold} | plain(_rates(every, probability, truth, threshold))
        for name, source, threshold in chosen
    ]

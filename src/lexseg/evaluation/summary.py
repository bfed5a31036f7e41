"""The scores of all cases as one page of numbers: ``report.json``."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lexseg.evaluation.probes import PROBES, Questions
from lexseg.evaluation.scores import TOLERANCE, CaseScore
from lexseg.metrics.intervals import Interval, bootstrap_difference, bootstrap_mean, bootstrap_ratio
from lexseg.metrics.overlap import EMPTY_RULE, Counts
from lexseg.metrics.surface import HD95_EMPTY_RULE

_ROUNDING = 1e-9


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

    def difference(self, first: Sequence[float], second: Sequence[float]) -> dict[str, Any]:
        """The same of a paired difference."""
        return _as_dict(bootstrap_difference(first, second, self.clusters, **self._options))

    def pooled(self, tallies: Sequence[Counts]) -> dict[str, Any]:
        """Pooled Dice and IoU with their intervals."""
        total = sum(tallies, Counts())
        tp, fp, fn = (np.array([getattr(t, name) for t in tallies]) for name in ("tp", "fp", "fn"))
        return {
            "dice": total.dice,
            "iou": total.iou,
            "dice_ci95": _ends(bootstrap_ratio(2 * tp, 2 * tp + fp + fn, self.clusters, **self._options)),
            "iou_ci95": _ends(bootstrap_ratio(tp, tp + fp + fn, self.clusters, **self._options)),
        }

    def per_image(self, tallies: Sequence[Counts]) -> dict[str, Any]:
        """Mean Dice and IoU with their intervals."""
        return {"dice": self.mean([t.dice for t in tallies]), "iou": self.mean([t.iou for t in tallies])}


def summarise(
    scores: Sequence[CaseScore],
    questions: Questions,
    *,
    unit: str,
    size: int | None,
    n_resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Any]:
    """All numbers of the report.

    Args:
        scores: one for each case.
        questions: what the cases were asked.
        unit: of HD95, ``px`` or ``mm``.
        size: side of the square that was scored at; ``None`` is native.
        n_resamples: bootstrap samples.
        seed: of the resampling.

    Raises:
        RuntimeError: if a mean IoU lies below Dice / (2 - Dice) of the mean Dice, which cannot be.
    """

    def bootstrap(chosen: Sequence[CaseScore]) -> Bootstrap:
        return Bootstrap([s.case.cluster for s in chosen], n_resamples=n_resamples, seed=seed)

    every, foreground = bootstrap(scores), [s for s in scores if s.has_foreground]
    summary: dict[str, Any] = {
        "n": len(scores),
        "resolution": "native" if size is None else f"{size}x{size}",
        "empty_rule": EMPTY_RULE,
        "missed": sum(s.missed for s in scores),
        "false_alarms": sum(s.false_alarm for s in scores),
        "n_foreground": len(foreground),
        "n_clusters": len({s.case.cluster for s in scores}),
        "per_image": every.per_image([s.given for s in scores]),
        "per_image_foreground": bootstrap(foreground).per_image([s.given for s in foreground]),
        "pooled": every.pooled([s.given for s in scores]),
        "hd95": every.mean([s.hd95 for s in scores])
        | {"unit": unit, "empty_rule": HD95_EMPTY_RULE, "n_one_empty": sum(s.one_empty for s in scores)},
        "nsd": every.mean([s.nsd for s in scores]) | {"tolerance": int(TOLERANCE), "unit": "px"},
        "text_probes": {
            name: _probe(scores, questions, name, bootstrap) if name in questions.probes else None for name in PROBES
        },
        "text_probes_missing": dict(questions.missing),
        "shuffled_by": questions.shuffled_by,
        "interval": {"method": "percentile bootstrap of clusters", "confidence": 0.95, "n_resamples": n_resamples},
    }
    check_bound(summary)
    summary["iou_bound"] = "IoU >= Dice / (2 - Dice) of equal aggregation: asserted"
    return summary


def _probe(
    scores: Sequence[CaseScore],
    questions: Questions,
    name: str,
    bootstrap: Callable[[Sequence[CaseScore]], Bootstrap],
) -> dict[str, Any]:
    tallies = [s.probes[name] for s in scores]
    every = bootstrap(scores)
    changed = [s for s, differs in zip(scores, questions.changed(name), strict=True) if differs]
    probe = {"per_image": every.per_image(tallies), "pooled": every.pooled(tallies), "n_changed": len(changed)}
    if not changed:
        return probe | {"changed_only": None}
    given, asked = [s.given.dice for s in changed], [s.probes[name].dice for s in changed]
    some = bootstrap(changed)
    return probe | {
        "changed_only": {
            "given": float(np.mean(given)),
            name: float(np.mean(asked)),
            "drop": some.difference(given, asked),
            "metric": "dice per_image",
        }
    }


def check_bound(summary: dict[str, Any]) -> None:
    """Asserts that no IoU lies below what its Dice allows.

    J = D / (2 - D) of one image is convex in D, so a mean IoU is at least that of the mean Dice (Jensen), and a pooled
    one is equal to it. Published tables break this where they mix aggregations.

    Raises:
        RuntimeError: naming the aggregation; it is a fault of this program, not of the data.
    """
    for name, part in [("", summary), *summary["text_probes"].items()]:
        for aggregation in ("per_image", "per_image_foreground", "pooled"):
            if part is None or aggregation not in part:
                continue
            dice, iou = (_number(part[aggregation][metric]) for metric in ("dice", "iou"))
            if dice is None or iou is None:
                continue
            bound = dice / (2 - dice)
            if iou < bound - _ROUNDING or (aggregation == "pooled" and iou > bound + _ROUNDING):
                raise RuntimeError(f"{name} {aggregation}: IoU {iou} and Dice {dice} do not go together".strip())


def _number(score: Any) -> float | None:
    value = score["mean"] if isinstance(score, dict) else score
    return None if value is None else float(value)


def _as_dict(interval: Interval) -> dict[str, Any]:
    return {"mean": interval.mean if np.isfinite(interval.mean) else None, "ci95": _ends(interval)}


def _ends(interval: Interval) -> list[float] | None:
    return [interval.low, interval.high] if interval.known else None

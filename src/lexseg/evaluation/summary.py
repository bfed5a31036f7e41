"""The scores of all cases as one page of numbers: ``report.json``."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lexseg.evaluation.bootstrap import Bootstrap
from lexseg.evaluation.listening import group_part, listening_part, referring_part
from lexseg.evaluation.presence import presence_part
from lexseg.evaluation.probes import ANSWERED, LOST, REFERRING_PROBES, Questions
from lexseg.evaluation.scores import TOLERANCE, CaseScore
from lexseg.evaluation.switching import Switch
from lexseg.metrics.overlap import EMPTY_RULE
from lexseg.metrics.surface import HD95_EMPTY_RULE

_ROUNDING = 1e-9
_NO_EXPRESSIONS = "no case has an expression_kind: these are sentences about whole images"


def summarise(
    scores: Sequence[CaseScore],
    questions: Questions,
    *,
    unit: str,
    size: int | None,
    n_resamples: int = 2000,
    seed: int = 0,
    presence_threshold: float | None = None,
    operating_points: Mapping[str, float] | None = None,
    switches: Sequence[Switch] = (),
    groups: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """All numbers of the report.

    Args:
        scores: one for each case.
        questions: what the cases were asked.
        unit: of HD95, ``px`` or ``mm``.
        size: side of the square that was scored at; ``None`` is native.
        n_resamples: bootstrap samples.
        seed: of the resampling.
        presence_threshold: presence below which a mask was made empty.
        operating_points: by name the model's other thresholds of presence.
        switches: of the images with several expressions.
        groups: by column the value of each case, for scores of each value.

    Raises:
        RuntimeError: if a mean IoU lies below Dice / (2 - Dice) of the mean Dice, which cannot be.
    """
    options = {"n_resamples": n_resamples, "seed": seed}

    def bootstrap(chosen: Sequence[CaseScore]) -> Bootstrap:
        return Bootstrap([s.case.cluster for s in chosen], n_resamples=n_resamples, seed=seed)

    located = [s for s in scores if s.located]
    every, foreground = bootstrap(located), [s for s in located if s.has_foreground]
    summary: dict[str, Any] = {
        "n": len(scores),
        "resolution": "native" if size is None else f"{size}x{size}",
        "empty_rule": EMPTY_RULE,
        "missed": sum(s.missed for s in scores),
        "false_alarms": sum(s.false_alarm for s in scores),
        "n_foreground": sum(s.has_foreground for s in scores),
        "n_located": len(located),
        "n_clusters": len({s.case.cluster for s in scores}),
        "per_image": every.per_image([s.given for s in located]),
        "per_image_foreground": bootstrap(foreground).per_image([s.given for s in foreground]),
        "pooled": every.pooled([s.given for s in located]),
        "hd95": every.mean([s.hd95 for s in located])
        | {"unit": unit, "empty_rule": HD95_EMPTY_RULE, "n_one_empty": sum(s.one_empty for s in located)},
        "nsd": every.mean([s.nsd for s in located]) | {"tolerance": int(TOLERANCE), "unit": "px"},
        "text_probes": {
            name: _probe(scores, questions, name, bootstrap) if name in questions.probes else None
            for name in questions.names
        },
        "text_probes_missing": dict(questions.missing),
        "shuffled_by": questions.shuffled_by,
        "interval": {"method": "percentile bootstrap of clusters", "confidence": 0.95, "n_resamples": n_resamples},
    }
    expressions = [s for s in scores if s.kind]
    summary["referring"], summary["referring_missing"] = (
        referring_part(expressions, options, presence_threshold)
        if expressions
        else (None, {"referring": _NO_EXPRESSIONS})
    )
    summary["listening"], summary["listening_missing"] = (
        listening_part(expressions, switches, options, presence_threshold)
        if expressions
        else (None, {"listening": _NO_EXPRESSIONS})
    )
    summary["presence"], summary["presence_missing"] = presence_part(
        scores, presence_threshold, options, operating_points
    )
    summary["by"] = {
        column: _groups(scores, values, options, presence_threshold) for column, values in (groups or {}).items()
    }
    check_bound(summary)
    summary["iou_bound"] = "IoU >= Dice / (2 - Dice) of equal aggregation: asserted"
    return summary


def _groups(
    scores: Sequence[CaseScore], values: Sequence[str], options: Mapping[str, Any], threshold: float | None
) -> dict[str, Any]:
    members: dict[str, list[CaseScore]] = {value: [] for value in sorted(set(values))}
    for score, value in zip(scores, values, strict=True):
        members[value].append(score)
    return {value: group_part(chosen, options, threshold) for value, chosen in members.items()}


def _probe(
    scores: Sequence[CaseScore],
    questions: Questions,
    name: str,
    bootstrap: Callable[[Sequence[CaseScore]], Bootstrap],
) -> dict[str, Any]:
    located = [s for s in scores if s.located]
    tallies = [s.probes[name] for s in located]
    every = bootstrap(located)
    changed = [s for s, differs in zip(scores, questions.changed(name), strict=True) if differs and s.located]
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
            "catastrophic": _catastrophic(given, asked),
        }
        | (
            {"empty": float(np.mean([s.probes[name].predicted == 0 for s in changed]))}
            if name in (*REFERRING_PROBES, "irrelevant")
            else {}
        )
    }


def _catastrophic(given: Sequence[float], asked: Sequence[float]) -> float | None:
    """The share of cases, of those that were answered, that the other words lose; ``None`` where none was answered."""
    answered = np.asarray(given) >= ANSWERED
    return float(np.mean(np.asarray(asked)[answered] < LOST)) if answered.any() else None


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

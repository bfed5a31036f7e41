"""The tables of a comparison: a row a cell, a row a method (its seeds together), and one for each pair."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lexseg.comparison.groups import GroupScore
from lexseg.comparison.outcomes import PROBES, Outcome
from lexseg.comparison.plan import Plan
from lexseg.comparison.statistics import MAIN, METRICS, DatasetStatistics, PairedScores
from lexseg.files import replace_file

Row = dict[str, Any]

_REFERRING = ("giou", "ciou", "pr50", "pr70", "pr90", "n_acc", "t_acc")
_LISTENING = ("follow_rate", "switch_score", "paraphrase_spread")
_PRESENCE = ("auroc", "ece")
_PROBE_PARTS = ("gap", "gap_changed", "n_changed", "catastrophic", "empty")
OWN = ("method", "label", "dataset", "text")
COUNTS = ("n", "n_foreground", "patients", "missed", "false_alarms")
HONESTY = tuple(f"{probe}_{part}" for probe in PROBES for part in _PROBE_PARTS)
LISTENING = (
    *_REFERRING,
    *_LISTENING,
    *(f"presence_{name}" for name in _PRESENCE),
)
COST = (
    "parameters",
    "trainable_parameters",
    "macs",
    "train_images_per_second",
    "train_seconds",
    "train_steps",
    "relative_latency",
    "latency_ms",
    "peak_memory_mb",
    "inference_peak_memory_mb",
)
SCORES = tuple(f"{name}{end}" for name in METRICS for end in ("", "_low", "_high"))


def cell_rows(plan: Plan, outcomes: Sequence[Outcome], costs: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """``table.csv``: a row a cell, those that failed or wait with what is known of them."""
    return [_cell(plan, one, costs.get(one.cell.method, {})) for one in outcomes]


def _cell(plan: Plan, one: Outcome, cost: Mapping[str, Any]) -> Row:
    cell = one.cell
    row: Row = {"method": cell.method, "label": plan.label(cell.method), "dataset": cell.dataset, "text": cell.text}
    row |= {"seed": cell.seed, "status": one.status, "reason": one.reason}
    row |= dict.fromkeys((*COUNTS, *SCORES, "hd95_unit", *HONESTY, *LISTENING))
    if one.summary is not None:
        row |= report_numbers(one.summary)
    return row | _cost(one, cost)


def report_numbers(summary: Mapping[str, Any]) -> Row:
    """The numbers of one evaluation, by the names of the table's columns."""
    row: Row = {name: summary[name] for name in ("n", "n_foreground", "missed", "false_alarms")}
    row["patients"] = summary["n_clusters"]
    per_image, pooled = summary["per_image"], summary["pooled"]
    for metric in ("dice", "iou"):
        row |= _ends(f"{metric}_per_image", per_image[metric]["mean"], per_image[metric]["ci95"])
        row |= _ends(f"{metric}_pooled", pooled[metric], pooled[f"{metric}_ci95"])
    for metric in ("nsd", "hd95"):
        row |= _ends(metric, summary[metric]["mean"], summary[metric]["ci95"])
    row["hd95_unit"] = summary["hd95"]["unit"]
    for name in PROBES:
        probe = summary["text_probes"].get(name)
        if probe is None:
            continue
        row[f"{name}_gap"] = per_image["dice"]["mean"] - probe["per_image"]["dice"]["mean"]
        row[f"{name}_n_changed"] = probe["n_changed"]
        if probe["changed_only"] is not None:
            row[f"{name}_gap_changed"] = probe["changed_only"]["drop"]["mean"]
            for part in ("catastrophic", "empty"):  # of older reports, and of probes without, nothing
                row[f"{name}_{part}"] = probe["changed_only"].get(part)
    for part, names, prefix in (
        ("referring", _REFERRING, ""),
        ("listening", _LISTENING, ""),
        ("presence", _PRESENCE, "presence_"),
    ):
        if summary[part] is not None:
            row |= {f"{prefix}{name}": summary[part][name] for name in names}
    return row


def _ends(name: str, value: float | None, ends: Sequence[float] | None) -> Row:
    low, high = ends if ends is not None else (None, None)
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def _cost(one: Outcome, cost: Mapping[str, Any]) -> Row:
    row: Row = dict.fromkeys(COST)
    train: Mapping[str, Any] = one.record.train if one.record is not None else {}
    row["parameters"] = train.get("parameters", cost.get("parameters"))
    row["trainable_parameters"] = train.get("trainable")
    row["train_images_per_second"] = train.get("images_per_s")
    row["train_seconds"], row["train_steps"] = train.get("seconds"), train.get("steps")
    row["peak_memory_mb"] = one.record.peak_memory_mb if one.record is not None else None
    if cost and "failed" not in cost:
        row["macs"] = round(cost["gmacs"] * 1e9)
        row["relative_latency"], row["latency_ms"] = cost["relative_latency"], cost["latency_ms"]
        row["inference_peak_memory_mb"] = cost["peak_memory_mb"]
    return row


def summary_rows(plan: Plan, rows: Sequence[Row], statistics: Iterable[DatasetStatistics]) -> list[Row]:
    """``summary.csv``: a row a method, data set and kind of sentence; the mean of the seeds.

    The intervals are of the mean of the seeds, over patients; ``..._seed_sd`` is how far the seeds lie apart, which is
    another matter, and empty where there is one seed.
    """
    found = []
    for part in statistics:
        for entry in part.entries:
            own = (entry.method, entry.dataset, entry.text)
            members = [r for r in rows if (r["method"], r["dataset"], r["text"]) == own and r["status"] == "done"]
            row: Row = {name: members[0][name] for name in OWN}
            row |= {"seeds": " ".join(map(str, entry.seeds)), "n_seeds": len(entry.seeds)}
            row["seeds_not_done"] = len(plan.seeds_of(entry.method)) - len(entry.seeds)
            for name in (*COUNTS, *HONESTY, *LISTENING, *COST):
                row[name] = _mean([r[name] for r in members])
            row["hd95_unit"] = members[0]["hd95_unit"]
            for metric in METRICS:
                estimate = part.estimate(entry, metric)
                row |= _ends(metric, estimate.value, (estimate.low, estimate.high))
            for metric in (MAIN, "dice_pooled"):
                values = [r[metric] for r in members]
                row[f"{metric}_seed_sd"] = float(np.std(values, ddof=1)) if len(values) > 1 else None
            found.append(row)
    return found


def _mean(values: Sequence[Any]) -> float | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    mean = float(np.mean(known))
    return int(mean) if mean.is_integer() and all(isinstance(value, int) for value in known) else mean


def pair_rows(plan: Plan, pairs: Sequence[PairedScores]) -> list[Row]:
    """``pairs.csv``: a row a comparison and metric."""
    return [
        {
            "dataset": pair.first.dataset,
            "question": pair.question,
            "first": pair.first.method,
            "first_label": plan.label(pair.first.method),
            "first_text": pair.first.text,
            "second": pair.second.method,
            "second_label": plan.label(pair.second.method),
            "second_text": pair.second.text,
            "metric": pair.metric,
            "higher_is_better": int(METRICS[pair.metric].higher),
            "first_score": pair.scores[0],
            "second_score": pair.scores[1],
            "difference": pair.difference.value,
            "difference_low": pair.difference.low,
            "difference_high": pair.difference.high,
            "p": pair.difference.p,
            "p_holm": pair.p_holm,
            "family": pair.family,
            "n": len(pair.first.tables[0].ids),
            "first_seeds": len(pair.first.seeds),
            "second_seeds": len(pair.second.seeds),
        }
        for pair in pairs
    ]


def group_rows(plan: Plan, groups: Sequence[GroupScore]) -> list[Row]:
    """``groups.csv``: a row a method and part of the cases."""
    return [
        {
            "dataset": score.entry.dataset,
            "method": score.entry.method,
            "label": plan.label(score.entry.method),
            "text": score.entry.text,
            "column": score.column,
            "value": score.value,
            "n": score.n,
            "patients": score.patients,
            "size_from_percent": score.span[0] if score.span else None,
            "size_to_percent": score.span[1] if score.span else None,
        }
        | _ends(MAIN, score.dice.value, (score.dice.low, score.dice.high))
        for score in groups
    ]


def write_csv(path: Path, rows: Sequence[Row], columns: Sequence[str] = ()) -> None:
    """A table whose numbers have six digits; with no rows, its head alone."""
    file = io.StringIO(newline="")
    table = csv.DictWriter(file, list(rows[0]) if rows else list(columns))
    table.writeheader()
    for row in rows:
        table.writerow({name: _short(value) for name, value in row.items()})
    replace_file(path, file.getvalue().encode())


def _short(value: Any) -> Any:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value

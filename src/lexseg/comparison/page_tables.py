"""The tables that the page and the Markdown share, as plain words; the first row of each is its head."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lexseg.comparison.comparison import Comparison
from lexseg.comparison.groups import patients_of
from lexseg.comparison.labels import PROBE_LABELS, amount, entry_label, number, p_value, row_label, signed
from lexseg.comparison.outcomes import DONE, FAILED, PROBES, Entry
from lexseg.comparison.pictures import in_order, pair_label, ranked
from lexseg.comparison.plan import NULL, PaperScore, Plan
from lexseg.comparison.statistics import MAIN, METRICS, Estimate
from lexseg.comparison.table import LISTENING
from lexseg.metrics.comparison import FEW, TOO_FEW, Difference

Table = list[list[str]]
_AVERAGED = ("per image", "pooled", "not stated")

_MEASURES = {
    "giou": "gIoU",
    "ciou": "cIoU",
    "pr50": "Pr@0.5",
    "n_acc": "N-acc",
    "t_acc": "T-acc",
    "follow_rate": "follow rate",
    "switch_score": "switch score",
    "paraphrase_spread": "paraphrase spread",
    "presence_auroc": "presence AUROC",
    "presence_ece": "calibration error",
}


def scores(found: Comparison, dataset: str) -> Table:
    """Every method's scores, the best Dice per image first."""
    statistics = found.statistics[dataset]
    unit = found.summary_of(statistics.entries[0])["hd95_unit"]
    head = ["", *(m.label for m in METRICS.values()), "seeds", "sd of seeds"]
    head[-3] = f"{METRICS['hd95'].label} [{unit}]"
    rows = [head]
    for entry in ranked(statistics):
        summary = found.summary_of(entry)
        cells = [ranged(statistics.estimate(entry, name), 1 if name == "hd95" else 3) for name in METRICS]
        spread = summary[f"{MAIN}_seed_sd"]
        rows.append([entry_label(found.plan, entry), *cells, str(len(entry.seeds)), number(spread)])
    return rows


def differences(found: Comparison, dataset: str) -> Table:
    """Paired differences; empty without any."""
    chosen = [pair for pair in found.pairs if pair.first.dataset == dataset]
    rows = [["first \N{MINUS SIGN} second", "Dice, per image", "p", "p, Holm", "Dice, pooled", "p, Holm"]]
    main = [pair for pair in in_order(found.plan, chosen) if pair.metric == MAIN]
    for pair in main:
        own = (pair.question, pair.first, pair.second)
        pooled = next(p for p in chosen if p.metric == "dice_pooled" and (p.question, p.first, p.second) == own)
        rows.append(
            [
                pair_label(found.plan, pair),
                _difference(pair.difference),
                p_value(pair.difference.p),
                p_value(pair.p_holm),
                _difference(pooled.difference),
                p_value(pooled.p_holm),
            ]
        )
    return rows if main else []


def honesty(found: Comparison, dataset: str) -> Table:
    """What other words change in Dice, over the sentences that the probe alters; empty where nothing was asked."""
    entries, drops = ranked(found.statistics[dataset]), found.drops[dataset]
    asked = [name for name in PROBES if any(name == probe for _, _, probe in drops)]
    rows = [["", *(PROBE_LABELS[name] for name in asked)]]
    for entry in entries:
        own = [drops.get((entry.method, entry.text, name)) for name in asked]
        if any(own):
            cells = ["-" if d is None else _range(-d.value, -d.high, -d.low) for d in own]
            rows.append([entry_label(found.plan, entry), *cells])
    return rows if asked else []


def probed(found: Comparison, dataset: str) -> Table:
    """How often other words cost everything, and how often words about something else are answered with nothing.

    In the measures that VoxTell was probed by (:data:`PROBED`): Dice with the own words and with another patient's,
    the share of changed places that is catastrophic, the share of irrelevant sentences that paint nothing. Empty where
    none was asked.
    """
    columns = {
        "shuffled_other": "another case's words: Dice",
        "shuffled_catastrophic": "... lost",
        "swapped_catastrophic": "left and right swapped: lost",
        "irrelevant_other": "words about something else: Dice",
        "irrelevant_empty": "... nothing painted",
    }
    rows = []
    for entry in ranked(found.statistics[dataset]):
        own = found.statistics[dataset].estimate(entry, MAIN).value
        numbers = [_probe_number(found, entry, name, own) for name in columns]
        if any(value is not None for value in numbers):
            rows.append([entry_label(found.plan, entry), number(own), *(number(value) for value in numbers)])
    return [["", "own words: Dice", *columns.values()], *rows] if rows else []


def _probe_number(found: Comparison, entry: Entry, name: str, own: float) -> float | None:
    probe, _, part = name.partition("_")
    if part != "other":
        return _of(found, entry, name)
    gap = _of(found, entry, f"{probe}_gap")
    return None if gap is None else own - gap


def listening(found: Comparison, dataset: str) -> Table:
    """The measures of the referring task, of listening and of presence; empty where there are none."""
    entries = ranked(found.statistics[dataset])
    shown = [name for name in LISTENING if name in _MEASURES and any(_of(found, e, name) is not None for e in entries)]
    if not shown:
        return []
    rows = [["", *(_MEASURES[name] for name in shown)]]
    return rows + [[entry_label(found.plan, e), *(number(_of(found, e, name)) for name in shown)] for e in entries]


def costs(found: Comparison) -> Table:
    """What each method costs; measured on one machine, one after the other."""
    head = [
        "",
        "parameters",
        "trained",
        "multiply-adds [G]",
        "train images/s",
        "latency",
        "memory [MB]",
        "training [MB]",
    ]
    rows = [head]
    for method in found.plan.methods:
        members = [row for row in found.rows if row["method"] == method and row["status"] == DONE]
        cost = found.costs.get(method, {})
        if not members:
            continue
        rows.append(
            [
                found.plan.label(method),
                amount(_mean(members, "parameters")),
                amount(_mean(members, "trainable_parameters")),
                number(cost.get("gmacs"), 2),
                amount(_mean(members, "train_images_per_second")),
                number(cost.get("relative_latency"), 2),
                amount(cost.get("peak_memory_mb")),
                amount(_mean(members, "peak_memory_mb")),
            ]
        )
    return rows if len(rows) > 1 else []


def papers(found: Comparison, dataset: str) -> Table:
    """What papers report on a data set, those of one averaging together; empty without any.

    A method of the plan that has a paper's architecture stands beside it by the same averaging, on our split and with
    our encoders: no reproduction.
    """
    chosen = [p for p in found.plan.papers if p.dataset == dataset]
    chosen.sort(key=lambda p: _AVERAGED.index(p.aggregation))
    head = ["published", "kind", "averaged", "Dice", "IoU", "scored at [px]", "source"]
    beside, command = any(p.beside for p in chosen), any(p.command for p in chosen)
    head += ["ours, not a reproduction"] * beside + ["what would reproduce it"] * command
    rows = [
        [
            p.method,
            p.kind,
            p.aggregation,
            number(p.dice, 4),
            number(p.iou, 4),
            str(p.resolution or "not said"),
            p.source,
            *[_beside(found, p)] * beside,
            *[f"`{p.command}`" if p.command else "-"] * command,
        ]
        for p in chosen
    ]
    return [head, *rows] if rows else []


def _beside(found: Comparison, paper: PaperScore) -> str:
    """The score of the paper's architecture here; - where its averaging is not stated or nothing was run."""
    statistics = found.statistics[paper.dataset]
    metric = {"per image": MAIN, "pooled": "dice_pooled"}.get(paper.aggregation)
    entry = next((e for e in statistics.entries if e.method == paper.beside), None)
    if metric is None or entry is None:
        return "-"
    return f"{entry_label(found.plan, entry)}: {ranged(statistics.estimate(entry, metric))}"


def troubles(found: Comparison) -> Table:
    """Cells that failed, each with why; empty if none did."""
    rows = [
        [
            row_label(found.plan, one.cell.method, one.cell.dataset, one.cell.text),
            found.plan.dataset_label(one.cell.dataset),
            str(one.cell.seed),
            one.reason,
        ]
        for one in found.outcomes
        if one.status == FAILED
    ]
    return [["method", "data set", "seed", "why"], *rows] if rows else []


def parts(found: Comparison, dataset: str, column: str) -> Table:
    """Dice per image of the parts of the cases."""
    chosen = [score for score in found.groups if score.entry.dataset == dataset and score.column == column]
    values = list(dict.fromkeys(score.value for score in chosen))
    counts = {score.value: score.n for score in chosen}
    rows = [["", *(f"{value or '(blank)'} ({counts[value]})" for value in values)]]
    for entry in ranked(found.statistics[dataset]):
        own = {score.value: score.dice for score in chosen if score.entry is entry}
        rows.append([entry_label(found.plan, entry), *(ranged(own[value]) for value in values)])
    return rows


def rules(found: Comparison) -> list[str]:
    """What the numbers mean, in sentences."""
    plan = found.plan
    chosen = "the best of the validations" if plan.select == "best" else "the last"
    lines = [
        f"Every cell was trained for {plan.budget}; its model is {chosen}.",
        "Scores are at each image's own size. Per image: the mean of the images' scores, both masks empty 1, one empty "
        "0. Pooled: one count over the pixels of all images. Never compare one with the other.",
        "Intervals and p values: paired percentile bootstrap of 10,000 samples of whole patients (images, where no "
        "patient is known), on the same cases; a method's seeds are averaged, per-image scores case by case; p "
        "corrected by Holm over all comparisons of a data set. They tell whether other patients would change the "
        "order, not whether another seed would: that is what the spread of the seeds is for, and of a method with one "
        "seed it is not known.",
    ]
    on_val = any(plan.datasets[name].split == "val" for name in found.statistics)
    if on_val and plan.select == "best" and plan.select_on == "val":
        lines.append(
            "Models were chosen on validation cases that are among those that are scored: all scores are a little high."
        )
    for name, statistics in found.statistics.items():
        label = plan.dataset_label(name)
        cautions = _of_few(label, statistics.clusters), _of_few_in_parts(label, few_patients(found, name))
        lines += [caution for caution in cautions if caution]
    lines += [_said_of_sentences(plan, name) for name in found.statistics]
    if any("lite" in plan.methods[name].recipe for name in plan.methods):
        lines.append(
            "“(lite)” is a method's decoder, interaction and losses on a small shared encoder, under this plan's "
            "budget: no result of the published method, which has other encoders, sizes and training."
        )
    return lines


def _said_of_sentences(plan: Plan, dataset: str) -> str:
    """Where the sentences come from: what is written from a mask tells part of the answer."""
    name, texts = plan.dataset_label(dataset), plan.texts_of(dataset)
    if texts == [NULL]:
        return f"{name}: asked without words."
    if (
        plan.datasets[dataset].leaks
        and len(texts) > 1
        and texts[0] == (",".join(plan.datasets[dataset].leak_free) or NULL)
    ):
        return (
            f"{name}: the headline is {_without_leak(texts[0])}; the sentences of `{texts[1]}` were written from the "
            "masks, so scores with them are an upper bound for the clinic."
        )
    return {
        True: f"{name}: the sentences were written from the masks, so scores with them are an upper bound for the "
        f"clinic; the column without words (`texts: [{NULL}]`) is free of that leak.",
        False: f"{name}: the sentences do not come from the masks.",
        None: f"{name}: whether the sentences were written from the masks is not said in the plan (`leaks`).",
    }[plan.datasets[dataset].leaks]


def _without_leak(text: str) -> str:
    return "asked without words" if text == NULL else f"asked with `{text}`, which tells nothing of the masks"


def ranged(estimate: Estimate, digits: int = 3) -> str:
    """A score with its interval."""
    low, high = number(estimate.low, digits), number(estimate.high, digits)
    return number(estimate.value, digits) + ("" if low == "-" else f" [{low}, {high}]")


def _difference(found: Difference) -> str:
    return _range(found.value, found.low, found.high)


def _range(value: float, low: float, high: float) -> str:
    ends = "" if signed(low) == "-" else f" [{signed(low)}, {signed(high)}]"
    return signed(value) + ends


def _of(found: Comparison, entry: Entry, name: str) -> float | None:
    value = found.summary_of(entry)[name]
    return None if value is None else float(value)


def _mean(rows: Sequence[Mapping[str, Any]], name: str) -> float | None:
    known = [float(row[name]) for row in rows if row[name] is not None]
    return sum(known) / len(known) if known else None


def few_patients(found: Comparison, dataset: str) -> dict[str, int]:
    """Parts of the cases, and probes, whose intervals rest on fewer than `FEW` patients, with how many those are.

    Empty where the whole data set has so few.
    """
    statistics = found.statistics[dataset]
    if statistics.clusters < FEW:
        return {}
    known = {f"{s.column} {s.value or '(blank)'}": s.patients for s in found.groups if s.entry.dataset == dataset}
    for entry in statistics.entries:
        for probe, drops in entry.tables[0].drops.items():
            if changed := len(patients_of(entry.tables[0], np.isfinite(drops))):
                known[PROBE_LABELS[probe]] = changed
    return {name: patients for name, patients in known.items() if patients < FEW}


def _of_few_in_parts(dataset: str, parts: Mapping[str, int]) -> str:
    if not parts:
        return ""
    named = ", ".join(f"{name} ({patients})" for name, patients in parts.items())
    return f"Caution: {dataset}: intervals that rest on fewer than {FEW} patients are too narrow: {named}."


def _of_few(dataset: str, patients: int) -> str:
    """What to beware of in intervals that rest on few patients; empty of enough."""
    if patients >= FEW:
        return ""
    whom = f"Caution: {dataset} has {patients} patients (images, where no patient is known)"
    if patients <= TOO_FEW:
        return f"{whom}: its intervals say next to nothing, and no p is given of so few."
    return f"{whom}: intervals of fewer than {FEW} are too narrow, and their p values too small."

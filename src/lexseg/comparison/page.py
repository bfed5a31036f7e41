"""``index.html``: one file that needs nothing else, for light and dark screens and for print."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from lexseg.comparison import page_tables as shown
from lexseg.comparison.comparison import Comparison
from lexseg.comparison.labels import entry_label, number
from lexseg.comparison.outcomes import DONE, FAILED, WAITING
from lexseg.comparison.pictures import ranked
from lexseg.comparison.statistics import MAIN
from lexseg.evaluation.canvas import Plot
from lexseg.evaluation.markup import Rows
from lexseg.evaluation.probes import COUNTED, PUBLISHED
from lexseg.outputs.html import render


def build_page(found: Comparison, plots: Mapping[str, Mapping[str, Plot]]) -> str:
    """The page of a comparison as HTML: tables, plots and how each number was made.

    Args:
        found: all results.
        plots: by data set and kind.
    """
    return render(
        "comparison/page.html",
        title=found.plan.title,
        facts=_facts(found),
        cards=list(_cards(found)),
        notes=found.plan.notes,
        troubles=_cells(shown.troubles(found)),
        datasets=[_dataset(found, name, plots.get(name, {})) for name in found.statistics],
        costs=_costs(found),
        rules=shown.rules(found),
        made=_made(found),
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a data set's section: a heading, a plot, and a table with a note, or the note alone."""

    heading: str
    rows: Rows = field(default_factory=list)
    note: str = ""
    plot: Plot | None = None


def _facts(found: Comparison) -> str:
    count = {status: sum(one.status == status for one in found.outcomes) for status in (DONE, FAILED, WAITING)}
    facts = [
        str(found.plan.budget),
        f"{count[DONE]} of {len(found.outcomes)} cells done",
        f"{count[FAILED]} failed" if count[FAILED] else "",
        f"{count[WAITING]} to come" if count[WAITING] else "",
    ]
    return " · ".join(fact for fact in facts if fact)


def _cards(found: Comparison) -> Iterator[tuple[str, str, str]]:
    for name, statistics in found.statistics.items():
        best = ranked(statistics)[0]
        dice = number(statistics.estimate(best, MAIN).value)
        yield found.plan.dataset_label(name), dice, f"{entry_label(found.plan, best)}: the highest Dice per image"


def _dataset(found: Comparison, name: str, plots: Mapping[str, Plot]) -> dict[str, Any]:
    statistics, dataset = found.statistics[name], found.plan.datasets[name]
    summary = statistics.entries[0].summaries[0]
    facts = (
        f"{summary['n']} cases of the split {dataset.split}, {summary['n_foreground']} with a target; "
        f"{statistics.clusters} patients (images, where no patient is known)"
    )
    return {"label": found.plan.dataset_label(name), "facts": facts, "parts": list(_parts(found, name, plots))}


def _parts(found: Comparison, name: str, plots: Mapping[str, Plot]) -> Iterator[_Part]:
    yield _Part("", _cells(shown.scores(found, name)), plot=plots.get("scores"))
    if rows := shown.differences(found, name):
        note = (
            "Above zero: the first is better. Coloured: p below 0.05 after Holm's correction for all comparisons of "
            "this data set."
        )
        yield _Part("Paired differences", _cells(rows), note, plots.get("differences"))
    if "cost" in plots:
        note = "Hollow: reads no sentence." if _some_deaf(found) else ""
        yield _Part("Score against cost", note=note, plot=plots["cost"])
    if rows := shown.honesty(found, name):
        note = (
            "Change in Dice on the cases whose sentence the probe alters. A method that listens loses; an interval "
            "that holds zero cannot be told from not listening at all."
        )
        yield _Part("Does it listen?", _cells(rows), note)
    if rows := shown.probed(found, name):
        yield _Part("As VoxTell was probed", _cells(rows), f"{COUNTED} {PUBLISHED}")
    if rows := shown.listening(found, name):
        yield _Part("Does it find what the words name?", _cells(rows))
    if "size" in plots:
        yield _Part("By size of the target", _cells(shown.parts(found, name, "size")), plot=plots["size"])
    for column in dict.fromkeys(s.column for s in found.groups if s.entry.dataset == name and s.column != "size"):
        rows = shown.parts(found, name, column)
        yield _Part(f"By {column}", _cells(rows), plot=plots.get(f"by_{column}"))
    if rows := shown.papers(found, name):
        note = (
            "As published: other encoders, training, splits and sizes. Compare with equal averaging only, if at all. "
            "Ours beside it is the architecture on small encoders, another split and this budget."
        )
        yield _Part("What papers report", _cells(rows), note)


def _costs(found: Comparison) -> dict[str, Any] | None:
    rows = shown.costs(found)
    if not rows:
        return None
    note = (
        "Multiply-adds: one image and one sentence at the plan's size, text encoder included. Latency: one whole call "
        "over a ConvNeXt-Tiny forward at 224 x 224, timed in turn with it. Memory: the most that a process held, "
        "answering and training. Images/s were counted while cells ran: other work on the machine slows them."
    )
    failed = [
        f"{found.plan.label(name)}: {cost['failed']}"
        for name, cost in found.costs.items()
        if "failed" in cost and name in found.plan.methods
    ]
    return {"rows": _cells(rows), "note": note, "missing": f"Not measured: {'; '.join(failed)}." if failed else ""}


def _made(found: Comparison) -> str:
    entry = next((e for part in found.statistics.values() for e in part.entries), None)
    if entry is None:
        return ""
    return f"Made with {', '.join(f'{name} {number}' for name, number in entry.summaries[0]['versions'].items())}."


def _cells(rows: shown.Table) -> Rows:
    return [[_cell(cell) for cell in row] for row in rows]


def _cell(words: str) -> Markup:
    """Intervals are set small."""
    return Markup(re.sub(r" \[([^\],]*), ([^\]]*)\]$", r" <small>\1 to \2</small>", str(Markup.escape(words))))


def _some_deaf(found: Comparison) -> bool:
    return any(cost.get("reads_words") is False for cost in found.costs.values())

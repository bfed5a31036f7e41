"""``index.html``: one file that needs nothing else, for light and dark screens and for print."""

import re
from collections.abc import Mapping
from html import escape
from importlib.resources import files

from lexseg.comparison import page_tables as shown
from lexseg.comparison.comparison import Comparison
from lexseg.comparison.labels import entry_label, number
from lexseg.comparison.outcomes import DONE, FAILED, WAITING
from lexseg.comparison.pictures import ranked
from lexseg.comparison.statistics import MAIN
from lexseg.evaluation.canvas import Plot
from lexseg.evaluation.markup import plot, table


def build_page(found: Comparison, plots: Mapping[str, Mapping[str, Plot]]) -> str:
    """The whole page.

    Args:
        found: all results.
        plots: by data set and kind.
    """
    sections = [_head(found), _troubles(found)]
    sections += [_dataset(found, name, plots.get(name, {})) for name in found.statistics]
    sections += [_cost(found), _rules(found)]
    css = files("lexseg.evaluation").joinpath("page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(found.plan.title)}</title>\n<style>\n{css}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in sections if part)
        + "\n<footer>Research use only: not a medical device.</footer>\n</body>\n</html>\n"
    )


def _head(found: Comparison) -> str:
    plan = found.plan
    count = {status: sum(one.status == status for one in found.outcomes) for status in (DONE, FAILED, WAITING)}
    facts = [
        str(plan.budget),
        f"{count[DONE]} of {len(found.outcomes)} cells done",
        f"{count[FAILED]} failed" if count[FAILED] else "",
        f"{count[WAITING]} to come" if count[WAITING] else "",
    ]
    cards = []
    for name, statistics in found.statistics.items():
        best = ranked(statistics)[0]
        dice = number(statistics.estimate(best, MAIN).value)
        cards.append(
            f'<div class="card">{escape(plan.dataset_label(name))}<b>{dice}</b>'
            f"<span>{escape(entry_label(plan, best))}: the highest Dice per image</span></div>"
        )
    line = escape(" · ".join(fact for fact in facts if fact))
    notes = f"<p>{escape(plan.notes)}</p>" if plan.notes else ""
    boxes = f'<div class="cards">{"".join(cards)}</div>'
    return f'<h1>{escape(plan.title)}</h1>\n<div class="soft">{line}</div>\n{boxes}{notes}'


def _troubles(found: Comparison) -> str:
    rows = shown.troubles(found)
    return f"<h2>Failed</h2>{_table(rows)}" if rows else ""


def _dataset(found: Comparison, name: str, plots: Mapping[str, Plot]) -> str:
    statistics, dataset = found.statistics[name], found.plan.datasets[name]
    summary = statistics.entries[0].summaries[0]
    facts = (
        f"{summary['n']} cases of the split {dataset.split}, {summary['n_foreground']} with a target; "
        f"{statistics.clusters} patients (images, where no patient is known)"
    )
    sections = [f'<h2>{escape(found.plan.dataset_label(name))}</h2><p class="soft">{escape(facts)}</p>']
    sections.append(plot(plots.get("scores")) + _table(shown.scores(found, name)))
    if rows := shown.differences(found, name):
        note = (
            "Above zero: the first is better. Coloured: p below 0.05 after Holm's correction for all comparisons of "
            "this data set."
        )
        sections.append(f"<h3>Paired differences</h3>{plot(plots.get('differences'))}{_table(rows, note)}")
    if "cost" in plots:
        note = "Hollow: reads no sentence." if _some_deaf(found) else ""
        sections.append(f'<h3>Score against cost</h3>{plot(plots["cost"])}<p class="soft">{note}</p>')
    if rows := shown.honesty(found, name):
        note = (
            "Change in Dice on the cases whose sentence the probe alters. A method that listens loses; an interval "
            "that holds zero cannot be told from not listening at all."
        )
        sections.append(f"<h3>Does it listen?</h3>{_table(rows, note)}")
    if rows := shown.listening(found, name):
        sections.append(f"<h3>Does it find what the words name?</h3>{_table(rows)}")
    if "size" in plots:
        rows = shown.parts(found, name, "size")
        sections.append(f"<h3>By size of the target</h3>{plot(plots['size'])}{_table(rows)}")
    for column in dict.fromkeys(s.column for s in found.groups if s.entry.dataset == name and s.column != "size"):
        rows = shown.parts(found, name, column)
        sections.append(f"<h3>By {escape(column)}</h3>{plot(plots.get(f'by_{column}'))}{_table(rows)}")
    if rows := shown.papers(found, name):
        note = "As published: other encoders, training, splits and sizes. Compare with equal averaging only, if at all."
        sections.append(f"<h3>What papers report</h3>{_table(rows, note)}")
    return "\n".join(sections)


def _cost(found: Comparison) -> str:
    rows = shown.costs(found)
    if not rows:
        return ""
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
    reasons = f'<p class="soft">Not measured: {escape("; ".join(failed))}.</p>' if failed else ""
    return f"<h2>Cost</h2>{_table(rows, note)}{reasons}"


def _rules(found: Comparison) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in shown.rules(found))
    entry = next((e for part in found.statistics.values() for e in part.entries), None)
    made = ""
    if entry is not None:
        versions = ", ".join(f"{name} {number}" for name, number in entry.summaries[0]["versions"].items())
        made = f'<p class="soft">Made with {escape(versions)}.</p>'
    return f"<h2>How to read this</h2><ul>{lines}</ul>{made}"


def _table(rows: shown.Table, note: str = "") -> str:
    return table([[_cell(cell) for cell in row] for row in rows], note)


def _cell(words: str) -> str:
    """Intervals are set small."""
    return re.sub(r" \[([^\],]*), ([^\]]*)\]$", r" <small>\1 to \2</small>", escape(words))


def _some_deaf(found: Comparison) -> bool:
    return any(cost.get("reads_words") is False for cost in found.costs.values())

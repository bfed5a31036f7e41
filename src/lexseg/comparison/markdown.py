"""``comparison.md``: the tables for a paper or an issue."""

from lexseg.comparison import page_tables as shown
from lexseg.comparison.comparison import Comparison
from lexseg.evaluation.probes import COUNTED, PUBLISHED


def build_markdown(found: Comparison) -> str:
    """The comparison's tables as Markdown."""
    plan = found.plan
    parts = [f"# {plan.title}"]
    if plan.notes:
        parts.append(plan.notes)
    done = sum(one.status == "done" for one in found.outcomes)
    parts.append(f"{plan.budget} for each cell; {done} of {len(found.outcomes)} cells done.")
    if rows := shown.troubles(found):
        parts += ["## Failed", _table(rows)]
    for name, statistics in found.statistics.items():
        summary = statistics.entries[0].summaries[0]
        parts.append(f"## {plan.dataset_label(name)}")
        parts.append(
            f"{summary['n']} cases of the split {plan.datasets[name].split}, {statistics.clusters} patients (images, "
            "where no patient is known); 95 % intervals in brackets."
        )
        parts.append(_table(shown.scores(found, name)))
        for head, rows in (
            ("Paired differences", shown.differences(found, name)),
            ("Change in Dice with other words", shown.honesty(found, name)),
            ("As VoxTell was probed", shown.probed(found, name)),
            ("What the words name", shown.listening(found, name)),
            ("As published, elsewhere", shown.papers(found, name)),
        ):
            if rows:
                parts += [f"### {head}", _table(rows)]
            if rows and head == "As VoxTell was probed":
                parts.append(f"{COUNTED} {PUBLISHED}")
    if rows := shown.costs(found):
        parts += ["## Cost", _table(rows)]
    parts += ["## How to read this", "\n".join(f"- {line}" for line in shown.rules(found))]
    return "\n\n".join(parts) + "\n"


def _table(rows: shown.Table) -> str:
    head, *body = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

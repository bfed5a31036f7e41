"""The page's sections on expressions that name targets: scores, listening, groups, and pictures."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lexseg.evaluation.markup import Cell, Rows, bold, score, share
from lexseg.evaluation.pictures import Figure, figure

if TYPE_CHECKING:
    from lexseg.evaluation.measured import Measured

_REFERRING = {
    "giou": ("gIoU", "mean IoU; an expression without a target counts 1 if nothing was found, else 0"),
    "ciou": ("cIoU", "all intersections over all unions: large targets weigh more"),
    "dice": ("Dice", "per image, of expressions with a target"),
    "pr50": ("Pr@0.5", "share of the targets found with an IoU above 0.5"),
    "pr70": ("Pr@0.7", "above 0.7"),
    "pr90": ("Pr@0.9", "above 0.9"),
    "n_acc": ("N-acc", "share of the expressions without a target that were rightly answered by an empty mask"),
    "t_acc": ("T-acc", "share of the expressions with a target that were answered by any mask"),
}
_LISTENING = {
    "follow_rate": ("follow rate", "share of the found area on the side or zone that is asked for"),
    "switch_score": ("switch score", "1: each expression gets its own target; 0: all get the same; -1: the other's"),
    "paraphrase_spread": ("paraphrase spread", "standard deviation of Dice over the wordings of an expression"),
}
_SIDES = {
    "one_of_both": "asked for one side, while both have findings",
    "clear_side": "asked for the side that has none, while the other has",
}
_GROUP = {
    "dice": "Dice",
    "giou": "gIoU",
    "follow_rate": "follow rate",
    "t_acc": "T-acc",
    "n_acc": "N-acc",
    "empty": "empty masks",
}
_PRESENCE = {"auroc": "presence AUROC", "sensitivity": "sensitivity", "specificity": "specificity"}


def referring(summary: Mapping[str, Any]) -> dict[str, Any] | None:
    """Scores of the referring task and of listening; ``None`` where no expression names a target."""
    part, listening = summary["referring"], summary["listening"]
    if part is None or listening is None:
        return None
    counts = listening["n"]
    measured = {
        "follow_rate": f"{counts['follow_rate']} expressions",
        "switch_score": f"{listening['n_pairs']} pairs in {counts['switch_score']} images",
        "paraphrase_spread": f"{counts['paraphrase_spread']} expressions",
    }
    rows: Rows = [["listening", "", "of", "meaning"]]
    rows += [[label, score(listening, key), measured[key], why] for key, (label, why) in _LISTENING.items()]
    scores: Rows = [["referring", "", "meaning"]]
    scores += [[label, score(part, key), meaning] for key, (label, meaning) in _REFERRING.items()]
    sides = {label: listening["sides"][key] for key, label in _SIDES.items()}
    tables = [scores, _groups(part["by_kind"], "targets named"), rows, _groups(sides, "sides")]
    reasons = "; ".join(
        f"{(_REFERRING | _LISTENING)[key][0]}: {why}"
        for key, why in {**summary["referring_missing"], **summary["listening_missing"]}.items()
    )
    return {
        "n": part["n"],
        "n_target": part["n_target"],
        "n_none": part["n_none"],
        "tables": [rows for rows in tables if rows],
        "missing": f"Not measured: {reasons}." if reasons else "",
    }


def groups(summary: Mapping[str, Any]) -> list[Rows]:
    """Scores of each value of the columns that were named: a table each."""
    return [rows for column, members in summary["by"].items() if (rows := _groups(members, column))]


def expressions_shown(report: "Measured", include_text: bool) -> list[list[Figure]]:
    """Images with their expressions side by side."""
    return [[_expression(report, index, include_text) for index in members] for members in report.gallery.expressions]


def _expression(report: "Measured", index: int, include_text: bool) -> Figure:
    one = report.scores[index]
    asked = f"{one.case.expression_kind}: {one.region or 'no place named'}"
    if include_text and one.case.text:
        asked = f"{one.case.text} ({one.case.expression_kind})"
    found = "nothing found" if one.given.predicted == 0 else f"found {share(one.given.predicted, one.pixels)}"
    verdict: Cell = bold("rightly empty" if one.given.predicted == 0 else "false alarm") + ", no target"
    if one.has_foreground:
        verdict = bold(f"Dice {one.given.dice:.3f}") + f", {found}"
    sure = "" if one.presence is None else f"presence {one.presence:.2f}"
    lines = [asked, verdict, sure, one.case.id]
    return figure(report, report.gallery.asked[index], "given", [line for line in lines if line])


def _groups(members: Mapping[str, Mapping[str, Any] | None], head: str) -> Rows:
    known = {label: part for label, part in members.items() if part is not None}
    says = any(part["presence"] for part in known.values())
    rows: Rows = [[head, "cases", *_GROUP.values(), *(_PRESENCE.values() if says else ())]]
    for label, part in known.items():
        cells: list[Cell] = [label or "(blank)", str(part["n"]), *(score(part, key) for key in _GROUP)]
        if says:
            cells += [score(part["presence"], key) if part["presence"] else "-" for key in _PRESENCE]
        rows.append(cells)
    return rows if known else []

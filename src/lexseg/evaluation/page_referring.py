"""The page's sections on expressions that name targets: scores, listening, presence, groups, and pictures."""

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from lexseg.evaluation.markup import plot, ranged, share, table, three
from lexseg.evaluation.pictures import figure
from lexseg.evaluation.plots import presence_plots

if TYPE_CHECKING:
    from lexseg.evaluation.report import Report

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


def referring(summary: Mapping[str, Any]) -> str:
    """Scores of the referring task and of listening; nothing where no expression names a target."""
    part, listening = summary["referring"], summary["listening"]
    if part is None or listening is None:
        return ""
    intro = (
        f"<p>{part['n']} expressions: {part['n_target']} with a target, {part['n_none']} that name nothing in "
        "their image and are to be answered by an empty mask.</p>"
    )
    counts = listening["n"]
    measured = {
        "follow_rate": f"{counts['follow_rate']} expressions",
        "switch_score": f"{listening['n_pairs']} pairs in {counts['switch_score']} images",
        "paraphrase_spread": f"{counts['paraphrase_spread']} expressions",
    }
    rows = [["listening", "", "of", "meaning"]]
    rows += [[label, _score(listening, key), measured[key], why] for key, (label, why) in _LISTENING.items()]
    sides = {label: listening["sides"][key] for key, label in _SIDES.items()}
    tables = [
        _measures(part, _REFERRING, "referring"),
        _groups({**{f"{kind}": part["by_kind"][kind] for kind in part["by_kind"]}}, "targets named"),
        table(rows),
        _groups(sides, "sides"),
    ]
    reasons = "; ".join(
        f"{(_REFERRING | _LISTENING)[key][0]}: {why}"
        for key, why in {**summary["referring_missing"], **summary["listening_missing"]}.items()
    )
    missing = f'<p class="soft">Not measured: {escape(reasons)}.</p>' if reasons else ""
    return f"<h2>Does it find what the words name?</h2>{intro}{''.join(tables)}{missing}"


def presence(report: "Report") -> str:
    """Whether the model knows that a target is not there; nothing where it does not say."""
    part = report.summary["presence"]
    if part is None:
        return ""
    head = "<h2>Does it know what is not there?</h2>"
    if part["auroc"] is None:
        why = report.summary["presence_missing"]["auroc"]
        return f'{head}<p class="soft">Not measured: {escape(why)}.</p>'
    rows = [
        ["presence", "", "meaning"],
        ["AUROC", _score(part, "auroc"), "how often a target that is there is given more than one that is not"],
        ["calibration error", _score(part, "ece"), f"how far probabilities lie from frequencies, {part['bins']} bins"],
    ]
    intro = (
        f"<p>{part['n_present']} sentences name what is there, {part['n_absent']} what is not. "
        f"Below a probability of {part['threshold']:.3g} the answer is “not found” and the mask empty.</p>"
    )
    return f"{head}{intro}{table(rows)}{plot(presence_plots(report.scores, part['threshold']))}"


def groups(summary: Mapping[str, Any]) -> str:
    """Scores of each value of the columns that were named."""
    parts = [_groups(members, column) for column, members in summary["by"].items()]
    return f"<h2>Groups</h2>{''.join(parts)}" if parts else ""


def expressions_shown(report: "Report", include_text: bool) -> str:
    """Images with their expressions side by side."""
    rows = []
    for members in report.gallery.expressions:
        figures = [_expression(report, index, include_text) for index in members]
        rows.append(f'<div class="grid">{"".join(figures)}</div>')
    return (
        "<h3>One image, its expressions side by side</h3>"
        '<p class="soft">Drawn by chance from the images with the most kinds of expressions.</p>' + "".join(rows)
    )


def _expression(report: "Report", index: int, include_text: bool) -> str:
    score = report.scores[index]
    asked = f"{score.case.expression_kind}: {score.region or 'no place named'}"
    if include_text and score.case.text:
        asked = f"{score.case.text} ({score.case.expression_kind})"
    found = "nothing found" if score.given.predicted == 0 else f"found {share(score.given.predicted, score.pixels)}"
    if score.has_foreground:
        found = f"<b>Dice {score.given.dice:.3f}</b>, {found}"
    else:
        found = f"<b>{'rightly empty' if score.given.predicted == 0 else 'false alarm'}</b>, no target"
    sure = "" if score.presence is None else f"presence {score.presence:.2f}"
    lines = [escape(asked), found, sure, escape(score.case.id)]
    return figure(report, report.gallery.asked[index], "given", "<br>".join(line for line in lines if line))


def _measures(part: Mapping[str, Any], names: Mapping[str, tuple[str, str]], head: str) -> str:
    rows = [[head, "", "meaning"]]
    rows += [[label, _score(part, key), meaning] for key, (label, meaning) in names.items()]
    return table(rows)


def _groups(members: Mapping[str, Mapping[str, Any] | None], head: str) -> str:
    known = {label: part for label, part in members.items() if part is not None}
    if not known:
        return ""
    rows = [[escape(head), "cases", *_GROUP.values()]]
    for label, part in known.items():
        rows.append([escape(label) or "(blank)", str(part["n"]), *(_score(part, key) for key in _GROUP)])
    return table(rows)


def _score(part: Mapping[str, Any], key: str) -> str:
    value, ends = part[key], ranged(part["ci95"][key])
    return f"{three(value)} <small>{ends}</small>" if ends else three(value)

"""The page's section on presence: does the model know what is not there, how surely, and at what price?"""

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from lexseg.evaluation.markup import plot, score, table, three
from lexseg.evaluation.plots import presence_plots

if TYPE_CHECKING:
    from lexseg.evaluation.measured import Measured

_MEASURES = {
    "auroc": ("AUROC", "how often a target that is there is given more than one that is not"),
    "sensitivity": ("sensitivity", "share of what is there that is said to be there, at the model's threshold"),
    "specificity": ("specificity", "share of what is not there that is said not to be, at the model's threshold"),
    "ece_equal_mass": (
        "calibration error",
        "how far probabilities lie from frequencies, in bins that hold equally many; the interval leans upwards, as "
        "resampling only adds to a mean of distances",
    ),
    "ece": ("calibration error, equally wide bins", "the same in bins of equal width, as it was first defined"),
}


def presence(report: "Measured") -> str:
    """Whether the model knows that a target is not there; nothing where it does not say."""
    part, missing = report.summary["presence"], report.summary["presence_missing"]
    if part is None:
        return ""
    rows = [["presence", "", "meaning"]]
    rows += [[label, score(part, key), meaning] for key, (label, meaning) in _MEASURES.items()]
    intro = (
        f"<p>{part['n_present']} sentences name what is there, {part['n_absent']} what is not. "
        f"Below a probability of {three(part['threshold'])} the answer is “not found” and the mask empty.</p>"
    )
    reasons = "; ".join(f"{_MEASURES[key][0]}: {why}" for key, why in missing.items())
    told = f'<p class="soft">Not measured: {escape(reasons)}.</p>' if reasons else ""
    drawn = "" if missing else plot(presence_plots(report.scores, part["threshold"])) + _curve(part)
    return f"<h2>Does it know what is not there?</h2>{intro}{table(rows)}{told}{drawn}{_sizes(part)}{_points(part)}"


def _curve(part: Mapping[str, Any]) -> str:
    rows = [["presence said", "cases", "mean said", "share that is there"]]
    rows += [
        [f"{three(b['from'])} to {three(b['to'])}", f"{b['n']:.3g}", three(b["said"]), three(b["there"])]
        for b in part["reliability"]
    ]
    return f"<details><summary>The reliability curve in numbers</summary>{table(rows)}</details>"


def _sizes(part: Mapping[str, Any]) -> str:
    if not part["by_size"]:
        return ""
    rows = [["size of the target, share of the image", "targets", "mean said", "sensitivity", "AUROC"]]
    for name, one in part["by_size"].items():
        cells = [str(one["n_present"]), three(one["said"]), score(one, "sensitivity"), score(one, "auroc")]
        rows.append([escape(name), *cells])
    return table(rows, "Each class of size against all sentences whose target is not there.")


def _points(part: Mapping[str, Any]) -> str:
    if not part["operating_points"]:
        return ""
    rows = [["may be lost", "chosen on", "threshold", "sensitivity", "specificity"]]
    for one in part["operating_points"]:
        source = "the model's calibration" if one["from"] == "model" else "these very cases"
        cells = [f"{one['point']} %", source, three(one["threshold"])]
        rows.append([*map(escape, cells), score(one, "sensitivity"), score(one, "specificity")])
    return table(rows, "Operating points: how many targets are lost, and how much of what is not there is denied.")

"""The page's section on presence: does the model know what is not there, how surely, and at what price?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lexseg.evaluation.markup import Rows, score, three
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


def presence(report: "Measured") -> dict[str, Any] | None:
    """Whether the model knows that a target is not there; ``None`` where it does not say."""
    part, missing = report.summary["presence"], report.summary["presence_missing"]
    if part is None:
        return None
    reasons = "; ".join(f"{_MEASURES[key][0]}: {why}" for key, why in missing.items())
    return {
        "n_present": part["n_present"],
        "n_absent": part["n_absent"],
        "threshold": three(part["threshold"]),
        "rows": [
            ["presence", "", "meaning"],
            *([label, score(part, key), meaning] for key, (label, meaning) in _MEASURES.items()),
        ],
        "missing": f"Not measured: {reasons}." if reasons else "",
        "plots": None if missing else presence_plots(report.scores, part["threshold"]),
        "curve": [] if missing else _curve(part),
        "sizes": _sizes(part),
        "points": _points(part),
    }


def _curve(part: Mapping[str, Any]) -> Rows:
    rows: Rows = [["presence said", "cases", "mean said", "share that is there"]]
    rows += [
        [f"{three(b['from'])} to {three(b['to'])}", f"{b['n']:.3g}", three(b["said"]), three(b["there"])]
        for b in part["reliability"]
    ]
    return rows


def _sizes(part: Mapping[str, Any]) -> Rows:
    rows: Rows = [["size of the target, share of the image", "targets", "mean said", "sensitivity", "AUROC"]]
    for name, one in (part["by_size"] or {}).items():
        rows.append([name, str(one["n_present"]), three(one["said"]), score(one, "sensitivity"), score(one, "auroc")])
    return rows if part["by_size"] else []


def _points(part: Mapping[str, Any]) -> Rows:
    rows: Rows = [["may be lost", "chosen on", "threshold", "sensitivity", "specificity"]]
    for one in part["operating_points"] or ():
        source = "the model's calibration" if one["from"] == "model" else "these very cases"
        told = [score(one, "sensitivity"), score(one, "specificity")]
        rows.append([f"{one['point']} %", source, three(one["threshold"]), *told])
    return rows if part["operating_points"] else []

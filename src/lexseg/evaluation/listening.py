"""The referring task and listening in the report: plain numbers, with their intervals beside them.

Each part holds its measures as numbers or null, ``ci95`` with an interval for each of them, and ``missing`` (beside the
part, as ``..._missing``) with the reason for each null.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lexseg.evaluation.bootstrap import Bootstrap, plain
from lexseg.evaluation.presence import group_presence
from lexseg.evaluation.scores import CaseScore
from lexseg.evaluation.switching import Switch
from lexseg.metrics.listening import paraphrase_spread
from lexseg.metrics.referring import MEASURES, Terms, referring_terms

KINDS = ("one", "several", "none")
SIDES = {"one_of_both": "one of both", "clear_side": "clear"}

_NO_TARGET, _NO_NONE = "no expression names a target", "no expression is without a target"
_WHY = {"n_acc": _NO_NONE} | dict.fromkeys(("pr50", "pr70", "pr90", "t_acc", "dice"), _NO_TARGET)

Part = dict[str, Any]
Missing = dict[str, str]


def referring_part(
    scores: Sequence[CaseScore], options: Mapping[str, Any], threshold: float | None = None
) -> tuple[Part, Missing]:
    """``referring`` and ``referring_missing``.

    Args:
        scores: of the expressions; sentences about whole images left out.
        options: of `Bootstrap`.
        threshold: of presence.
    """
    terms = _terms(scores)
    part = _counts(scores) | _ratios(scores, {name: terms[name] for name in (*MEASURES, "dice")}, options)
    missing = {name: _WHY.get(name, _NO_TARGET) for name in (*MEASURES, "dice") if part[name] is None}
    kinds = {kind: [s for s in scores if s.kind == kind] for kind in KINDS}
    part["by_kind"] = {
        kind: group_part(chosen, options, threshold) if chosen else None for kind, chosen in kinds.items()
    }
    return part, missing


def group_part(scores: Sequence[CaseScore], options: Mapping[str, Any], threshold: float | None = None) -> Part:
    """Some of the cases: those of a kind, of a value of a column, ...

    ``dice`` is per image of the cases with a target that somebody has drawn, ``empty`` the share of all that were
    answered by an empty mask, ``presence`` whether the model knew what is there, at its threshold.
    """
    part = _counts(scores) | _ratios(scores, _terms(scores), options)
    return part | {"presence": group_presence(scores, threshold, options)}


def listening_part(
    scores: Sequence[CaseScore],
    switches: Sequence[Switch],
    options: Mapping[str, Any],
    threshold: float | None = None,
) -> tuple[Part, Missing]:
    """``listening`` and ``listening_missing``.

    Args:
        scores: of the expressions; sentences about whole images left out.
        switches: of the images.
        options: of `Bootstrap`.
        threshold: of presence.
    """
    pointed = [s for s in scores if s.follow is not None]
    several = [s for s in scores if s.wordings and s.located and s.has_foreground]
    values = {
        "follow_rate": ([s.follow or 0.0 for s in pointed], [s.case.cluster for s in pointed]),
        "switch_score": ([s.score for s in switches], [s.cluster for s in switches]),
        "paraphrase_spread": (
            [paraphrase_spread([[one.dice for one in (s.given, *s.wordings)]]) for s in several],
            [s.case.cluster for s in several],
        ),
    }
    found = {name: Bootstrap(clusters, **options).mean(numbers) for name, (numbers, clusters) in values.items()}
    part = plain(found) | {
        "n": {name: len(numbers) for name, (numbers, _) in values.items()},
        "n_pairs": sum(s.pairs for s in switches),
    }
    why = {
        "follow_rate": "no expression with a target names a place (column 'region')",
        "switch_score": "no image has two expressions with different targets",
        "paraphrase_spread": "no expression with a target was asked in two wordings",
    }
    sides = {key: [s for s in scores if s.side == side] for key, side in SIDES.items()}
    part["sides"] = {key: group_part(chosen, options, threshold) if chosen else None for key, chosen in sides.items()}
    return part, {name: reason for name, reason in why.items() if part[name] is None}


def _terms(scores: Sequence[CaseScore]) -> dict[str, Terms]:
    target = np.array([s.has_foreground for s in scores], dtype=np.float64)
    dice = np.array([s.given.dice for s in scores], dtype=np.float64)
    empty = np.array([s.given.predicted == 0 for s in scores], dtype=np.float64)
    points = np.array([s.follow is not None for s in scores], dtype=np.float64)
    follow = np.array([s.follow or 0.0 for s in scores], dtype=np.float64)
    located = np.array([s.located for s in scores], dtype=np.float64)
    masks = referring_terms([s.given for s in scores]) | {"dice": (dice * target, target)}
    # what nobody has drawn is found or not, but neither rightly nor wrongly placed
    masks = {name: (above * located, below * located) for name, (above, below) in masks.items()}
    found = {"t_acc": ((1 - empty) * target, target), "empty": (empty, np.ones_like(empty))}
    return masks | found | {"follow_rate": (follow, points)}


def _counts(scores: Sequence[CaseScore]) -> Part:
    n_target = sum(s.has_foreground for s in scores)
    return {"n": len(scores), "n_target": n_target, "n_none": len(scores) - n_target}


def _ratios(scores: Sequence[CaseScore], terms: Mapping[str, Terms], options: Mapping[str, Any]) -> Part:
    every = Bootstrap([s.case.cluster for s in scores], **options)
    return plain({name: every.ratio(above, below) for name, (above, below) in terms.items()})

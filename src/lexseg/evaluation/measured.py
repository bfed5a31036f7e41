"""What an evaluation measured, case by case, and as the rows of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lexseg.evaluation.gallery import Gallery
from lexseg.evaluation.output import MASKS
from lexseg.evaluation.probes import Questions
from lexseg.evaluation.scores import CaseScore
from lexseg.language.same_meaning import same_meaning
from lexseg.metrics.listening import paraphrase_spread


@dataclass(frozen=True, slots=True)
class Measured:
    """What an evaluation found.

    Attributes:
        summary: what ``report.json`` holds.
        scores: of each case, in the order of the cases.
        questions: what the cases were asked.
        gallery: the cases that the page shows.
        mask_names: file name, without suffix, of each case's saved mask, by id; empty if none were saved.
        groups: by column of the manifest the value of each case.
    """

    summary: dict[str, Any]
    scores: Sequence[CaseScore]
    questions: Questions
    gallery: Gallery
    mask_names: Mapping[str, str]
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def rows(self, *, include_text: bool = False) -> list[dict[str, Any]]:
        """What ``cases.csv`` holds; areas are in pixels, HD95 in the unit of the summary."""
        # images are numbered: their paths would tell how somebody's disk is ordered
        numbers = {name: at for at, name in enumerate(dict.fromkeys(s.case.cluster for s in self.scores), start=1)}
        rows = [self._row(index, score, include_text) for index, score in enumerate(self.scores)]
        for index, (row, score) in enumerate(zip(rows, self.scores, strict=True)):
            row["cluster"] = numbers[score.case.cluster]
            row |= {f"by_{column}": values[index] for column, values in self.groups.items()}
        return rows

    def _row(self, index: int, score: CaseScore, include_text: bool) -> dict[str, Any]:
        case, asked = score.case, self.questions.of(index)
        row: dict[str, Any] = {"id": case.id, "patient": case.patient or ""}
        names = self.questions.names
        row |= {"kind": score.kind, "region": score.region}
        row["present"] = int(score.present)
        row["presence"] = "" if score.presence is None else _short(score.presence)
        if include_text:
            row["text"] = case.text
            row |= {f"text_{name}": asked.get(name) or "" for name in names if name != "none"}
        row |= {
            "dice": _short(score.given.dice),
            "iou": _short(score.given.iou),
            "hd95": _short(score.hd95),
            "nsd": _short(score.nsd),
            "pixels": score.pixels,
            "reference_area": score.given.reference,
            "predicted_area": score.given.predicted,
            "overlap_area": score.given.tp,
            "missed": int(score.missed),
            "false_alarm": int(score.false_alarm),
        }
        row["follow"] = "" if score.follow is None else _short(score.follow)
        dice = [one.dice for one in (score.given, *score.wordings)]
        row |= {"wordings": len(dice), "wordings_sd": _short(paraphrase_spread([dice])) if len(dice) > 1 else ""}
        for name in names:
            known = name in score.probes
            row[f"dice_{name}"] = _short(score.probes[name].dice) if known else ""
            row[f"{name}_changed"] = int(not same_meaning(asked[name], asked["given"])) if known else ""
        if not score.located:  # nobody has drawn the target: what a mask is held against is not known
            unknown = ("dice", "iou", "hd95", "nsd", "reference_area", "overlap_area", "wordings_sd")
            row |= dict.fromkeys((*unknown, *(f"dice_{name}" for name in names)), "")
        if self.mask_names:
            row["mask"] = f"{MASKS}/{self.mask_names[case.id]}.png"
        return row


def _short(value: float) -> str:
    return f"{value:.6g}"

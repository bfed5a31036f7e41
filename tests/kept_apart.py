"""Wordings that no model was trained on, and how well a model listens to them.

``python tests/kept_apart.py DATA OUT`` makes a referring data set of QaTa's validation films with such wordings, which
``lexseg evaluate MODEL OUT/cases.csv --split val`` scores: bilateral films are asked for one lung, unilateral films for
the healthy one.
"""

import csv
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from lexseg.cases.case import Case
from lexseg.cases.manifest import read_manifest
from lexseg.language.sides import mirror_words
from lexseg.metrics.overlap import dice
from lexseg.scans.images import read_image
from lexseg.scans.masks import read_mask
from lexseg.seeds import case_generator

LEAST = 0.002  # of the image: a side with less is not asked for
MOST_ACROSS = 0.05  # of a component, beyond the midline, before its side is doubtful
COLUMNS = ("id", "image", "mask", "split", "patient", "laterality", "text", "text_2", "expression_kind", "target_ids",
           "region", "group")  # fmt: skip


def wordings() -> dict[str, Any]:
    """The file, as it is."""
    path = Path(__file__).with_name("wordings_kept_apart.json")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def for_lung(side: str, *groups: str) -> list[str]:
    """Requests for one lung, of the groups ``one_lung`` and ``healthy_lung``."""
    texts = [text for group in groups or ("one_lung", "healthy_lung") for text in wordings()[group]]
    return texts if side == "left" else [mirror_words(text, "horizontal") for text in texts]


def of_group(group: str) -> dict[str, list[str]]:
    """The wordings of another group by the side they ask for; contradictions stand under both sides."""
    entries = wordings()[group]
    if group == "misspelt":
        return {side: [entry[side] for entry in entries] for side in ("left", "right")}
    if group == "negation":  # they are written to ask for the right lung
        right = [entry["text"] for entry in entries if entry["asks"] == "right"]
        return {"left": [mirror_words(text, "horizontal") for text in right], "right": right}
    left = [entry if isinstance(entry, str) else entry["text"] for entry in entries]
    return {"left": left, "right": [mirror_words(text, "horizontal") for text in left]}


# --- what is asked of which film ------------------------------------------------------


@dataclass(frozen=True)
class Sides:
    """A film's mask as components; ``ids`` by side of the centroid; ``clear``: none of them lies across the midline."""

    labels: NDArray[np.int32]
    ids: dict[str, tuple[int, ...]]
    clear: bool

    @classmethod
    def of(cls, mask: NDArray[np.bool_]) -> "Sides":
        labels, n = ndimage.label(mask, structure=np.ones((3, 3)))
        middle = mask.shape[1] / 2
        ids: dict[str, list[int]] = {"left": [], "right": []}
        clear = True
        for i in range(1, n + 1):
            columns = np.nonzero(labels == i)[1]
            on_left = columns.mean() + 0.5 < middle
            ids["left" if on_left else "right"].append(i)
            across = (columns >= middle) if on_left else (columns < middle)
            clear &= across.mean() <= MOST_ACROSS
        return cls(labels, {side: tuple(each) for side, each in ids.items()}, clear)

    def mask(self, side: str) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = np.isin(self.labels, self.ids[side])
        return found


@dataclass(frozen=True)
class Question:
    """What is asked of a film: ``group`` is one_lung or healthy_lung, ``region`` the side."""

    case: Case
    sides: Sides
    group: str
    region: str


def questions(case: Case) -> list[Question]:
    """Both lungs of a bilateral film, the healthy one of a unilateral film; nothing where it is doubtful."""
    assert case.mask is not None
    sides = Sides.of(read_mask(case.mask))
    share = {side: sides.mask(side).mean() for side in ("left", "right")}
    if min(share.values()) >= LEAST:
        return [Question(case, sides, "one_lung", side) for side in ("left", "right")]
    if sides.clear and max(share.values()) > 0 and min(share.values()) == 0:
        healthy = min(share, key=lambda side: share[side])
        return [Question(case, sides, "healthy_lung", healthy)]
    return []


def asked(question: Question, n: int = 2) -> list[str]:
    """Wordings for a question, drawn by the film's id: neither group has words of its own to be known by."""
    texts = for_lung(question.region)
    rng = case_generator(0, 0, f"{question.case.id}/{question.region}")
    return [texts[i] for i in rng.permutation(len(texts))[:n]]


# --- a data set of them ------------------------------------------------------------------


def write_manifest(chosen: Sequence[Case], out: Path) -> dict[str, int]:
    """Write ``out/cases.csv`` with instance masks, and the films as hard links; returns the questions by group."""
    for folder in ("images", "masks"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    with open(out / "cases.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        for case in chosen:
            for question in questions(case):
                ids = question.sides.ids[question.region]
                mask = out / "masks" / f"{case.id}.png"
                Image.fromarray(question.sides.labels.astype(np.uint8)).save(mask)
                _link(case.image, out / "images" / case.image.name)
                kind = "none" if not ids else "one" if len(ids) == 1 else "several"
                row = {
                    "id": f"{case.id}_{question.region}",
                    "image": f"images/{case.image.name}",
                    "mask": f"masks/{mask.name}",
                    "split": "val",
                    "patient": case.patient,
                    "laterality": "image",
                    "expression_kind": kind,
                    "target_ids": " ".join(map(str, ids)),
                    "region": question.region,
                    "group": question.group,
                }
                table.writerow(row | dict(zip(("text", "text_2"), asked(question), strict=True)))
                counts[question.group] = counts.get(question.group, 0) + 1
    return counts


def films(data: Path) -> list[Case]:
    """QaTa's validation films."""
    return [case for case in read_manifest(data / "qata_covid19" / "cases.csv") if case.split == "val"]


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


# --- a quick measure -----------------------------------------------------------------------


@dataclass(frozen=True)
class Listening:
    """How well a model listens, over n questions of each group.

    ``follow``: share of the found area on the side asked for (by component, nothing found counts 0). ``dice``: against
    the lung asked for. ``empty``: one-lung questions with nothing found. ``refused``: healthy-lung questions with
    nothing found. ``spread``: standard deviation of Dice over the wordings of one question.
    """

    n: dict[str, int]
    follow: float
    dice: float
    empty: float
    refused: float
    spread: float


def measure(
    segmenter: Any, data: Path, every: int = 20, n_wordings: int = 2, texts: Mapping[str, Sequence[str]] | None = None
) -> Listening:
    """Ask every ``every``-th validation film.

    Args:
        segmenter: a ``lexseg.Segmenter``.
        data: the development data.
        every: takes a part of the films.
        n_wordings: for each question.
        texts: by side, are asked instead, all of them.
    """
    follow, scores, empty, refused, spread = [], [], [], [], []
    for case in films(data)[::every]:
        for question in questions(case):
            session = segmenter.set_image(read_image(case.image))
            words = asked(question, n_wordings) if texts is None else texts[question.region]
            masks = [session.segment(text).mask for text in words]
            if question.group == "healthy_lung":
                refused += [not mask.any() for mask in masks]
                continue
            each = [dice(mask, question.sides.mask(question.region)) for mask in masks]
            follow += [_followed(mask, question.region) for mask in masks]
            empty += [not mask.any() for mask in masks]
            scores += each
            spread.append(float(np.std(each)))
    return Listening(
        {"one_lung": len(scores), "healthy_lung": len(refused)},
        *(float(np.mean(values)) for values in (follow, scores, empty, refused, spread)),
    )


def _followed(mask: NDArray[np.bool_], side: str) -> float:
    return float(Sides.of(mask).mask(side).sum() / mask.sum()) if mask.any() else 0.0


if __name__ == "__main__":
    print(write_manifest(films(Path(sys.argv[1])), Path(sys.argv[2])))

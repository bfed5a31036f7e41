"""Calibrates a model on cases, asked as it will be asked when it serves: its presence, and how far its masks reach."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lexseg.cases.case import Case
from lexseg.cases.truth import truth_of
from lexseg.errors import DataError, ModelError
from lexseg.evaluation.evaluate import Progress
from lexseg.evaluation.probes import sentence_of
from lexseg.files import replace_file
from lexseg.metrics.calibration import auroc
from lexseg.models.config import OPERATING_POINTS
from lexseg.models.io import CONFIG, PEAK
from lexseg.predict.ask import Question, given_present, probability
from lexseg.predict.options import Options
from lexseg.predict.segmenter import Segmenter
from lexseg.predict.words import Heard, Sides
from lexseg.scans.images import read_image
from lexseg.training.calibration import LOST, fit_presence, found, presence_of

PEAKS = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
"""Heights of the highest pixel, in logits, of which the one with the best masks is kept."""
ENOUGH = 20
"""Drawn targets without which there is nothing to choose one by."""


@dataclass(frozen=True, slots=True)
class Price:
    """What an operating point costs on the cases that it was chosen on.

    Attributes:
        threshold: probability of presence below which nothing is found.
        sensitivity: share of the targets that are there and said to be.
        specificity: share of those that are not, and said not to be.
    """

    threshold: float
    sensitivity: float
    specificity: float


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What a calibration came to.

    Attributes:
        presence: as it stands in the model folder.
        auroc: of presence, 0..1.
        n_acc: share of the sentences without a target that are answered by an empty mask.
        t_acc: share of those with a target that are not.
        n_absent, n_present: how many there are of each.
        points: what each operating point costs, by name.
        n_settled: sentences that the network was not asked about: they deny all, contradict themselves, or are not in
            its scope.
    """

    presence: dict[str, float]
    auroc: float
    n_acc: float
    t_acc: float
    n_absent: int
    n_present: int
    points: dict[str, Price]
    n_settled: int = 0


@dataclass(frozen=True, slots=True)
class _Said:
    """What the network said of a case, and what is true of it.

    Attributes:
        logits: of presence, float[V], by view.
        drawn: any pixel is found.
        present: the truth.
        dice: with the truth, were it known to be there, by each of `PEAKS`; ``None`` where nobody has drawn it.
    """

    logits: NDArray[np.float32]
    drawn: bool
    present: bool
    dice: tuple[float, ...] | None


def calibrate(
    folder: Path | str,
    cases: Sequence[Case],
    *,
    lost: float = LOST,
    operating_point: str | None = None,
    device: str | None = None,
    progress: Progress | None = None,
) -> Calibrated:
    """Calibrate the presence of a model on cases, and write it into the model's folder, whole or not at all.

    Each case is asked as `Segmenter.segment` would ask it: what a sentence denies or what is not in scope is not looked
    for, and what can be said in plain words is asked in them.

    Args:
        folder: a model folder.
        cases: by their masks or by ``present``, some with and some without their target; none that the model is to be
            tested on.
        lost: see `fit_presence`.
        operating_point: which of `OPERATING_POINTS` becomes the model's threshold; ``None``: the best that loses no
            more than ``lost``.
        device: where to run; ``None`` is a GPU where there is one.
        progress: told how far it is.

    Raises:
        ModelError: the folder holds no model, or one that does not say whether a target is there.
        DataError: the cases cannot be read, or hold no sentence with a target, or none without.
    """
    folder = Path(folder)
    segmenter = Segmenter.from_pretrained(folder, device=device)
    if not segmenter.uses_text:
        raise ModelError(f"{folder}: the model reads no sentence, so it cannot say whether what one names is there")
    said = list(_asked(segmenter, cases, progress))
    present = np.array([one.present for one in said], dtype=np.bool_)
    if present.all() or not present.any():
        lacking = "an empty mask, or 'present' no" if present.all() else "a mask that is not empty, or 'present' yes"
        raise DataError(f"none of the {len(cases)} cases has {lacking}; calibration needs sentences of both kinds")
    logits = _padded([one.logits for one in said])
    presence = fit_presence(logits, present, lost=lost, operating_point=operating_point)
    if presence is None:
        raise ModelError(f"{folder}: its presence does not tell these cases apart; train it with absent targets")
    answered = found(logits, presence)
    if (peak := _peak(said)) is None:
        answered &= np.array([one.drawn for one in said])
    else:
        presence[PEAK] = peak
    values = json.loads((folder / CONFIG).read_text(encoding="utf-8")) | {"presence": presence}
    replace_file(folder / CONFIG, (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode("utf-8"))
    sure = presence_of(logits, presence)
    return Calibrated(
        presence=presence,
        auroc=auroc(sure, present),
        n_acc=float(np.mean(~answered[~present])),
        t_acc=float(np.mean(answered[present])),
        n_absent=int((~present).sum()),
        n_present=int(present.sum()),
        points={name: _price(sure, present, presence[f"lost_{name}"]) for name in OPERATING_POINTS},
        n_settled=len(cases) - len(said),
    )


def _price(sure: NDArray[np.float64], present: NDArray[np.bool_], threshold: float) -> Price:
    yes = sure >= threshold
    return Price(threshold, float(np.mean(yes[present])), float(np.mean(~yes[~present])))


def _asked(segmenter: Segmenter, cases: Sequence[Case], progress: Progress | None) -> Iterator[_Said]:
    """What is said of each case that the network is asked about; an image is encoded once for all its sentences."""
    by_image: dict[Path, list[Case]] = {}
    for case in cases:
        by_image.setdefault(case.image, []).append(case)
    done = 0
    for path, members in by_image.items():
        session = segmenter.set_image(read_image(path))
        for case in members:
            heard = Heard.of(segmenter, sentence_of(case, segmenter.laterality), Options(), Sides())
            truth = truth_of(case, shape=session.shape)
            if Question.about(session, heard).settled is None and truth.present is not None:
                (asked,) = segmenter.views(session.features, [(0, heard.asked(session.world))], tta=False)
                if asked.presence is None:
                    raise ModelError(f"{segmenter.name}: the model does not say whether what a sentence names is there")
                where = probability(asked.logits, session.shape, segmenter.fit)
                drawn = bool((where >= segmenter.threshold).any())
                dice = _dice(where, truth.mask, segmenter.threshold) if truth.present and truth.located else None
                yield _Said(asked.presence, drawn, truth.present, dice)
            done += 1
            if progress is not None:
                progress(done, len(cases))


def _dice(where: NDArray[np.float32], truth: NDArray[np.bool_], threshold: float) -> tuple[float, ...]:
    """Of the mask that each of `PEAKS` gives."""
    drawn = [given_present(where, peak) >= threshold for peak in PEAKS]
    return tuple(float(2 * (one & truth).sum() / (one.sum() + truth.sum())) for one in drawn)


def _peak(said: Sequence[_Said]) -> float | None:
    """The height with the best mean Dice of what is there; ``None`` where too little of that is drawn."""
    drawn = [one.dice for one in said if one.dice is not None]
    if len(drawn) < ENOUGH:
        return None
    return PEAKS[int(np.argmax(np.mean(drawn, axis=0)))]


def _padded(rows: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """float[N, V], NaN where a sentence was asked in fewer views than others."""
    table = np.full((len(rows), max(map(len, rows))), np.nan, np.float32)
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table

"""What a model's answer to "is it there?" is worth: from a logit to a probability, and where to say no.

A logit becomes a probability by Platt scaling: p = sigmoid(a * logit + b). Reference: Platt, "Probabilistic outputs for
support vector machines and comparisons to regularized likelihood methods", in Advances in Large Margin Classifiers,
1999, his smoothed targets included.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit
from torch.nn import functional as F

from lexseg.data.case import Case
from lexseg.data.dataset import CaseDataset, collate
from lexseg.data.files import replace_file
from lexseg.errors import DataError, ModelError
from lexseg.language.sides import convert_laterality
from lexseg.metrics.calibration import auroc
from lexseg.metrics.overlap import pixel_counts
from lexseg.models.io import CONFIG, UNCALIBRATED, LoadedModel, load_model
from lexseg.text.collate import TextPipeline

LOST = 0.03
"""The largest share of targets that are there and that the threshold may deny."""

Progress = Callable[[int, int], None]
"""Called with the number of cases that are done and of all."""


def fit_presence(logits: ArrayLike, present: ArrayLike, *, lost: float = LOST) -> dict[str, float] | None:
    """Calibrate the answers of a validation.

    Args:
        logits: float[N], answers to "is it there?".
        present: bool[N], the truth.
        lost: the largest share of what is there that may fall below the threshold.

    Returns:
        ``scale`` a, ``bias`` b and the ``threshold`` on the probability sigmoid(a * logit + b), below which nothing is
        found: of all that lose few enough, the one with the best balanced accuracy, and of equals the lowest. ``None``
        where only one answer is ever true, all logits are equal, or a higher one does not mean a higher chance.
    """
    x, true = np.asarray(logits, dtype=np.float64), np.asarray(present, dtype=np.bool_)
    if x.ndim != 1 or x.shape != true.shape or not np.isfinite(x).all():
        raise ValueError("logits and truths must be finite lists of equal length")
    # equal logits, but for rounding, tell nothing apart
    if true.all() or not true.any() or np.ptp(x) <= 1e-6 * max(1.0, float(np.abs(x).max())):
        return None
    order = np.argsort(x, kind="stable")  # so that the sums below do not depend on the order of cases
    x, true = x[order], true[order]
    scale, bias = _platt(x, true)
    if scale <= 0:
        return None
    cut = _threshold(x, true, lost)
    # a float32 that is 0 or 1 would never, or always, be reached
    threshold = float(np.clip(expit(scale * cut + bias), 1e-6, 1 - 1e-6))
    return {"scale": float(scale), "bias": float(bias), "threshold": threshold}


def found(logits: NDArray[np.float32], calibration: dict[str, float] | None) -> NDArray[np.bool_]:
    """Whether a mask is given at all; without calibration from a probability of one half on."""
    c = calibration or UNCALIBRATED
    return np.asarray(expit(c["scale"] * logits.astype(np.float64) + c["bias"]) >= c["threshold"])


def _platt(x: NDArray[np.float64], true: NDArray[np.bool_]) -> tuple[float, float]:
    """Least cross-entropy against targets a little off 0 and 1: a convex problem of two numbers."""
    positive, negative = int(true.sum()), int((~true).sum())
    target = np.where(true, (positive + 1) / (positive + 2), 1 / (negative + 2))
    # a common unit, whatever the logits' range
    middle, width = float(x.mean()), float(x.std())
    z = (x - middle) / width

    def loss(ab: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        s = ab[0] * z + ab[1]
        off = expit(s) - target
        return float(np.mean(np.logaddexp(0, s) - target * s)), np.array([np.mean(off * z), np.mean(off)])

    a, b = minimize(loss, np.zeros(2), jac=True, method="BFGS", options={"gtol": 1e-9}).x
    return float(a / width), float(b - a * middle / width)


def _threshold(x: NDArray[np.float64], true: NDArray[np.bool_], lost: float) -> float:
    """The logit, half-way between two that occur, that parts them best; ``x`` is sorted."""
    values, first = np.unique(x, return_index=True)
    cuts = np.concatenate([values[:1] - 1, (values[:-1] + values[1:]) / 2])
    below = np.concatenate([[0], np.cumsum(true)])[first]  # targets under each cut
    absent = np.concatenate([[0], np.cumsum(~true)])[first]
    allowed = below <= lost * true.sum() + 1e-9
    balanced = (1 - below / true.sum() + absent / (~true).sum()) / 2
    return float(cuts[np.argmax(np.where(allowed, balanced, -1.0))])


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What a calibration came to.

    Attributes:
        presence: as it stands in the model folder.
        auroc: of presence, 0..1.
        n_acc: share of the sentences without a target that are answered by an empty mask.
        t_acc: share of those with a target that are not.
        n_absent, n_present: how many there are of each.
    """

    presence: dict[str, float]
    auroc: float
    n_acc: float
    t_acc: float
    n_absent: int
    n_present: int


def calibrate(
    folder: Path | str,
    cases: Sequence[Case],
    *,
    lost: float = LOST,
    device: str | None = None,
    progress: Progress | None = None,
) -> Calibrated:
    """Calibrate the presence of a model on cases, and write it into the model's folder, whole or not at all.

    Args:
        folder: a model folder.
        cases: by their masks or by ``present``, some with and some without their target; none that the model is to be
            tested on.
        lost: see `fit_presence`.
        device: where to run; ``None`` is a GPU where there is one.
        progress: told how far it is.

    Raises:
        ModelError: the folder holds no model, or one that does not say whether a target is there.
        DataError: the cases cannot be read, or hold no sentence with a target, or none without.
    """
    folder = Path(folder)
    loaded = load_model(folder)
    answers = list(_answers(loaded, cases, device, progress))
    logits = np.array([logit for logit, _, _ in answers], dtype=np.float32)
    counts = np.array([count for _, count, _ in answers], dtype=np.int64)
    known = np.array([present for _, _, present in answers])
    logits, counts, present = logits[known >= 0], counts[known >= 0], known[known >= 0] == 1
    if present.all() or not present.any():
        lacking = "an empty mask" if present.all() else "a mask that is not empty"
        said = f"{lacking}, or 'present' {'no' if present.all() else 'yes'}"
        raise DataError(f"none of the {len(cases)} cases has {said}; calibration needs sentences of both kinds")
    presence = fit_presence(logits, present, lost=lost)
    if presence is None:
        raise ModelError(f"{folder}: its presence does not tell these cases apart; train it with absent targets")
    answered = found(logits, presence) & (counts[:, 0] + counts[:, 1] > 0)
    values = json.loads((folder / CONFIG).read_text(encoding="utf-8")) | {"presence": presence}
    replace_file(folder / CONFIG, (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode("utf-8"))
    return Calibrated(
        presence=presence,
        auroc=auroc(logits, present),
        n_acc=float(np.mean(~answered[~present])),
        t_acc=float(np.mean(answered[present])),
        n_absent=int((~present).sum()),
        n_present=int(present.sum()),
    )


def _answers(
    loaded: LoadedModel, cases: Sequence[Case], device: str | None, progress: Progress | None
) -> Iterator[tuple[float, list[int], float]]:
    """The presence logit of each case, the pixels of its mask (TP, FP, FN), and whether its target is there."""
    if loaded.text_encoder is None:
        raise ModelError(
            f"{loaded.folder}: the model reads no sentence, so it cannot say whether what one names is there"
        )
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    model = loaded.model.to(place)
    pipeline = TextPipeline(loaded.text_encoder.to(place))
    cut = float(np.log(loaded.config.threshold / (1 - loaded.config.threshold)))
    dataset = CaseDataset(cases, loaded.config.size)
    for i, case in enumerate(cases):
        sample = dataset[i]
        text = convert_laterality(case.text, case.laterality, loaded.config.laterality)
        with torch.inference_mode():
            batch = collate([sample], lambda _: pipeline([text or None]))  # noqa: B023
            prediction = model(batch.image.to(place), batch.text.to(place))
        if prediction.presence is None:
            raise ModelError(f"{loaded.folder}: the model does not say whether what a sentence names is there")
        size = (sample.mask.shape[-2], sample.mask.shape[-1])
        logits = F.interpolate(prediction.logits.float().cpu(), size=size, mode="bilinear", align_corners=False)
        yield float(prediction.presence[0]), pixel_counts(logits > cut, sample.mask[None]).tolist(), sample.present
        if progress is not None:
            progress(i + 1, len(cases))

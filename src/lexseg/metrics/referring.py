"""Measures of generalised referring segmentation: one sentence may name one target, several, or none.

Reference: Liu, Ding, Jiang, "GRES: Generalized Referring Expression Segmentation", CVPR 2023. Where the paper and its
published code differ, this is what is counted here:

- **Nothing found** is an empty mask, down to the last pixel. The paper lets methods without a no-target answer of their
  own count masks of less than 50 pixels as empty; what is empty here is decided before the mask is scored.
- **T-acc** is the share of target samples that are not answered by an empty mask, as the paper writes it; the code as
  first published divides by other sums.
- **Pr@X** counts IoU above X, as the paper writes it; the code takes X itself in, too.
- **cIoU** of an answer that says "no target" counts the union of the mask that the user gets, which is empty; the code
  adds the pixels of the mask that was withheld.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lexseg.metrics.overlap import Counts

MEASURES = ("giou", "ciou", "pr50", "pr70", "pr90", "n_acc", "t_acc")
"""All measures, each 0..1, the higher the better."""

PRECISION_AT = {"pr50": 0.5, "pr70": 0.7, "pr90": 0.9}
"""The IoU above which a target counts as found."""

Terms = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Of each sample the numerator and the denominator, float[N] each."""


def referring_terms(tallies: Sequence[Counts]) -> dict[str, Terms]:
    """What each sample adds to each measure: every measure is a sum of numerators over a sum of denominators.

    Args:
        tallies: pixel counts of each sample; one without reference pixels has no target.

    Returns:
        for each of `MEASURES` the two terms, ready for `lexseg.metrics.intervals.bootstrap_ratio`.
    """
    iou = np.array([one.iou for one in tallies], dtype=np.float64)
    tp = np.array([one.tp for one in tallies], dtype=np.float64)
    union = np.array([one.tp + one.fp + one.fn for one in tallies], dtype=np.float64)
    target = np.array([one.reference > 0 for one in tallies], dtype=np.float64)
    found = np.array([one.predicted > 0 for one in tallies], dtype=np.float64)
    terms: dict[str, Terms] = {"giou": (iou, np.ones_like(iou)), "ciou": (tp, union)}
    terms |= {name: (target * (iou > least), target) for name, least in PRECISION_AT.items()}
    return terms | {"n_acc": ((1 - target) * (1 - found), 1 - target), "t_acc": (target * found, target)}


def referring_scores(tallies: Sequence[Counts]) -> Mapping[str, float]:
    """The measures of a set of samples.

    - ``giou``: mean IoU of the samples; one without a target counts 1 if nothing was found, else 0.
    - ``ciou``: intersections of all samples over their unions. A mask where there is no target adds to the union.
    - ``pr50``, ``pr70``, ``pr90``: share of the samples with a target whose IoU lies above 0.5, 0.7, 0.9.
    - ``n_acc``: share of the samples without a target in which nothing was found.
    - ``t_acc``: share of the samples with a target in which something was found.

    Args:
        tallies: pixel counts of each sample.

    Returns:
        0..1 for each of `MEASURES`; NaN where no sample counts for it.
    """
    scores = {}
    for name, (above, below) in referring_terms(tallies).items():
        total = below.sum()
        scores[name] = float(above.sum() / total) if total > 0 else float("nan")
    return scores

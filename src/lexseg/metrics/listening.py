"""Measures of listening: does the mask go where the words point, and only where they point?

They are LexSeg's own: the measures of referring segmentation cannot tell a model that reads the words from one that
knows where targets usually lie.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lexseg.metrics.overlap import check_masks

SIDES = {"left": (0.0, 1 / 2), "right": (1 / 2, 1.0), "center": (1 / 3, 2 / 3)}
"""Parts of the image's width: halves, and the middle third of a 3 x 3 grid."""

ZONES = {"upper": (0.0, 1 / 3), "middle": (1 / 3, 2 / 3), "lower": (2 / 3, 1.0)}
"""Parts of the image's height: thirds."""

_EIGHT = np.ones((3, 3), dtype=bool)


def check_region(region: str) -> tuple[str, ...]:
    """The words of a region, such as ``left upper``; none if no place is asked for.

    Left is the image's left.

    Raises:
        ValueError: for another word, or for two that cannot both be meant.
    """
    words = tuple(region.split())
    wrong = [word for word in words if word not in SIDES and word not in ZONES]
    if wrong:
        raise ValueError(f"{wrong[0]!r} names no place; expected words out of {', '.join((*SIDES, *ZONES))}")
    for known in (SIDES, ZONES):
        if len(meant := {word for word in words if word in known}) > 1:
            raise ValueError(f"{' and '.join(sorted(meant))} are not one place")
    return words


def within(mask: NDArray[np.bool_], region: str) -> NDArray[np.bool_]:
    """The connected components of a mask whose centroid lies in a region.

    A component belongs where its centroid is and is never cut: an opacity that crosses the midline is not half a
    mistake. Pixels that touch by a corner are connected.

    Args:
        mask: bool[H, W].
        region: as for `check_region`; of the image's left and right.

    Returns:
        bool[H, W].
    """
    words = check_region(region)
    labels, number = ndimage.label(mask, structure=_EIGHT)
    if not words or not number:
        return mask.copy()
    centroids = np.array(ndimage.center_of_mass(mask, labels, np.arange(1, number + 1)))
    # of pixel centres, as shares of the image's height and width
    down, across = ((centroids + 0.5) / mask.shape).T
    inside = np.ones(number + 1, dtype=np.bool_)
    for word in words:
        (low, high), where = (SIDES[word], across) if word in SIDES else (ZONES[word], down)
        inside[1:] &= (where >= low) & (where < high)
    inside[0] = False
    chosen: NDArray[np.bool_] = inside[labels]
    return chosen


def follow_rate(prediction: NDArray[np.bool_], region: str) -> float:
    """Share of the predicted area that lies where the words point, by whole components.

    Args:
        prediction: bool[H, W].
        region: what was asked for, as for `check_region`.

    Returns:
        0..1; an empty prediction counts 0: nothing that was asked for was found.

    Raises:
        ValueError: if the region names no place.
    """
    if not check_region(region):
        raise ValueError("the region is empty: where no place is asked for there is nothing to follow")
    area = int(np.count_nonzero(prediction))
    return int(np.count_nonzero(within(prediction, region))) / area if area else 0.0


def iou_matrix(predictions: NDArray[np.bool_], targets: NDArray[np.bool_]) -> NDArray[np.float64]:
    """IoU of each prediction with each target.

    Args:
        predictions: bool[N, H, W].
        targets: bool[M, H, W].

    Returns:
        float[N, M], 0..1; both empty 1, one empty 0.
    """
    check_masks(predictions[:1], targets[:1])
    # sums of ones stay whole numbers in float32 up to 2 ** 24
    kind: type[np.floating[Any]] = np.float32 if predictions[0].size < 2**24 else np.float64
    found: NDArray[np.floating[Any]] = predictions.reshape(len(predictions), -1).astype(kind)
    true: NDArray[np.floating[Any]] = targets.reshape(len(targets), -1).astype(kind)
    both = np.matmul(found, true.T).astype(np.float64)
    union = found.sum(1)[:, None] + true.sum(1)[None] - both
    matrix: NDArray[np.float64] = np.divide(both, union, out=np.ones_like(both), where=union > 0)
    return matrix


def switch_score(predictions: NDArray[np.bool_], targets: NDArray[np.bool_]) -> float:
    """How far the mask goes with the words, from two to many expressions about one image.

    Of each pair of expressions with different targets: ((M11 + M22) - (M12 + M21)) / 2 with Mij = IoU(prediction i,
    target j), over what a perfect model gets, 1 - IoU(target 1, target 2). 1: each expression gets its own target; 0:
    the same mask for both, or no mask; -1: each gets the other's. It cannot leave that range, for 1 - IoU is a metric.

    Args:
        predictions: bool[N, H, W], what each expression was answered with.
        targets: bool[N, H, W], what each names; empty ones are left out.

    Returns:
        -1..1, the mean over the pairs; NaN where no two targets differ.
    """
    if predictions.shape != targets.shape:
        raise ValueError(f"predictions and targets differ in shape: {predictions.shape} and {targets.shape}")
    if not len(targets):
        return float("nan")
    present = np.asarray(targets.reshape(len(targets), -1).any(axis=1), dtype=np.bool_)
    scores = switch_scores(iou_matrix(predictions, targets), iou_matrix(targets, targets), present)
    return float(scores.mean()) if scores.size else float("nan")


def switch_scores(
    matrix: NDArray[np.float64], overlap: NDArray[np.float64], present: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The score of each pair of different targets that are there.

    Args:
        matrix: float[N, N], IoU of each prediction with each target.
        overlap: float[N, N], IoU of each target with each.
        present: bool[N], which targets are not empty.

    Returns:
        float[pairs], -1..1.
    """
    i, j = np.triu_indices(len(matrix), k=1)
    pairs = (overlap[i, j] < 1) & present[i] & present[j]
    i, j = i[pairs], j[pairs]
    own, other = matrix[i, i] + matrix[j, j], matrix[i, j] + matrix[j, i]
    scores: NDArray[np.float64] = (own - other) / 2 / (1 - overlap[i, j])
    return scores


def paraphrase_spread(dice: Sequence[Sequence[float]]) -> float:
    """How much the score depends on how the same is said.

    Args:
        dice: for each expression the Dice of each of its wordings; those with fewer than two are left out.

    Returns:
        mean over the expressions of the standard deviation over the wordings, 0..0.71; NaN where no expression has two.
        It is divided by n - 1, so that asking fewer wordings does not make a model look steadier.
    """
    spreads = [float(np.std(row, ddof=1)) for row in dice if len(row) >= 2]
    return float(np.mean(spreads)) if spreads else float("nan")

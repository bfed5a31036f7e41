"""Distances between the outlines of two masks: HD95 and normalised surface Dice.

MONAI finds the outlines and the distances; the rules for empty masks are ours. MONAI's own percentile Hausdorff is NaN
for a prediction that found nothing and leaves it out of the mean, so that a model scores better the more it misses
(MONAI issue 9095). Here a miss counts as the diagonal of the image.
"""

from dataclasses import dataclass

import numpy as np
from monai.metrics.utils import get_mask_edges, get_surface_distance
from numpy.typing import NDArray

from lexseg.metrics.overlap import check_masks

Spacing = tuple[float, float]

HD95_EMPTY_RULE = "both empty 0, one empty the image diagonal"
"""How HD95 treats empty masks, in the words of the report."""

# A distance that equals the tolerance on paper must not fall outside by the rounding of float32.
_SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class SurfaceScores:
    """Outline scores of one image.

    Attributes:
        hd95: in millimetres if a spacing was given, else in pixels.
        nsd: 0..1, at a tolerance in pixels.
    """

    hd95: float
    nsd: float


def hd95(
    prediction: NDArray[np.bool_],
    reference: NDArray[np.bool_],
    *,
    spacing: Spacing | None = None,
    percentile: float = 95,
) -> float:
    """Symmetric percentile Hausdorff distance: the larger of the two directed 95th percentiles.

    The outline of a mask are its pixels with a 4-neighbour outside the mask or outside the image; the percentile is
    interpolated linearly.

    Args:
        prediction: bool[H, W].
        reference: bool[H, W].
        spacing: millimetres between pixel centres, (row, column); ``None`` counts pixels.
        percentile: 0..100; 100 is the Hausdorff distance itself.

    Returns:
        0 or more, in pixels, or in millimetres if a spacing is given. Both empty 0, one empty the image diagonal.
    """
    check_masks(prediction, reference)
    if not prediction.any() or not reference.any():
        return _hd95_of_empty(prediction, reference, spacing)
    return _percentile(surface_distances(prediction, reference, spacing=spacing), percentile)


def nsd(
    prediction: NDArray[np.bool_],
    reference: NDArray[np.bool_],
    *,
    tolerance: float = 2.0,
    spacing: Spacing | None = None,
) -> float:
    """Normalised surface Dice: the share of both outlines that lies within the tolerance of the other outline.

    Args:
        prediction: bool[H, W].
        reference: bool[H, W].
        tolerance: in pixels, or in millimetres if a spacing is given.
        spacing: millimetres between pixel centres, (row, column).

    Returns:
        0..1. Both empty 1, one empty 0.
    """
    check_masks(prediction, reference)
    if not prediction.any() or not reference.any():
        return float(prediction.any() == reference.any())
    return _share_within(surface_distances(prediction, reference, spacing=spacing), tolerance)


def surface_scores(
    prediction: NDArray[np.bool_],
    reference: NDArray[np.bool_],
    *,
    tolerance: float = 2.0,
    spacing: Spacing | None = None,
) -> SurfaceScores:
    """Both scores of one image, with the distances computed once where that is possible.

    Args:
        prediction: bool[H, W].
        reference: bool[H, W].
        tolerance: of the surface Dice, always in pixels.
        spacing: millimetres between pixel centres, (row, column), for HD95 alone; ``None`` counts pixels.
    """
    check_masks(prediction, reference)
    if not prediction.any() or not reference.any():
        same = float(prediction.any() == reference.any())
        return SurfaceScores(_hd95_of_empty(prediction, reference, spacing), same)
    pixels = surface_distances(prediction, reference)
    scaled = pixels if spacing is None else surface_distances(prediction, reference, spacing=spacing)
    return SurfaceScores(_percentile(scaled, 95), _share_within(pixels, tolerance))


def image_diagonal(shape: tuple[int, ...], spacing: Spacing | None = None) -> float:
    """Length of the diagonal of an image from corner to corner, above every distance within it.

    Args:
        shape: (H, W).
        spacing: millimetres between pixel centres, (row, column); ``None`` counts pixels.
    """
    rows, columns = spacing or (1.0, 1.0)
    return float(np.hypot(shape[0] * rows, shape[1] * columns))


def surface_distances(
    prediction: NDArray[np.bool_], reference: NDArray[np.bool_], *, spacing: Spacing | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Distance of each outline pixel to the nearest one of the other outline.

    Args:
        prediction: bool[H, W], not empty.
        reference: bool[H, W], not empty.
        spacing: millimetres between pixel centres, (row, column); ``None`` counts pixels.

    Returns:
        float32[P], from the prediction's outline to the reference's, and float32[R] the other way.
    """
    box = _bounding_box(prediction | reference)
    # Nothing outside the box can be outline, and pixels beyond the border count as background either way: the crop is
    # exact, and a small lesion in a large film costs what a small image does. MONAI's own crop copies both masks to
    # tensors first, which takes longer than the distances.
    found, true = get_mask_edges(prediction[box], reference[box], crop=False)
    forth = get_surface_distance(found, true, spacing=spacing)
    back = get_surface_distance(true, found, spacing=spacing)
    return np.asarray(forth, dtype=np.float32), np.asarray(back, dtype=np.float32)


def _bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _hd95_of_empty(prediction: NDArray[np.bool_], reference: NDArray[np.bool_], spacing: Spacing | None) -> float:
    return 0.0 if prediction.any() == reference.any() else image_diagonal(reference.shape, spacing)


def _percentile(distances: tuple[NDArray[np.float32], NDArray[np.float32]], percentile: float) -> float:
    return max(float(np.percentile(d, percentile)) for d in distances)


def _share_within(distances: tuple[NDArray[np.float32], NDArray[np.float32]], tolerance: float) -> float:
    within = sum(int(np.count_nonzero(d <= tolerance * (1 + _SLACK))) for d in distances)
    return within / sum(d.size for d in distances)

"""What can be measured of each target, all of it in image coordinates.

Lengths are shares of the frame: the box around the organ where an organ mask is given, else the whole image. Left and
right halves are always the image's.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lexseg.datasets.refer.targets import Instances

RING = 0.04
"""How far around a target its surroundings reach, as a share of the image's shorter side."""
MOST_DESCRIBED = 30
"""With more targets than this an image is too crowded to speak of any one of them."""


@dataclass(frozen=True, slots=True)
class Referent:
    """A target that expressions can refer to, by what is measured of its mask.

    Attributes:
        id: its value in the instance mask.
        classes: what it is, where the mask says so.
        speck: too small to be spoken of alone.
        whole: all of a lesion, and not a piece that overlapping classes cut out of it.
        area: in pixels.
        fraction: share of the image.
        area_mm2: ``None`` where the spacing is unknown.
        diameter_mm: of the circle of equal area; ``None`` where the spacing is unknown.
        length_mm: of the longer axis of the ellipse of equal second moments; ``None`` where the spacing is unknown.
        box: row, column, height, width, in pixels.
        centroid: row, column, in pixels.
        x: the centroid's place in the image, 0 left to 1 right.
        y: the centroid's place in the image, 0 top to 1 bottom.
        frame_x: the same in the frame.
        frame_y: the same in the frame.
        left: share of its pixels in the left half of the image.
        rows: shares in the upper, middle and lower third of the frame.
        columns: shares in the left, centre and right third of the frame.
        elongation: of the ellipse of equal second moments, longer axis by shorter.
        fill: share that it takes of that ellipse's area; 1 for an ellipse, less the more irregular it is.
        contrast: its mean brightness less that of a ring around it, in 0..1; ``None`` where there is no ring.
    """

    id: int
    classes: tuple[str, ...]
    speck: bool
    whole: bool
    area: int
    fraction: float
    area_mm2: float | None
    diameter_mm: float | None
    length_mm: float | None
    box: tuple[int, int, int, int]
    centroid: tuple[float, float]
    x: float
    y: float
    frame_x: float
    frame_y: float
    left: float
    rows: tuple[float, float, float]
    columns: tuple[float, float, float]
    elongation: float
    fill: float
    contrast: float | None

    @property
    def describable(self) -> bool:
        """Whether it can be spoken of alone."""
        return self.whole and not self.speck

    def to_dict(self) -> dict[str, Any]:
        """A target's attributes as plain JSON values."""
        return asdict(self)


def measure(
    found: Instances,
    image: NDArray[np.floating[Any]],
    *,
    min_area: float,
    spacing: tuple[float, float] | None = None,
    organ: NDArray[np.bool_] | None = None,
) -> list[Referent]:
    """Measure the targets of an image.

    Args:
        found: the targets.
        image: float[H, W] or float[H, W, 3] in 0..1.
        min_area: share of the image that a target must take to be spoken of alone.
        spacing: millimetres between pixel centres, (row, column).
        organ: bool[H, W], the organ that places are relative to.
    """
    labels, number = found.labels, len(found)
    if not number:
        return []
    height, width = labels.shape
    frame = _frame(organ, labels.shape)
    rows, columns = np.nonzero(labels)
    values = labels[rows, columns]
    area = np.bincount(values, minlength=number + 1).astype(np.float64)

    def mean(weights: NDArray[Any]) -> NDArray[np.float64]:
        return np.bincount(values, weights=weights, minlength=number + 1) / np.maximum(area, 1)

    def shares(parts: NDArray[np.int64]) -> NDArray[np.float64]:
        counts = np.bincount(values * 3 + parts, minlength=3 * (number + 1)).reshape(-1, 3)
        return np.asarray(counts / np.maximum(area, 1)[:, None])

    y, x = mean(rows), mean(columns)
    high, wide = spacing or (1.0, 1.0)
    down, along = (rows - y[values]) * high, (columns - x[values]) * wide
    # a pixel is a square and not a point: 1/12 is its own second moment
    yy, xx, xy = mean(down**2) + high**2 / 12, mean(along**2) + wide**2 / 12, mean(down * along)
    spread = np.sqrt((yy - xx) ** 2 / 4 + xy**2)
    major, minor = (yy + xx) / 2 + spread, np.maximum((yy + xx) / 2 - spread, min(high, wide) ** 2 / 12)
    fill = area * high * wide / (4 * math.pi * np.sqrt(major * minor))
    left = mean(columns + 0.5 < width / 2)
    row_shares = shares(_thirds(rows, frame[0], frame[2]))
    column_shares = shares(_thirds(columns, frame[1], frame[3]))
    boxes = ndimage.find_objects(labels, max_label=number)
    gray = image if image.ndim == 2 else image.mean(axis=2)
    reach = max(2, round(RING * min(height, width)))
    least = min_area * labels.size
    speakable = [area[i] >= least and found.whole[i - 1] for i in range(1, number + 1)]
    crowded = sum(speakable) > MOST_DESCRIBED
    pixel = high * wide
    targets = []
    for i in range(1, number + 1):
        where = boxes[i - 1]
        if where is None:
            continue
        contrast = _contrast(labels, gray, i, where, reach) if speakable[i - 1] and not crowded else None
        targets.append(
            Referent(
                id=i,
                classes=tuple(sorted(found.classes[i - 1])),
                speck=bool(area[i] < least),
                whole=found.whole[i - 1],
                area=int(area[i]),
                fraction=_short(area[i] / labels.size),
                area_mm2=None if spacing is None else _short(area[i] * pixel),
                diameter_mm=None if spacing is None else _short(2 * math.sqrt(area[i] * pixel / math.pi)),
                length_mm=None if spacing is None else _short(4 * math.sqrt(major[i])),
                box=_box(where),
                centroid=(_short(y[i]), _short(x[i])),
                x=_short((x[i] + 0.5) / width),
                y=_short((y[i] + 0.5) / height),
                frame_x=_short((x[i] + 0.5 - frame[1]) / frame[3]),
                frame_y=_short((y[i] + 0.5 - frame[0]) / frame[2]),
                left=_short(left[i]),
                rows=_three(row_shares[i]),
                columns=_three(column_shares[i]),
                elongation=_short(math.sqrt(major[i] / minor[i])),
                fill=_short(fill[i]),
                contrast=contrast,
            )
        )
    return targets


def _frame(organ: NDArray[np.bool_] | None, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Row, column, height and width of what places are relative to."""
    if organ is None or not organ.any():
        return 0, 0, shape[0], shape[1]
    rows, columns = np.flatnonzero(organ.any(axis=1)), np.flatnonzero(organ.any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)


def _thirds(places: NDArray[np.int64], start: int, length: int) -> NDArray[np.int64]:
    return np.clip(((places - start) * 2 + 1) * 3 // (2 * length), 0, 2)


def _contrast(
    labels: NDArray[np.int32], gray: NDArray[np.floating[Any]], i: int, where: tuple[slice, slice], reach: int
) -> float | None:
    around = tuple(slice(max(0, part.start - reach), part.stop + reach) for part in where)
    crop, pixels = labels[around], gray[around]
    inside = crop == i
    near = ndimage.maximum_filter(inside.view(np.uint8), size=2 * reach + 1) > 0
    ring = near & (crop == 0)
    if not ring.any():
        return None
    return _short(float(pixels[inside].mean()) - float(pixels[ring].mean()))


def _box(where: tuple[slice, slice]) -> tuple[int, int, int, int]:
    rows, columns = where
    return rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start


def _three(values: NDArray[np.float64]) -> tuple[float, float, float]:
    return _short(values[0]), _short(values[1]), _short(values[2])


def _short(value: float) -> float:
    return float(f"{value:.5g}")

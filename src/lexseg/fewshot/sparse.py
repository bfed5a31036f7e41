"""Six ways to label a mask sparsely, as people do: pure functions of the mask and of chance.

As in Oliveira et al. (arXiv 2305.06912): points, grids, scribbles, contours, skeletons and polygons. Distances and
sizes are in pixels of the mask. A mask of one class is labelled by that alone.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from lexseg.errors import ConfigError
from lexseg.fewshot.labels import BESIDE, TARGET, Labels, unknown
from lexseg.outputs.polygons import mask_polygons

Mask = NDArray[np.bool_]
_EIGHT = np.ones((3, 3), np.bool_)


def points(mask: Mask, rng: np.random.Generator, *, count: int = 5, radius: int = 1) -> Labels:
    """Discs at so many places of each class, drawn evenly; a disc never reaches into the other class."""
    labels = unknown(mask.shape)
    for region, value in _classes(mask):
        places = np.argwhere(region)
        chosen = places[rng.permutation(len(places))[:count]]
        drawn = np.zeros(mask.shape, np.bool_)
        drawn[tuple(chosen.T)] = True
        labels[_thick(drawn, radius) & region] = value
    return labels


def grid(mask: Mask, rng: np.random.Generator, *, spacing: int = 12) -> Labels:
    """The true class at each crossing of a grid whose corner is drawn."""
    labels = unknown(mask.shape)
    first = [int(rng.integers(spacing)) % max(1, size) for size in mask.shape]
    at = (slice(first[0], None, spacing), slice(first[1], None, spacing))
    labels[at] = np.where(mask[at], TARGET, BESIDE)
    return labels


def scribbles(
    mask: Mask, rng: np.random.Generator, *, fraction: float = 0.5, distance: int = 3, thickness: int = 2
) -> Labels:
    """Parts of lines that run at a distance along the outline, within the target and around it."""
    labels = unknown(mask.shape)
    for region, value in _classes(mask):
        line = _outline(_inner(region, distance))
        labels[_thick(_arc(line, fraction, rng), thickness - 1) & region] = value
    return labels


def contours(mask: Mask, rng: np.random.Generator, *, fraction: float = 1.0, thickness: int = 1) -> Labels:
    """Parts of the outline itself: the target's outermost pixels, and their neighbours beside it."""
    labels = unknown(mask.shape)
    for region, value in _classes(mask):
        line = _outline(region)
        labels[_thick(_arc(line, fraction, rng), thickness - 1) & region] = value
    return labels


def skeleton(mask: Mask, rng: np.random.Generator, *, distance: int = 4) -> Labels:
    """The middle lines of the target, and a line around it at a distance."""
    labels = unknown(mask.shape)
    labels[thinned(mask)] = TARGET
    around = _outline(_inner(~mask, distance)) if mask.any() else thinned(~mask)
    labels[around & ~mask] = BESIDE
    return labels


def polygons(
    mask: Mask, rng: np.random.Generator, *, distance: int = 3, inside: float = 8.0, outside: float = 25.0
) -> Labels:
    """Both classes as filled polygons of few corners, away from the outline: the densest of the six.

    Args:
        mask: bool[H, W].
        rng: not used: of a mask there is one polygon.
        distance: from the outline.
        inside: how far a side may lie from the target's outline that it stands for; halved, at most five times, until
            something is left.
        outside: the same of what lies beside it.
    """
    labels = unknown(mask.shape)
    for (region, value), most in zip(_classes(mask), (inside, outside), strict=False):
        core = _inner(region, distance)
        for halved in range(6):
            drawn = _simplified(core, most / 2**halved) & region
            if drawn.any():
                break
        labels[drawn] = value
    return labels


STYLES: dict[str, Callable[..., Labels]] = {
    "points": points,
    "grid": grid,
    "scribbles": scribbles,
    "contours": contours,
    "skeleton": skeleton,
    "polygons": polygons,
}


def drawn_style(rng: np.random.Generator) -> tuple[str, dict[str, Any]]:
    """A style and its density by chance, in the published ranges: once for all images of an episode."""
    style = list(STYLES)[int(rng.integers(len(STYLES)))]
    ranges: dict[str, dict[str, Any]] = {
        "points": {"count": int(rng.integers(1, 21)), "radius": int(rng.integers(1, 3))},
        "grid": {"spacing": int(rng.integers(4, 21))},
        "scribbles": {
            "fraction": float(rng.uniform(0.05, 1)),
            "distance": int(rng.integers(2, 6)),
            "thickness": int(rng.integers(1, 4)),
        },
        "contours": {"fraction": float(rng.uniform(0.05, 1)), "thickness": int(rng.integers(1, 5))},
        "skeleton": {"distance": int(rng.integers(2, 8))},
        "polygons": {
            "distance": int(rng.integers(2, 6)),
            "outside": float(rng.uniform(20, 40)),
            "inside": float(rng.uniform(5, 15)),
        },
    }
    return style, ranges[style]


def sparsify(mask: Mask, style: str, rng: np.random.Generator, **density: Any) -> Labels:
    """Label a mask sparsely.

    Args:
        mask: bool[H, W].
        style: one of :data:`STYLES`.
        rng: chance.
        density: of the style, its function's keywords.

    Raises:
        ConfigError: there is no such style, or it knows no such keyword.
    """
    if style not in STYLES:
        raise ConfigError(f"no way of labelling is called {style!r}; there are: {', '.join(STYLES)}")
    try:
        return STYLES[style](np.asarray(mask, np.bool_), rng, **density)
    except TypeError as error:
        raise ConfigError(f"labels {style}: {error}") from error


def thinned(mask: Mask) -> Mask:
    """The middle lines of a mask, one pixel wide (Zhang and Suen, 1984)."""
    now = np.pad(mask, 1).astype(np.uint8)
    while True:
        before = now.copy()
        for turn in (0, 1):
            p = [np.roll(now, shift, (0, 1)) for shift in _AROUND]  # from above, clockwise
            count = sum(each.astype(np.int8) for each in p)
            changes = sum((a == 0) & (b == 1) for a, b in zip(p, p[1:] + p[:1], strict=True))
            first, second = (p[0] * p[2] * p[4], p[2] * p[4] * p[6]) if turn == 0 else (
                p[0] * p[2] * p[6], p[0] * p[4] * p[6])  # fmt: skip
            gone = (now == 1) & (count >= 2) & (count <= 6) & (changes == 1) & (first == 0) & (second == 0)
            now[gone] = 0
        if np.array_equal(now, before):
            return np.asarray(now[1:-1, 1:-1], np.bool_)


_AROUND = ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))


def _classes(mask: Mask) -> list[tuple[Mask, int]]:
    return [(region, value) for region, value in ((mask, TARGET), (~mask, BESIDE)) if region.any()]


def _inner(region: Mask, distance: float) -> Mask:
    """What of a region lies that far from its outline; at half the distance, and so on, where nothing does."""
    if region.all():
        return region
    depth = ndimage.distance_transform_edt(region)
    return np.asarray(depth > min(distance, float(depth.max()) - 0.5))


def _outline(region: Mask) -> Mask:
    """A region's pixels that touch what is beside it; the picture's border is no outline, unless there is no other."""
    line = region & ndimage.binary_dilation(~region, _EIGHT)
    return np.asarray(line if line.any() else region)


def _thick(line: Mask, radius: int) -> Mask:
    if radius <= 0 or not line.any():
        return line
    return np.asarray(ndimage.distance_transform_edt(~line) <= radius)


def _arc(line: Mask, fraction: float, rng: np.random.Generator) -> Mask:
    """A connected part of each line, seen from its middle; at least a pixel."""
    parts, count = ndimage.label(line, _EIGHT)
    kept = np.zeros(line.shape, np.bool_)
    for part in range(1, count + 1):
        rows, columns = np.nonzero(parts == part)
        angle = np.arctan2(rows - rows.mean(), columns - columns.mean())
        order = np.argsort(np.mod(angle - rng.uniform(-np.pi, np.pi), 2 * np.pi))
        chosen = order[: max(1, round(fraction * len(order)))]
        kept[rows[chosen], columns[chosen]] = True
    return kept


def _simplified(region: Mask, tolerance: float) -> Mask:
    """A region redrawn by rings of few corners."""
    picture = Image.new("1", (region.shape[1], region.shape[0]))
    filled = np.zeros(region.shape, np.bool_)
    for ring in mask_polygons(region) or []:
        corners = _few(np.asarray(ring, np.float64), tolerance)
        if len(corners) > 2:
            picture.paste(0, (0, 0, *picture.size))
            ImageDraw.Draw(picture).polygon([tuple(c) for c in np.maximum(corners - 0.5, 0)], fill=1)
            filled ^= np.asarray(picture, np.bool_)  # a ring within another is a hole
    return filled


def _few(ring: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    """A closed ring of fewer corners, none of those left out farther from it than allowed (Douglas and Peucker)."""
    far = int(np.square(ring - ring[0]).sum(1).argmax())
    halves = [ring[: far + 1], np.concatenate([ring[far:], ring[:1]])]
    return np.concatenate([_few_of_line(half, tolerance)[:-1] for half in halves])


def _few_of_line(line: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    start, end = line[0], line[-1]
    along = end - start
    length = float(np.hypot(*along))
    off = line - start
    away = np.abs(along[0] * off[:, 1] - along[1] * off[:, 0]) / length if length else np.hypot(*off.T)
    worst = int(away.argmax())
    if len(line) < 3 or away[worst] <= tolerance:
        return np.stack([start, end])
    return np.concatenate([_few_of_line(line[: worst + 1], tolerance)[:-1], _few_of_line(line[worst:], tolerance)])

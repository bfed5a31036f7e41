"""One phantom: an abdominal slice as CT shows it, with a liver and one to five lesions in it.

The slice is seen as radiologists see it: from below, front up, so that the liver lies at the left of the image, the
patient's right. Densities are in Hounsfield units, shown with the usual window of the abdomen (400 wide, at 40).
"""

import itertools
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lexseg.datasets.phantoms.anatomy import draw_body
from lexseg.datasets.phantoms.shapes import Blob, Bool, Float, Grid, waves

Density = Literal["hypodense", "hyperdense"]
View = Literal["body", "liver"]

WINDOW, LEVEL = 400.0, 40.0
FINER = 2
"""Drawn on a grid this many times as fine, then averaged: edges have partial volumes as in a scanner."""

MOST_LESIONS = 5
_SHARES = (0.16, 0.28, 0.26, 0.18, 0.12)
_DIAMETERS = (16.0, 64.0)  # mm
_GAP = 5.0  # mm between two lesions, and to the edge of the liver
_MARGIN = 0.06  # around the liver, relative to its larger side
_SMALLEST = 9  # pixels; a lesion of fewer is nothing that one could see


@dataclass(frozen=True, slots=True)
class Phantom:
    """A slice of an abdominal phantom, with the truth of its liver and its lesions.

    Attributes:
        image: uint8[S, S].
        instances: uint8[S, S], 0 outside, 1..n the lesions.
        organ: bool[S, S], the liver with its lesions.
        spacing: millimetres of a pixel's side.
        densities: of each lesion, in the order of their numbers.
    """

    image: NDArray[np.uint8]
    instances: NDArray[np.uint8]
    organ: Bool
    spacing: float
    densities: tuple[Density, ...]

    @property
    def count(self) -> int:
        """How many lesions there are."""
        return len(self.densities)


def draw_phantom(seed: int, index: int, size: int = 128, view: View = "body") -> Phantom:
    """Draw a phantom; the same for the same arguments.

    Args:
        seed: of a whole set.
        index: which of the set, 0 or more.
        size: pixels of a side, 64 or more.
        view: the whole ``body``, or the ``liver`` and what is in the square around it; the same phantom either way.
    """
    # a phantom whose lesions found no room is drawn anew
    drawn = (_draw(np.random.default_rng([seed, index, attempt]), size, view) for attempt in itertools.count())
    return next(phantom for phantom in drawn if phantom.count)


def _draw(rng: np.random.Generator, size: int, view: View) -> Phantom:
    grid = Grid.of(size * FINER)
    half_view = float(rng.uniform(175, 205))  # mm
    body = draw_body(rng, grid)
    density, labels = body.density, np.zeros(grid.x.shape, dtype=np.uint8)
    kinds: list[Density] = []
    for inside in _lesions(rng, grid, body.liver, half_view):
        kind: Density = "hypodense" if rng.random() < 0.65 else "hyperdense"
        contrast = -rng.uniform(35, 75) if kind == "hypodense" else rng.uniform(45, 85)
        seen = _reduced(inside) >= 0.5
        if seen.sum() < _SMALLEST or ndimage.label(seen)[1] != 1:
            continue
        kinds.append(kind)
        density = np.where(inside, body.liver_density + contrast + 5 * _texture(rng, grid.x.shape), density)
        labels[inside] = len(kinds)
    liver = body.liver
    if view == "liver":
        places, share = _around(liver)
        half_view *= share
        density = ndimage.map_coordinates(density, places, order=1, mode="nearest")
        labels, liver = (ndimage.map_coordinates(each, places, order=0, cval=0) for each in (labels, liver))
    instances = np.zeros((size, size), dtype=np.uint8)
    for number in range(1, len(kinds) + 1):
        instances[_reduced(labels == number) >= 0.5] = number
    organ = (_reduced(liver) >= 0.5) | (instances > 0)
    return Phantom(_scan(rng, density), instances, organ, 2 * half_view / size, tuple(kinds))


def _around(liver: Bool) -> tuple[Float, float]:
    """Rows and columns of the square around the liver, float[2, N, N], and its share of the image's side."""
    found = [np.flatnonzero(liver.any(axis=axis)) for axis in (1, 0)]
    centres = [(float(each[0]) + float(each[-1])) / 2 for each in found]
    side = (1 + 2 * _MARGIN) * max(len(each) for each in found)
    steps = (np.arange(len(liver)) + 0.5) / len(liver) * side - side / 2
    rows, columns = np.meshgrid(steps + centres[0], steps + centres[1], indexing="ij")
    return np.stack([rows, columns]), side / len(liver)


def _lesions(rng: np.random.Generator, grid: Grid, liver: Bool, half_view: float) -> list[Bool]:
    """The lesions' places on the fine grid; they neither touch one another nor the liver's edge."""
    wanted = int(rng.choice(np.arange(1, MOST_LESIONS + 1), p=_SHARES))
    pixel = 2 * half_view / len(grid.x)
    low, high = np.log(_DIAMETERS)
    radii = np.sort(np.exp(rng.uniform(low, high, wanted)))[::-1] / 2  # the largest first: it needs the most room
    free = liver.copy()
    placed: list[Bool] = []
    for radius in radii.tolist():
        room = ndimage.distance_transform_edt(free) * pixel
        # the waves of an irregular edge reach past the radius
        radius = min(radius, float(room.max()) / 1.25 - _GAP)
        if radius < _DIAMETERS[0] / 2:
            continue
        places = np.argwhere(room > 1.25 * radius + _GAP)
        if not len(places):
            continue
        row, column = places[rng.integers(len(places))]
        centre = float(grid.x[row, column]), float(grid.y[row, column])
        inside = _lesion(rng, centre, radius / half_view).inside(grid)
        placed.append(inside)
        free &= ~inside
    order = rng.permutation(len(placed))  # so that a number tells nothing of the size
    return [placed[k] for k in order]


def _lesion(rng: np.random.Generator, centre: tuple[float, float], radius: float) -> Blob:
    kind, turn = rng.random(), float(rng.uniform(0, np.pi))
    if kind < 0.45:
        return Blob(centre, (radius, radius * float(rng.uniform(0.9, 1.0))), turn, waves(rng, 0.03))
    if kind < 0.7:
        return Blob(centre, (radius, radius * float(rng.uniform(0.45, 0.6))), turn, waves(rng, 0.04))
    return Blob(centre, (radius, radius * float(rng.uniform(0.75, 0.95))), turn, waves(rng, 0.16, number=5))


def _scan(rng: np.random.Generator, density: Float) -> NDArray[np.uint8]:
    """From densities on the fine grid to the windowed image, blurred and noisy."""
    values = ndimage.gaussian_filter(_reduced(density), 0.45)
    noise = ndimage.gaussian_filter(rng.normal(size=values.shape), 0.6)
    values = values + noise * (float(rng.uniform(8, 16)) / noise.std())
    shown = (values - (LEVEL - WINDOW / 2)) / WINDOW
    return np.asarray(np.clip(np.rint(shown * 255), 0, 255), dtype=np.uint8)


def _texture(rng: np.random.Generator, shape: tuple[int, ...]) -> Float:
    """Smooth noise of deviation 1."""
    noise = ndimage.gaussian_filter(rng.normal(size=shape), 0.02 * shape[0])
    return np.asarray(noise / noise.std())


def _reduced(values: NDArray[np.generic]) -> Float:
    rows, columns = (side // FINER for side in values.shape)
    return np.asarray(values.astype(np.float64).reshape(rows, FINER, columns, FINER).mean(axis=(1, 3)))

"""Shapes on a grid of coordinates, the alphabet of the phantoms."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Grid:
    """Pixel centres in units of half the field of view. Attributes: x: -1 (left) to 1; y: -1 (top) to 1; [N, N]."""

    x: Float
    y: Float

    @classmethod
    def of(cls, size: int) -> "Grid":
        """A grid of ``size`` x ``size`` pixels."""
        centres = (np.arange(size) + 0.5) * 2 / size - 1
        return cls(*np.meshgrid(centres, centres))


@dataclass(frozen=True, slots=True)
class Blob:
    """An ellipse with a wavy edge.

    Attributes:
        centre: x, y.
        radii: half axes along x and y, before the turn.
        turn: radians, clockwise as seen.
        waves: amplitude (relative to the radius) and phase of the edge's waves, 2 to a turn, 3 to a turn, ...
        power: 2 is an ellipse, more is squarer.
    """

    centre: tuple[float, float]
    radii: tuple[float, float]
    turn: float = 0.0
    waves: tuple[tuple[float, float], ...] = ()
    power: float = 2.0

    def level(self, grid: Grid) -> Float:
        """0 at the centre, 1 on the edge, more outside: float[N, N]."""
        dx, dy = grid.x - self.centre[0], grid.y - self.centre[1]
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        u, v = (cos * dx + sin * dy) / self.radii[0], (cos * dy - sin * dx) / self.radii[1]
        if self.power == 2:
            radius = np.hypot(u, v)
        else:
            radius = (np.abs(u) ** self.power + np.abs(v) ** self.power) ** (1 / self.power)
        if not self.waves:
            return np.asarray(radius)
        edge = np.ones_like(radius)
        angle = np.arctan2(v, u)
        for number, (amplitude, phase) in enumerate(self.waves, start=2):
            edge += amplitude * np.cos(number * angle + phase)
        return np.asarray(radius / edge)

    def inside(self, grid: Grid) -> Bool:
        """Which pixels lie within the shape: bool[N, N]."""
        # worked out in the square around the blob only: most blobs are small
        reach = 1.5 * max(self.radii) * (1 + sum(amplitude for amplitude, _ in self.waves))
        rows = _near(grid.y[:, 0], self.centre[1], reach)
        columns = _near(grid.x[0], self.centre[0], reach)
        inside = np.zeros(grid.x.shape, dtype=np.bool_)
        inside[rows, columns] = self.level(Grid(grid.x[rows, columns], grid.y[rows, columns])) < 1
        return inside


def _near(axis: Float, centre: float, reach: float) -> slice:
    first, last = np.searchsorted(axis, (centre - reach, centre + reach))
    return slice(int(first), int(last))


def waves(rng: np.random.Generator, amplitude: float, number: int = 4) -> tuple[tuple[float, float], ...]:
    """Waves of an edge, the shorter the flatter."""
    sizes = amplitude * rng.uniform(0.4, 1.0, number) / np.arange(1, number + 1)
    return tuple(zip(sizes.tolist(), rng.uniform(0, 2 * np.pi, number).tolist(), strict=True))

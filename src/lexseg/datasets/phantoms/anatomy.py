"""The abdomen around the lesions: outline, wall, ribs, spine, liver and its neighbours, in Hounsfield units."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from lexseg.datasets.phantoms.shapes import Blob, Bool, Float, Grid, waves

AIR, FAT, MUSCLE, BONE, FLUID = -1000.0, -100.0, 55.0, 320.0, 15.0


@dataclass(frozen=True, slots=True)
class Body:
    """An abdominal slice without lesions.

    Attributes:
        density: Hounsfield units, float[N, N].
        liver: bool[N, N].
        liver_density: the mean of the liver, Hounsfield units.
    """

    density: Float
    liver: Bool
    liver_density: float


def draw_body(rng: np.random.Generator, grid: Grid) -> Body:
    """Draw a slice through the upper abdomen, higher or lower, of a stouter or thinner person."""
    lower = float(rng.random())  # 0: just under the diaphragm, 1: at the kidneys
    fat = float(rng.uniform(0.05, 0.16))
    height = float(rng.uniform(0.58, 0.7))
    outline = Blob((0, 0), (float(rng.uniform(0.84, 0.93)), height), 0, waves(rng, 0.015), float(rng.uniform(2.2, 2.6)))
    level = outline.level(grid)
    density = np.full(grid.x.shape, AIR)
    density[level < 1] = 10.0  # skin
    density[level < 0.985] = FAT
    density[level < 1 - fat] = MUSCLE
    cavity = level < 0.92 - fat
    density[cavity] = FAT + 15
    y = height / 0.64  # the organs keep their places in a thin person and in a stout one
    spine = _spine(rng, grid, density, y)
    liver, mean = _liver(rng, grid, density, cavity & ~spine, lower, y)
    _neighbours(rng, grid, density, cavity & ~spine & ~liver, lower, y)
    _ribs(rng, grid, density, outline, 0.965 - fat)
    soft = density > -200
    noise = ndimage.gaussian_filter(rng.normal(size=density.shape), 0.008 * len(density))
    density = np.where(soft, density + 5 * noise / noise.std(), density)
    return Body(density, liver, mean)


def _spine(rng: np.random.Generator, grid: Grid, density: Float, y: float) -> Bool:
    region = np.zeros(density.shape, dtype=np.bool_)
    for side in (-1, 1):
        muscle = Blob((side * 0.17, 0.47 * y), (0.14, 0.1 * y), side * 0.15, waves(rng, 0.05)).inside(grid)
        density[muscle] = MUSCLE
        process = Blob((side * 0.12, 0.44 * y), (0.09, 0.022), side * 0.25).inside(grid)
        density[process] = BONE - 60
        region |= muscle | process
    arch = Blob((0, 0.445 * y), (0.075, 0.07 * y)).inside(grid)
    spinous = Blob((0, 0.53 * y), (0.018, 0.06 * y)).inside(grid)
    vertebra = Blob((0, 0.32 * y), (0.115, 0.09 * y), 0, waves(rng, 0.03), 2.4)
    density[arch | spinous] = BONE
    level = vertebra.level(grid)
    density[level < 1] = BONE
    density[level < 0.86] = 190.0  # spongy bone
    density[Blob((0, 0.44 * y), (0.042, 0.036 * y)).inside(grid)] = 30.0  # canal
    return np.asarray(region | arch | spinous | (level < 1.15))


def _liver(
    rng: np.random.Generator, grid: Grid, density: Float, allowed: Bool, lower: float, y: float
) -> tuple[Bool, float]:
    right = Blob(
        (-0.43 + 0.03 * lower, (-0.03 + 0.06 * lower) * y),
        (float(rng.uniform(0.32, 0.37)) - 0.06 * lower, float(rng.uniform(0.36, 0.42)) * y),
        float(rng.uniform(-0.15, 0.15)),
        waves(rng, 0.05),
    )
    reach = float(rng.uniform(0.34, 0.46)) * (1 - 0.55 * lower)
    thick, turn = float(rng.uniform(0.13, 0.18)) * y, float(rng.uniform(-0.1, 0.25))
    left = Blob((-0.12, -0.26 * y), (reach, thick), turn, waves(rng, 0.06))
    liver = (right.inside(grid) | left.inside(grid)) & allowed
    # the notch between the lobes is rounded, and nothing hangs on by a thread
    width = max(1, len(density) // 64)
    liver = ndimage.binary_opening(ndimage.binary_closing(liver, iterations=width) & allowed, iterations=2 * width)
    parts, number = ndimage.label(liver)
    liver = parts == 1 + int(np.argmax(ndimage.sum_labels(liver, parts, np.arange(1, number + 1))))
    mean = float(rng.uniform(90, 125))
    density[liver] = mean
    density[_vessels(rng, grid, y) & liver] = mean + float(rng.uniform(14, 26))
    return np.asarray(liver), mean


def _vessels(rng: np.random.Generator, grid: Grid, y: float) -> Bool:
    """Branches that leave the hilum and taper off; darker than any bright lesion, thinner than any dark one."""
    inside = np.zeros(grid.x.shape, dtype=np.bool_)
    for _ in range(int(rng.integers(3, 6))):
        angle, bend, length = rng.uniform(2.2, 4.4), rng.uniform(-1.2, 1.2), rng.uniform(0.2, 0.4)
        for step in np.linspace(0, 1, 24):
            turned = angle + bend * step
            centre = -0.2 + length * step * float(np.cos(turned)), 0.02 * y + length * step * float(np.sin(turned))
            radius = 0.02 * (1 - 0.75 * step)
            inside |= Blob(centre, (radius, radius)).inside(grid)
    return inside


def _neighbours(rng: np.random.Generator, grid: Grid, density: Float, allowed: Bool, lower: float, y: float) -> None:
    """Spleen, stomach, kidneys, bowel, aorta and vena cava, each where there is room."""
    blobs: list[tuple[Blob, float]] = []
    blobs.append((Blob((0.6, 0.14 * y), (0.14, 0.2 * y * (1 - 0.5 * lower)), 0.5, waves(rng, 0.06)), 115.0))
    stomach = Blob((0.36, -0.16 * y), (0.22, 0.16 * y), float(rng.uniform(-0.4, 0.4)), waves(rng, 0.08))
    blobs.append((stomach, FLUID + float(rng.uniform(0, 25))))
    if lower > 0.45:
        blobs += [
            (Blob((side * 0.34, 0.3 * y), (0.09, 0.12 * y), side * 0.4, waves(rng, 0.05)), 160.0) for side in (-1, 1)
        ]
    for _ in range(int(rng.integers(2, 5))):
        place = float(rng.uniform(-0.1, 0.5)), float(rng.uniform(-0.05, 0.2)) * y
        blobs.append((Blob(place, (0.08, 0.06), float(rng.uniform(0, 3)), waves(rng, 0.1)), float(rng.uniform(20, 70))))
    blobs.append((Blob((0.07, 0.17 * y), (0.055, 0.055)), 165.0))  # aorta
    blobs.append((Blob((-0.1, 0.16 * y), (0.06, 0.045)), 140.0))  # vena cava
    for blob, value in blobs:
        density[blob.inside(grid) & allowed] = value
    gas = stomach.inside(grid) & allowed & (grid.y < (-0.16 - float(rng.uniform(0.02, 0.2))) * y)
    density[gas] = -700.0


def _ribs(rng: np.random.Generator, grid: Grid, density: Float, outline: Blob, level: float) -> None:
    angles = np.linspace(0.16 * np.pi, 0.98 * np.pi, int(rng.integers(5, 8)))
    for side in (-1, 1):
        for angle in angles + rng.uniform(-0.06, 0.06, len(angles)):
            # the angle runs from the back over the side to the front
            x, y = side * np.sin(angle), np.cos(angle)
            wide, high, power = *outline.radii, outline.power
            radius = level / (abs(x / wide) ** power + abs(y / high) ** power) ** (1 / power)
            along = np.arctan2(x / wide**2, -y / high**2)  # the outline's direction here
            rib = Blob((radius * x, radius * y), (0.05, 0.017), float(along))
            density[rib.inside(grid)] = BONE
            density[rib.level(grid) < 0.6] = 150.0

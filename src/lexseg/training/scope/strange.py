"""Images of nothing, for a world to be kept away from: blank, noise, waves and clouds, in gray and in colour."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_SIDE = 160


def strange_images(seed: int) -> list[NDArray[np.float32]]:
    """Some three dozen images float32[H, W] or [H, W, 3] in 0..1.

    Args:
        seed: of noise and colours.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:_SIDE, :_SIDE] / (_SIDE - 1)
    made = [np.full((_SIDE, _SIDE), value) for value in (0.0, 0.1, 0.35, 0.65, 1.0)]
    made += [np.broadcast_to(rng.random(3), (_SIDE, _SIDE, 3)) for _ in range(4)]
    made += [rng.random((_SIDE, _SIDE)), rng.random((_SIDE, _SIDE, 3)), rng.normal(0.5, 0.1, (_SIDE, _SIDE))]
    made += [x * y, 1 - x, (1 - y) ** 2, np.hypot(x - 0.3, y - 0.6), np.stack([y, x, x * 0 + 0.4], -1)]
    for width in (2, 5, 12, 25):
        made += [_cloud(rng, width), np.stack([_cloud(rng, width) for _ in range(3)], -1)]
    for waves in (6, 20, 50):
        made += [0.5 + 0.5 * np.sin(waves * x + 3 * y), (np.sin(waves * y) > 0) * 0.8]
    for _ in range(6):
        made.append(_blocks(rng))
    return [np.clip(each, 0, 1).astype(np.float32) for each in made]


def _cloud(rng: np.random.Generator, width: float) -> NDArray[np.float64]:
    smooth = ndimage.gaussian_filter(rng.normal(size=(_SIDE, _SIDE)), width)
    return np.asarray((smooth - smooth.min()) / np.ptp(smooth))


def _blocks(rng: np.random.Generator) -> NDArray[np.float64]:
    """Coloured rectangles on one another, as of a screen."""
    image = np.ones((_SIDE, _SIDE, 3)) * rng.random(3)
    for _ in range(12):
        top, left = rng.integers(_SIDE - 20, size=2)
        height, width = rng.integers(10, 100, size=2)
        image[top : top + height, left : left + width] = rng.random(3)
    return image

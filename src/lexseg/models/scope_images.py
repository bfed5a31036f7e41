"""How far an image lies from a model's training images, by the maps of its own image encoder."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


class ImageScorer:
    """Distances to the nearest training images of each world, in a whitened space of pooled features.

    Args:
        state: ``shift`` float[F], ``project`` float[F, K], ``bank`` float16[N, K], ``world`` int64[N], ``radius``
            float[W] and ``neighbours`` int64[]: an image's distance from a world is that to its neighbour of that rank
            within the world, over the world's radius.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._state = {name: np.asarray(value) for name, value in state.items()}
        self._bank = self._state["bank"].astype(np.float32)
        self._k = int(self._state["neighbours"])

    def state(self) -> dict[str, NDArray[Any]]:
        """What the scorer is made from."""
        return dict(self._state)

    def __call__(self, maps: Sequence[Any]) -> NDArray[np.float32]:
        """Judge encoded images.

        Args:
            maps: of :class:`lexseg.models.base.Features`, float[B, C, h, w] each.

        Returns:
            float32[B, W]: at most 1 where an image is one of that world.
        """
        return self.judge(pooled(maps))

    def judge(self, features: ArrayLike) -> NDArray[np.float32]:
        """The same of pooled features float[B, F]."""
        points = (np.asarray(features, np.float32) - self._state["shift"]) @ self._state["project"]
        # each difference, not the squares' sum less the products': near a point that would lose its last digits
        apart = np.stack([np.sqrt(np.square(self._bank - point).sum(1)) for point in points])
        columns = []
        for world, radius in enumerate(self._state["radius"]):
            own = apart[:, self._state["world"] == world]
            nth = min(self._k, own.shape[1]) - 1
            columns.append(np.partition(own, nth, axis=1)[:, nth] / radius)
        return np.stack(columns, axis=1)


def pooled(maps: Sequence[Any]) -> NDArray[np.float32]:
    """The mean and the spread of every channel of every map: float32[B, F].

    Args:
        maps: float[B, C, h, w] each, arrays, or tensors on any device.
    """
    parts = []
    for each in maps:
        flat = array_of(each).reshape(*each.shape[:2], -1)
        parts += [flat.mean(2), flat.std(2)]
    return np.concatenate(parts, axis=1)


def array_of(values: Any) -> NDArray[np.float32]:
    """An array, or a tensor wherever it lies, as a float32 array."""
    there = values.detach().float().cpu() if hasattr(values, "detach") else values
    return np.asarray(there, np.float32)

"""How far an image lies from a model's training images, by the maps of its own image encoder."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


class ImageScorer:
    """Distances to the nearest training images of each world, in a whitened space of pooled features.

    Args:
        state: ``shift`` float[F], ``project`` float[F, K], ``bank`` float16[N, K], ``world`` int64[N], ``radius``
            float[W] and ``neighbours`` int64[]: the distance to an image's so manieth neighbour within a world, by that
            world's radius, is its distance.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self._state = dict(state)
        self._bank = state["bank"].float()
        self._k = int(state["neighbours"])

    def state(self) -> dict[str, Tensor]:
        """What the scorer is made from."""
        return dict(self._state)

    def __call__(self, maps: Sequence[Tensor]) -> Tensor:
        """Judge encoded images.

        Args:
            maps: of :class:`lexseg.models.base.Features`, float[B, C, h, w] each.

        Returns:
            float[B, W] on the CPU: at most 1 where an image is one of that world.
        """
        return self.judge(pooled(maps))

    def judge(self, features: Tensor) -> Tensor:
        """The same of pooled features float[B, F]."""
        points = (features - self._state["shift"]) @ self._state["project"]
        apart = torch.cdist(points, self._bank)
        columns = []
        for world, radius in enumerate(self._state["radius"]):
            own = apart[:, self._state["world"] == world]
            columns.append(own.kthvalue(min(self._k, own.shape[1]), dim=1).values / radius)
        return torch.stack(columns, dim=1)


def pooled(maps: Sequence[Tensor]) -> Tensor:
    """The mean and the spread of every channel of every map: float[B, F] on the CPU."""
    parts = []
    for each in maps:
        flat = each.float().flatten(2)
        parts += [flat.mean(2), flat.std(2, correction=0)]
    return torch.cat(parts, dim=1).cpu()

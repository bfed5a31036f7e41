"""The contract of image encoders."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn


class ImageEncoder(nn.Module, ABC):
    """An image encoder that gives a feature pyramid.

    Every encoder gives four maps, at strides 4, 8, 16 and 32, shallow to deep. Inputs are already normalised with the
    encoder's own ``mean`` and ``std`` (the model does that).

    Attributes:
        channels: widths of the four maps.
        stages: the four, each fed with the map before it.
        mean, std: per-channel normalisation of an image in 0..1 that the weights expect.
    """

    strides: ClassVar[tuple[int, ...]] = (4, 8, 16, 32)
    channels: Sequence[int]
    stages: nn.ModuleList
    mean: Sequence[float] = (0.485, 0.456, 0.406)
    std: Sequence[float] = (0.229, 0.224, 0.225)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Maps of an image.

        Args:
            image: float[B, 3, H, W], normalised; H and W divisible by 32.

        Returns:
            four maps, float[B, channels[i], H / strides[i], W / strides[i]].
        """
        maps = []
        for stage in self.stages:
            image = stage(image)
            maps.append(image)
        return maps

    @abstractmethod
    def layer_groups(self) -> list[list[nn.Parameter]]:
        """All parameters, each once, in groups from the input to the output, for layer-wise learning rates."""

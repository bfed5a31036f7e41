"""What a head sees of a place: a model's features, an ImageNet encoder's maps, plain statistics, and where it is."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.image import create_image_encoder
from lexseg.models.base import Normalize
from lexseg.models.fewshot.statistics import COUNT, statistics

PARTS = ("model", "encoder", "statistics", "place")
PLACES = 2
LEVELS = 3
"""Of the encoder's four: the deepest, at stride 32, says little of a place, and is half of the width."""


class Beside(nn.Module):
    """What is seen beside the model: an image encoder's maps and plain statistics.

    Args:
        encoder: name of the image encoder; ``None`` for none.
        pretrained: whether it starts from its usual weights.
        plain: whether statistics are told.
    """

    def __init__(self, encoder: str | None, *, pretrained: bool, plain: bool) -> None:
        super().__init__()
        self.encoder = None if encoder is None else create_image_encoder(encoder, frozen=True, pretrained=pretrained)
        self.normalize = None if self.encoder is None else Normalize(self.encoder.mean, self.encoder.std)
        self.plain = plain

    @property
    def channels(self) -> list[int]:
        """Of the maps, in order."""
        return [*(self.encoder.channels[:LEVELS] if self.encoder is not None else ()), *([COUNT] if self.plain else [])]

    def forward(self, image: Tensor) -> list[Tensor]:
        """Maps at their own strides, of float[B, 3, H, W] in 0..1; the statistics at half the size."""
        maps: list[Tensor] = []
        if self.encoder is not None and self.normalize is not None:
            now = self.normalize(image)
            for stage in list(self.encoder.stages)[:LEVELS]:
                now = stage(now)
                maps.append(now)
        if self.plain:
            maps.append(F.avg_pool2d(statistics(image), 2))
        return maps


def places(size: tuple[int, int], like: Tensor) -> Tensor:
    """Where each place lies, float[1, 2, h, w]: row and column, of mean 0 and deviation 1 over the image."""
    rows, columns = (torch.linspace(-1, 1, n, device=like.device, dtype=like.dtype) * 3**0.5 for n in size)
    return torch.stack([rows[:, None].expand(size), columns[None].expand(size)])[None]


def joined(groups: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """Maps of any strides as one, float[B, C, h, w]."""
    return torch.cat([each if each.shape[-2:] == size else _resized(each, size) for each in groups], 1)


def _resized(each: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(each.float(), size=size, mode="bilinear", align_corners=False)

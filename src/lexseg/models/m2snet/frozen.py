"""Frozen image encoders that a loss looks through. They are no part of a model, and are not saved with it."""

from functools import lru_cache

import torch
from torch import Tensor

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.image.base import ImageEncoder
from lexseg.models.base import Normalize


class FrozenFeatures:
    """Feature maps of a frozen encoder with its usual weights, on whatever device the image is.

    Args:
        encoder: its name. The network is made when it is first asked, so that a model that only answers never does.
    """

    def __init__(self, encoder: str = "efficientnet-lite0") -> None:
        self.encoder = encoder

    def __call__(self, image: Tensor) -> list[Tensor]:
        """Args: image: float[B, 3, H, W] in 0..1; H and W divisible by 32."""
        encoder, normalize = _frozen(self.encoder, image.device)
        maps: list[Tensor] = encoder(normalize(image))
        return maps


@lru_cache(maxsize=2)
def _frozen(name: str, device: torch.device) -> tuple[ImageEncoder, Normalize]:
    encoder = create_image_encoder(name, pretrained=True).requires_grad_(False).eval().to(device)
    return encoder, Normalize(encoder.mean, encoder.std).to(device)

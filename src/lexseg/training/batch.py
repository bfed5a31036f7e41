"""What a data loader gives: images, sentences and targets as tensors."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.target import Target


@dataclass(frozen=True, slots=True)
class Batch:
    """Images, what is asked about each, and the answers.

    Attributes:
        image: float[I, 3, H, W] in 0..1.
        text: B = I * K sentences; K of them are asked about each image and stand side by side.
        target: of the B sentences.
        ids: the B cases' ids.
    """

    image: Tensor
    text: TextBatch
    target: Target
    ids: tuple[str, ...]

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        image = self.image.to(device, non_blocking=True)
        return Batch(image, self.text.to(device), self.target.to(device), self.ids)

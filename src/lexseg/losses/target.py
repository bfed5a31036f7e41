"""What a model is trained towards, as tensors."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Target:
    """What a model is trained towards.

    Attributes:
        mask: float[B, 1, H, W], 0 or 1; 0 where it is unknown.
        valid: bool[B, 1, H, W], false where the truth is unknown: what a zoom or shift brought in, and all of a case
            whose target nobody has drawn (``present`` without a mask). ``None``: all true.
        others: float[B, 1, H, W], the union of the image's targets that the sentence does not name; ``None``: unknown.
        weight: float[B], how much each case counts; ``None`` is one for all.
        present: float[B], 1 where the image holds what the sentence names, 0 where it does not, NaN where augmentation
            has moved it out of sight; ``None``: as the mask says.
        region: int64[B], equal for rows of one image whose regions are equal; ``None``: not known.

    B counts sentences. Where several are asked about an image, they stand side by side
    (:class:`lexseg.training.batch.Batch`).
    """

    mask: Tensor
    valid: Tensor | None = None
    others: Tensor | None = None
    weight: Tensor | None = None
    present: Tensor | None = None
    region: Tensor | None = None

    def first(self, n: int) -> "Target":
        """That of the first ``n`` sentences."""

        def cut(t: Tensor | None) -> Tensor | None:
            return None if t is None else t[:n]

        parts = (cut(t) for t in (self.valid, self.others, self.weight, self.present, self.region))
        return Target(self.mask[:n], *parts)

    def to(self, device: torch.device | str) -> "Target":
        """The same target on another device."""

        def moved(t: Tensor | None) -> Tensor | None:
            return None if t is None else t.to(device, non_blocking=True)

        mask = self.mask.to(device, non_blocking=True)
        return Target(
            mask,
            moved(self.valid),
            moved(self.others),
            moved(self.weight),
            moved(self.present),
            moved(self.region),
        )

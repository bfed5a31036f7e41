"""Cases as samples, and samples as batches."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from lexseg.data.augment import (
    AugmentConfig,
    AugmentParameters,
    augment_image,
    augment_mask,
    augment_text,
    case_generator,
    draw,
    resize_image,
)
from lexseg.data.batch import Batch, Target
from lexseg.data.case import Case
from lexseg.data.images import read_image, read_mask
from lexseg.errors import DataError
from lexseg.text.batch import TextBatch


@dataclass(frozen=True, slots=True)
class Sample:
    """One case, ready to be put into a batch.

    Attributes:
        image: float[1 or 3, H, W] in 0..1 at the network's size.
        text: the sentence; empty is the null sentence.
        mask: float[1, H, W], 0 or 1; at its own size in validation.
        valid: bool[1, H, W].
        case: where it comes from.
    """

    image: Tensor
    text: str
    mask: Tensor
    valid: Tensor
    case: Case


@dataclass(frozen=True, slots=True)
class Stack:
    """Samples as tensors, their sentences still words: what a reading process hands over.

    Attributes:
        image: float[B, 3, H, W] in 0..1.
        texts: the sentences; empty is the null sentence.
        target: as in a :class:`Batch`.
        ids: the cases' ids.
    """

    image: Tensor
    texts: tuple[str, ...]
    target: Target
    ids: tuple[str, ...]


class CaseDataset(Dataset[Sample]):
    """Reads cases, and augments them where it is told how.

    Args:
        cases: every one with a mask.
        size: (height, width) of the network's input.
        augment: ``None`` in validation: the first wording, and the mask at its own size.
        seed, epoch: all randomness is a function of these and the case's id.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        size: tuple[int, int],
        *,
        augment: AugmentConfig | None = None,
        seed: int = 0,
        epoch: int = 0,
    ) -> None:
        missing = [case.where for case in cases if case.mask is None]
        if missing:
            raise DataError("training needs a mask for every case; none is given in:\n  " + "\n  ".join(missing))
        self.cases, self.size, self.augment, self.seed, self.epoch = list(cases), size, augment, seed, epoch
        # a case that is repeated within an epoch is not augmented twice in the same way
        seen: Counter[str] = Counter()
        self.keys: list[str] = []
        for case in self.cases:
            self.keys.append(f"{case.id}#{seen[case.id]}" if seen[case.id] else case.id)
            seen[case.id] += 1

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> Sample:
        case = self.cases[index]
        image, mask = _read(case)
        if self.augment is None:
            image = resize_image(image, self.size)
            return Sample(image, case.text, mask, torch.ones_like(mask, dtype=torch.bool), case)
        parameters = draw(self.augment, case_generator(self.seed, self.epoch, self.keys[index]))
        image = augment_image(image, parameters, self.size)
        mask, valid = augment_mask(mask, parameters, self.size)
        return Sample(image, augment_text(_wording(case, parameters), parameters), mask, valid, case)


def image_tensor(image: np.ndarray) -> Tensor:
    """float[H, W] or float[H, W, 3] as float[1 or 3, H, W]."""
    return torch.from_numpy(image[None] if image.ndim == 2 else np.ascontiguousarray(image.transpose(2, 0, 1)))


def stack(samples: Sequence[Sample]) -> Stack:
    """Put samples of one size together; gray images are repeated to three channels."""
    return Stack(
        image=torch.stack([s.image.expand(3, -1, -1) for s in samples]),
        texts=tuple(s.text for s in samples),
        target=Target(
            mask=torch.stack([s.mask for s in samples]),
            valid=torch.stack([s.valid for s in samples]),
            weight=torch.tensor([s.case.weight for s in samples]),
        ),
        ids=tuple(s.case.id for s in samples),
    )


def collate(samples: Stack | Sequence[Sample], encode_text: Callable[[Sequence[str | None]], TextBatch]) -> Batch:
    """Put samples into a batch, their sentences encoded."""
    s = samples if isinstance(samples, Stack) else stack(samples)
    return Batch(s.image, encode_text([text or None for text in s.texts]), s.target, s.ids)


def _read(case: Case) -> tuple[Tensor, Tensor]:
    """The image, float[1 or 3, H, W], and the mask, float[1, H, W]; errors say in which row they stand."""
    assert case.mask is not None
    try:
        image = image_tensor(read_image(case.image))
        mask = torch.from_numpy(read_mask(case.mask, case.label)).float()[None]
    except DataError as error:
        raise DataError(f"{case.where}: {error}") from error
    if image.shape[-2:] != mask.shape[-2:]:
        (h, w), (mask_h, mask_w) = image.shape[-2:], mask.shape[-2:]
        raise DataError(f"{case.where}: the image is {w} x {h} pixels, but its mask {mask_w} x {mask_h}")
    return image, mask


def _wording(case: Case, parameters: AugmentParameters) -> str:
    """One of the case's wordings, empty ones left out unless there is no other."""
    wordings = [t for t in case.texts if t.strip()] or [""]
    return wordings[int(parameters.wording * len(wordings))]

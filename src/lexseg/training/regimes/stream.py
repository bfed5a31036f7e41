"""The second stream of batches: images without a mask, each in two views."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from lexseg.cases.case import Case
from lexseg.encoders.text.batch import EncodeText, TextBatch
from lexseg.errors import DataError
from lexseg.models.inputs import image_tensor
from lexseg.models.place import Fit
from lexseg.scans.images import read_image
from lexseg.seeds import case_generator
from lexseg.training.augment import AugmentConfig, augment_image, augment_mask, augment_text, draw
from lexseg.training.batch import Batch
from lexseg.training.regimes.views import View, ViewConfig, turned, view


@dataclass(frozen=True, slots=True)
class Pair:
    """One image without a mask. Attributes: image, words, valid: of the first view; second: another view of that."""

    image: Tensor
    words: str
    valid: Tensor
    second: View
    id: str


@dataclass(frozen=True, slots=True)
class PairStack:
    """Pairs as tensors, their sentences still words: what a reading process hands over. Attributes: as `Unlabelled`."""

    image: Tensor
    words: tuple[str, ...]
    valid: Tensor
    second: Tensor
    second_words: tuple[str, ...]
    mirrored: Tensor
    flipped: Tensor
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """A batch of images without a mask, each in two views.

    Attributes:
        image: float[B, 3, H, W] in 0..1, the first view: what augmentation makes of the image.
        text: B sentences that are true of it.
        valid: bool[B, 1, H, W], false where the first view shows nothing.
        second: float[B, 3, H, W], the second view: the first in other light, and perhaps mirrored.
        second_text: B sentences that are true of that.
        mirrored, flipped: bool[B], how the second view is turned against the first.
        ids: the cases' ids.
    """

    image: Tensor
    text: TextBatch
    valid: Tensor
    second: Tensor
    second_text: TextBatch
    mirrored: Tensor
    flipped: Tensor
    ids: tuple[str, ...]

    def back(self, maps: Tensor) -> Tensor:
        """Maps of the second view, float[B, C, h, w], where they lie in the first; and the other way round."""
        return turned(maps, self.mirrored, self.flipped)

    def to(
        self, device: torch.device | str, memory_format: torch.memory_format = torch.preserve_format
    ) -> "Unlabelled":
        """The same batch on another device."""

        def moved(t: Tensor) -> Tensor:
            return t.to(device, non_blocking=True)

        return Unlabelled(
            moved(self.image).contiguous(memory_format=memory_format),
            self.text.to(device),
            moved(self.valid),
            moved(self.second).contiguous(memory_format=memory_format),
            self.second_text.to(device),
            moved(self.mirrored),
            moved(self.flipped),
            self.ids,
        )


@dataclass(frozen=True, slots=True)
class Both:
    """A step's batches. Attributes: labelled; unlabelled: ``None`` for a regime that has no use for it."""

    labelled: Batch
    unlabelled: Unlabelled | None = None


class PairDataset(Dataset[Pair]):
    """Reads images, augments them, and makes the second view.

    Args:
        cases: what the epoch shows, by the names under which chance is drawn. No mask of theirs is opened.
        size: (height, width) of the network's input.
        augment: what may happen to the first view.
        views: what may happen to the second.
        drop_words: probability that both views have no words.
        seed, epoch: all randomness is a function of these and the name.
        fit: how an image comes to that size.
        unread: places of cases that are not read, as nobody will look at them: they are black.
    """

    def __init__(
        self,
        cases: Sequence[tuple[str, Case]],
        size: tuple[int, int],
        *,
        augment: AugmentConfig,
        views: ViewConfig,
        drop_words: float,
        seed: int,
        epoch: int,
        fit: Fit = "stretch",
        unread: Collection[int] = (),
    ) -> None:
        self.fit: Fit = fit
        self.unread = unread
        self.cases, self.size, self.augment, self.views = list(cases), size, augment, views
        self.drop_words, self.seed, self.epoch = drop_words, seed, epoch

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> Pair:
        name, case = self.cases[index]
        if index in self.unread:
            black = torch.zeros(3, *self.size)
            return Pair(black, "", torch.zeros(1, *self.size, dtype=torch.bool), View(black, ""), case.id)
        rng = case_generator(self.seed, self.epoch, f"unlabelled/{name}")
        parameters = draw(self.augment, rng)
        try:
            image = image_tensor(read_image(case.image))
        except DataError as error:
            raise DataError(f"{case.where}: {error}") from error
        wordings = [t for t in case.texts if t.strip()] or [""]
        said = augment_text(wordings[int(parameters.wording * len(wordings))], parameters)
        words = "" if rng.random() < self.drop_words else said
        nothing = torch.ones(1, image.shape[-2], image.shape[-1])
        image = augment_image(image, parameters, self.size, self.fit)
        _, valid = augment_mask(nothing, parameters, self.size, fit=self.fit)
        second = view(image, words, int(rng.integers(2**31)), self.views)
        return Pair(image.expand(3, -1, -1), words, valid, second, case.id)


def stack_pairs(pairs: Sequence[Pair]) -> PairStack:
    """Put pairs of one size together."""
    return PairStack(
        image=torch.stack([p.image for p in pairs]),
        words=tuple(p.words for p in pairs),
        valid=torch.stack([p.valid for p in pairs]),
        second=torch.stack([p.second.image for p in pairs]),
        second_words=tuple(p.second.words for p in pairs),
        mirrored=torch.from_numpy(np.array([p.second.mirrored for p in pairs])),
        flipped=torch.from_numpy(np.array([p.second.flipped for p in pairs])),
        ids=tuple(p.id for p in pairs),
    )


def encoded(stack: PairStack, encode_text: EncodeText) -> Unlabelled:
    """The batch, its sentences encoded."""

    def say(words: Sequence[str]) -> TextBatch:
        return encode_text([w or None for w in words])

    return Unlabelled(
        stack.image,
        say(stack.words),
        stack.valid,
        stack.second,
        say(stack.second_words),
        stack.mirrored,
        stack.flipped,
        stack.ids,
    )

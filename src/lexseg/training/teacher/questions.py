"""Images, masks and questions on their way into a pack, each thing once."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.cases.case import Case
from lexseg.cases.truth import truth_of
from lexseg.errors import ConfigError, DataError
from lexseg.models.inputs import image_tensor, resize_image
from lexseg.scans.images import read_image
from lexseg.training.teacher.contents import Pack, bits

MOST = 60.0
"""MiB of a pack at most, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class PackOptions:
    """How much is packed.

    Attributes:
        images: training images, drawn by the recipe's shares; ``data.sentences`` questions about each.
        sentences: distinct ones at most, their mirrored forms not counted.
        validation: cases of each manifest.
        size: side of the images in pixels.
        most: MiB of the pack.
    """

    images: int = 1200
    sentences: int = 600
    validation: int = 40
    size: int = 128
    most: float = MOST

    def __post_init__(self) -> None:
        if min(self.images, self.sentences, self.validation) < 1 or self.size < 32 or self.size % 32:
            raise ConfigError(
                f"{self.images} images, {self.sentences} sentences, {self.validation} validation cases of {self.size} "
                "pixels; at least one of each, and a size divisible by 32, were expected"
            )


class QuestionCollector:
    """Collects images, masks and questions, each thing once."""

    def __init__(self, options: PackOptions, chance: random.Random) -> None:
        self.options, self.chance = options, chance
        self.sentences: dict[str, int] = {"": 0}
        self._images: dict[tuple[bool, Path], int] = {}
        self._pixels: list[Tensor] = []
        self._times: Counter[int] = Counter()
        self._masks: dict[bytes, int] = {}
        self._rows: dict[tuple[int, int, int], tuple[int, int, int, int, float, bool, float]] = {}

    def ask(self, cases: Sequence[Case], *, training: bool) -> None:
        """Ask about an image, in wordings that are known or for which there is room."""
        told = [(case, words) for case in cases if (words := self._words(case, training=training)) is not None]
        if not told:
            return
        number = self._image(cases[0], training=training)
        self._times[number] += training
        instances: dict[Path, Any] = {}
        for case, words in told:
            try:
                truth = truth_of(case, instances)
            except DataError as error:
                raise DataError(f"{case.where}: {error}") from error
            others = -1 if truth.others is None else self._mask(torch.from_numpy(truth.others))
            present = float("nan") if truth.present is None else float(truth.present)
            mask = self._mask(torch.from_numpy(truth.mask))
            row = (number, words, mask, others, present, truth.located, case.weight)
            self._rows.setdefault((number, words, mask), row)  # an image that comes again may be asked the same

    def _words(self, case: Case, *, training: bool) -> int | None:
        wordings = [text for text in case.texts if text.strip()] or [""]
        if not training:
            wordings = wordings[:1]  # validation reads the first
        self.chance.shuffle(wordings)
        for text in wordings:
            if text in self.sentences:
                return self.sentences[text]
        if training and len(self.sentences) > self.options.sentences:
            return None
        return self.sentences.setdefault(wordings[0], len(self.sentences))

    def _image(self, case: Case, *, training: bool) -> int:
        key = (training, case.image)
        if key not in self._images:
            try:
                image = image_tensor(read_image(case.image))
            except DataError as error:
                raise DataError(f"{case.where}: {error}") from error
            size = (self.options.size, self.options.size)
            self._images[key] = len(self._pixels)
            self._pixels.append((resize_image(image, size) * 255).round().to(torch.uint8))
        return self._images[key]

    def _mask(self, mask: Tensor) -> int:
        share = F.interpolate(mask.float()[None, None], (self.options.size, self.options.size), mode="area")[0]
        small = share >= 0.5
        if not small.any():
            small = share >= max(float(share.max()), 1e-6)  # a target smaller than a pixel is still there
        packed = bits(small).numpy().tobytes()
        return self._masks.setdefault(packed, len(self._masks))

    def told(self) -> str:
        """How much it is, in words."""
        training = sum(n > 0 for n in self._times.values())
        other = len(self._pixels) - training
        return f"{len(self._rows):,} questions about {training:,} training and {other:,} other images"

    def pack(self, about: dict[str, Any], tokens: Tensor, starts: Tensor, caption: Tensor, forms: Tensor) -> Pack:
        """All of it as arrays; gray images come first."""
        order = sorted(range(len(self._pixels)), key=lambda i: len(self._pixels[i]) > 1)
        place = {number: at for at, number in enumerate(order)}
        gray = [self._pixels[i] for i in order if len(self._pixels[i]) == 1]
        colour = [self._pixels[i] for i in order if len(self._pixels[i]) > 1]
        image, text, mask, others, present, located, weight = zip(*self._rows.values(), strict=True)
        side = self.options.size
        masks = torch.frombuffer(bytearray(b"".join(self._masks)), dtype=torch.uint8).view(len(self._masks), -1)
        return Pack(
            gray=torch.stack(gray) if gray else torch.zeros(0, 1, side, side, dtype=torch.uint8),
            colour=torch.stack(colour) if colour else torch.zeros(0, 3, side, side, dtype=torch.uint8),
            times=torch.tensor([float(self._times[i]) for i in order]),
            masks=masks,
            image=torch.tensor([place[i] for i in image], dtype=torch.int32),
            text=torch.tensor(text, dtype=torch.int32),
            mask=torch.tensor(mask, dtype=torch.int32),
            others=torch.tensor(others, dtype=torch.int32),
            present=torch.tensor(present),
            located=torch.tensor(located),
            weight=torch.tensor(weight),
            tokens=tokens,
            starts=starts,
            caption=caption,
            mirrored=forms[:, 0].contiguous(),
            swapped=forms[:, 1:].contiguous(),
            about=about,
        )

"""Batches made where the images lie: drawn, augmented and put together on the device itself."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.target import Target
from lexseg.training.augment import SEEN, AugmentConfig
from lexseg.training.teacher.contents import Pack, unpacked


@dataclass(frozen=True, slots=True)
class Soft:
    """What teachers say of each of a pack's questions. Attributes: probability: uint8[Q, S, S]; present: float32[Q]."""

    probability: Tensor
    present: Tensor


class Batches:
    """Draws batches from a pack in the memory of a device.

    Args:
        pack: what is drawn from.
        config: what may happen to an image; paraphrases and typos need words, which a pack has not.
        device: where the arrays are kept, and all is done.
        seed: of all chance.
        soft: what teachers say, mixed with the truth by ``share``; the mask only where the target is there or nobody
            knows: of what is known not to be there a teacher can only be wrong.
        share: of the teachers in the mixture.
    """

    def __init__(
        self,
        pack: Pack,
        config: AugmentConfig,
        device: torch.device | str = "cpu",
        *,
        seed: int = 0,
        soft: Soft | None = None,
        share: float = 0.5,
    ) -> None:
        self.size, self.config, self.share = pack.size, config, share
        self.pack = Pack(about=pack.about, **{name: value.to(device) for name, value in pack.arrays().items()})
        self.soft = None if soft is None else Soft(soft.probability.to(device), soft.present.to(device))
        self.device = torch.device(device)
        self.chance = torch.Generator(self.device).manual_seed(seed)
        self._asked = _table(self.pack.image.long(), len(self.pack.times))

    def draw(self, images: int, each: int, size: int | None = None) -> tuple[Tensor, TextBatch, Target]:
        """Draw images, and questions about each.

        Args:
            images: how many, drawn by ``times``.
            each: questions about an image; none twice before all have been asked.
            size: of the side in pixels; ``None`` is the pack's.

        Returns:
            float[images, 3, size, size], and ``images * each`` sentences and targets.
        """
        p = self.pack
        drawn = torch.multinomial(p.times, images, replacement=True, generator=self.chance)
        asked = self._asked[drawn]
        key = self._rand(*asked.shape).masked_fill(asked < 0, -1.0)
        order = asked.gather(1, key.argsort(1, descending=True))
        place = torch.arange(each, device=self.device) % (asked >= 0).sum(1, keepdim=True)
        question = order.gather(1, place).flatten()
        mirror = self._rand(images) < self.config.mirror
        grid = self._grid(mirror, images, size or self.size)
        valid = (grid.abs() <= 1).all(-1)[:, None]
        image = F.grid_sample(self.pixels(drawn), grid, padding_mode="zeros", align_corners=False)
        image = self._intensities(image)
        own = torch.arange(images, device=self.device).repeat_interleave(each)
        text = p.text[question].long()
        text = torch.where(mirror[own] & (p.mirrored[text] >= 0), p.mirrored[text].long(), text)
        text = text.masked_fill(self._rand(len(text)) < self.config.drop_text, 0)
        target = self._target(question, text, grid[own], valid[own])
        whole = (text == 0) & (p.others[question] >= 0)
        place = p.mask[question].long().masked_fill(whole, len(p.masks))
        region = drawn[own] * (len(p.masks) + 1) + place
        return image, self.sentences(text), replace(target, region=region)

    def pixels(self, index: Tensor) -> Tensor:
        """float[n, 3, S, S] in 0..1 of images by their numbers."""
        p, gray = self.pack, index < len(self.pack.gray)
        image = torch.empty(len(index), 3, self.size, self.size, device=self.device)
        image[gray] = p.gray[index[gray]].float() / 255
        image[~gray] = p.colour[index[~gray] - len(p.gray)].float() / 255
        return image

    def masks(self, index: Tensor) -> Tensor:
        """float[n, 1, S, S] of masks by their numbers."""
        return unpacked(self.pack.masks[index.long()], self.size)

    def sentences(self, index: Tensor, *, swapped: bool = True) -> TextBatch:
        """A batch of sentences by their numbers; below 1 is the null sentence."""
        p, index = self.pack, index.clamp(min=0)
        length = p.starts[index + 1] - p.starts[index]
        place = torch.arange(max(1, int(length.max())), device=self.device)
        mask = place < length[:, None]
        states = p.tokens[(p.starts[index][:, None] + place).clamp(max=len(p.tokens) - 1)].float()
        null = index == 0
        caption = torch.where(null, -1 - torch.arange(len(index), device=self.device), p.caption[index])
        others = [self.sentences(p.swapped[index, axis].long(), swapped=False) for axis in (0, 1) if swapped]
        return TextBatch(mask, caption, null, states=states * mask[..., None], swapped=tuple(others))

    def _target(self, question: Tensor, text: Tensor, grid: Tensor, valid: Tensor) -> Target:
        p = self.pack
        hard, others = self.masks(p.mask[question]), self.masks(p.others[question].clamp(min=0))
        others = others * (p.others[question] >= 0)[:, None, None, None]
        # a sentence that was dropped names none of the image's targets apart
        whole = (text == 0) & (p.others[question] >= 0)
        hard = torch.where(whole[:, None, None, None], (hard + others).clamp(max=1), hard)
        others = others * ~whole[:, None, None, None]
        moved = F.grid_sample(torch.cat([hard, others], 1), grid, mode="nearest", align_corners=False)
        mask, others = moved[:, :1], moved[:, 1:]
        located, present = p.located[question], p.present[question].clone()
        present = torch.where(whole, hard.flatten(1).amax(1), present)
        zoomed = self._magnified(grid) * hard.mean((1, 2, 3))
        lost = located & (present == 1) & (mask.mean((1, 2, 3)) <= SEEN * zoomed)
        present = present.masked_fill(lost, torch.nan)
        known = valid & located[:, None, None, None]
        if self.soft is not None:
            told = self.soft.probability[question][:, None].float() / 255
            told = F.grid_sample(told, grid, align_corners=False)
            there = self.soft.present[question]
            usable = ~whole & (text > 0) & (~located | (p.present[question] == 1))
            mixed = torch.where(located[:, None, None, None], (1 - self.share) * mask + self.share * told, told)
            mask = torch.where(usable[:, None, None, None], mixed, mask)
            known = torch.where(usable[:, None, None, None], valid, known)
            # what is known not to be there stays exactly so: rows above 0 would no longer count as absent
            sure = (text > 0) & (present == 1)
            present = torch.where(sure, (1 - self.share) * present + self.share * there, present)
        return Target(mask, known, others, p.weight[question], present)

    def _grid(self, mirror: Tensor, n: int, size: int) -> Tensor:
        """float[n, size, size, 2], where each pixel reads from: mirror, zoom and rotation, then shift."""
        c = self.config
        zoom = self._between(math.log(c.zoom[0]), math.log(c.zoom[1]), n).exp()
        aspect = (self._between(-c.stretch, c.stretch, n) / 2).exp()
        angle = self._between(-c.rotate, c.rotate, n) * math.pi / 180
        sx, sy = (1 - 2 * mirror.float()) * aspect / zoom, 1 / (aspect * zoom)
        across, down = self._between(-c.shift, c.shift, n) * 2, self._between(-c.shift, c.shift, n) * 2
        rows = [
            torch.stack([sx * angle.cos(), -sx * angle.sin(), across * sx], 1),
            torch.stack([sy * angle.sin(), sy * angle.cos(), down * sy], 1),
        ]
        return F.affine_grid(torch.stack(rows, 1), [n, 1, size, size], align_corners=False)

    @staticmethod
    def _magnified(grid: Tensor) -> Tensor:
        """float[n], how many times as large a piece of the image is shown: one by the determinant of its map."""
        a, b = grid[:, 0, 1] - grid[:, 0, 0], grid[:, 1, 0] - grid[:, 0, 0]
        step = 2 / grid.shape[1]
        return step**2 / (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).abs()

    def _intensities(self, image: Tensor) -> Tensor:
        """Gamma, contrast, brightness, blur and noise, each image its own."""
        c, n = self.config, len(image)
        gamma = self._between(math.log(c.gamma[0]), math.log(c.gamma[1]), n).exp()
        contrast, light = self._between(*c.contrast, n), self._between(-c.brightness, c.brightness, n)
        image = image.clamp(0, 1) ** gamma[:, None, None, None]
        mean = image.mean((1, 2, 3), keepdim=True)
        image = (image - mean) * contrast[:, None, None, None] + mean + light[:, None, None, None]
        if c.blur:
            blurred = F.avg_pool2d(image, 3, 1, 1, count_include_pad=False)
            share = (self._rand(n) < 0.25) * self._rand(n)
            image = image.lerp(blurred, share[:, None, None, None])
        if c.noise:
            level = c.noise * self._rand(n) * (self._rand(n) < 0.5)
            noise = torch.randn(n, 1, *image.shape[-2:], generator=self.chance, device=self.device)
            image = image + level[:, None, None, None] * noise
        return image.clamp(0, 1)

    def _rand(self, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=self.chance, device=self.device)

    def _between(self, low: float, high: float, n: int) -> Tensor:
        return low + (high - low) * self._rand(n)


def _table(image: Tensor, images: int) -> Tensor:
    """int64[images, most], the questions about each image; -1 where it has no more."""
    order = image.argsort(stable=True)
    count = torch.bincount(image, minlength=images)
    place = torch.arange(len(image), device=image.device) - (count.cumsum(0) - count)[image[order]]
    table = image.new_full((images, int(count.max())), -1)
    table[image[order], place] = order
    return table

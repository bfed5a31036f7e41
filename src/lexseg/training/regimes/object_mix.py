"""Images mixed of the objects of several, with their masks.

SM2C (Wang and Zhu, arXiv 2403.16009) names three parts: a larger scale with more in one image, objects of several
classes in one image, jittered shapes (FOUND, abstract). No code and no body of the paper were to be had: all that is
below is OURS, "SM2C-style", and not the paper's method.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class ObjectMix:
    """Makes one image of several.

    Whatever it makes, the sentence is no longer true of it: mixed images are asked about without words.

    Attributes:
        mosaic: a window of once to twice the image's side, cut from a canvas of four images and brought to size.
        paste: the object of another image is laid over it.
        shape: what is pasted is turned, scaled and bent before.
    """

    mosaic: bool = True
    paste: bool = True
    shape: bool = True

    @property
    def mixes(self) -> bool:
        """Whether there is anything to do; a shape alone is of nothing."""
        return self.mosaic or self.paste

    def __call__(
        self, image: Tensor, mask: Tensor, valid: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Mix the images of a batch: mosaics of four, and what masks show pasted into another image.

        Args:
            image: float[B, 3, H, W] in 0..1.
            mask: float[B, 1, H, W], 0 or 1: the truth, or what was found.
            valid: bool[B, 1, H, W], where that counts.
            generator: on the CPU; all chance.

        Returns:
            The same three of the mixed images. A seam of one pixel round what was pasted counts nowhere.
        """
        if self.mosaic:
            image, mask, valid = self._mosaic(image, mask, valid, generator)
        if self.paste:
            image, mask, valid = self._paste(image, mask, valid, generator)
        return image, mask, valid

    def _mosaic(
        self, image: Tensor, mask: Tensor, valid: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        b, _, h, w = image.shape
        layers = torch.cat([image, mask, valid.to(image.dtype)], 1)
        out = []
        for _ in range(b):
            four = layers[torch.randint(b, (4,), generator=generator)]
            canvas = torch.cat([torch.cat([four[0], four[1]], 2), torch.cat([four[2], four[3]], 2)], 1)
            share = 1 + float(torch.rand((), generator=generator))
            height, width = round(h * share), round(w * share)
            top = int(torch.randint(2 * h - height + 1, (), generator=generator))
            left = int(torch.randint(2 * w - width + 1, (), generator=generator))
            window = canvas[None, :, top : top + height, left : left + width]
            picture = F.interpolate(window[:, :3], (h, w), mode="bilinear", antialias=True, align_corners=False)
            out.append(torch.cat([picture, F.interpolate(window[:, 3:], (h, w), mode="nearest-exact")], 1))
        mixed = torch.cat(out)
        return mixed[:, :3].clamp(0, 1), mixed[:, 3:4], mixed[:, 4:] > 0.5

    def _paste(
        self, image: Tensor, mask: Tensor, valid: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        b, _, h, w = image.shape
        giver = torch.randperm(b, generator=generator).to(image.device)
        grid = self._grid(b, (h, w), generator).to(image.device)
        picture = F.grid_sample(image[giver], grid, padding_mode="zeros", align_corners=False)
        known = (mask * valid)[giver]
        lent = F.grid_sample(known, grid, mode="nearest", padding_mode="zeros", align_corners=False)
        image = torch.where(lent > 0, picture, image)
        grown, shrunk = F.max_pool2d(lent, 3, 1, 1), -F.max_pool2d(-lent, 3, 1, 1)
        seam = grown > shrunk
        return image, torch.maximum(mask * (lent == 0), lent), (valid | (lent > 0)) & ~seam

    def _grid(self, b: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Where what is pasted is read from, float[B, H, W, 2]: moved, and where the shape is jittered also bent."""

        def between(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(b, generator=generator)

        turn, scale, side = torch.zeros(b), torch.ones(b), torch.ones(b)
        if self.shape:
            turn, scale = between(-math.pi / 6, math.pi / 6), 1 / between(0.7, 1.3)
            side = torch.where(torch.rand(b, generator=generator) < 0.5, -1.0, 1.0)
        cos, sin, (h, w) = turn.cos() * scale, turn.sin() * scale, size
        theta = torch.stack(
            [
                torch.stack([side * cos, -side * sin * h / w, between(-0.5, 0.5)], 1),
                torch.stack([sin * w / h, cos, between(-0.5, 0.5)], 1),
            ],
            1,
        )
        grid = F.affine_grid(theta, [b, 1, h, w], align_corners=False)
        if self.shape:
            bend = 0.12 * (2 * torch.rand(b, 2, 4, 4, generator=generator) - 1)
            grid = grid + F.interpolate(bend, size, mode="bicubic", align_corners=False).permute(0, 2, 3, 1)
        return grid

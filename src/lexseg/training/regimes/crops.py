"""Views of an image for restoration: two large ones that are spoilt, and what they were; small ones beside them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from lexseg.models.inputs import image_tensor
from lexseg.scans.images import read_image
from lexseg.seeds import case_generator
from lexseg.training.regimes.views import ViewConfig, jitter

GLOBAL, LOCAL = (0.3, 1.0), (0.05, 0.3)
"""Shares of the image's area that large and small views show."""
ANGLE = 10.0
HOLES, HOLE = 3, 32 / 224
"""How many squares are cut out of a large view, and their side as a share of it."""
GRAY, BLURRED = 0.2, 0.5
_LIGHT = ViewConfig(brightness=0.2, contrast=(0.6, 1.4), gamma=(0.7, 1.4), colour=0.3, noise=0.0, blur=0.0)
_BLUR = ViewConfig(brightness=0, contrast=(1, 1), gamma=(1, 1), colour=0, noise=0, blur=2.0)


@dataclass(frozen=True, slots=True)
class Crops:
    """Views of one image, or of a batch.

    Attributes:
        clean: float[..., 2, 3, S, S] in 0..1, cut out, turned and perhaps mirrored: what is to be restored.
        spoilt: the same, in other colours, blurred and with holes; never moved against ``clean``.
        small: float[..., n, 3, s, s], small views in other colours, without holes; never restored.
    """

    clean: Tensor
    spoilt: Tensor
    small: Tensor


class CropDataset(Dataset[Crops]):
    """Reads images and cuts views from them.

    Args:
        paths: of the images, in the order in which they are shown.
        size: side of the large views.
        small: side of the small ones.
        locals_: how many of these.
        mirror: whether views may be mirrored; where sides matter they should not.
        seed: all chance is a function of it, the place in ``paths`` and the file's name there.
    """

    def __init__(self, paths: Sequence[Path], *, size: int, small: int, locals_: int, mirror: bool, seed: int) -> None:
        self.paths, self.size, self.small = list(paths), size, small
        self.locals_, self.mirror, self.seed = locals_, mirror, seed

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Crops:
        path = self.paths[index]
        rng = case_generator(self.seed, index, path.name)
        image = image_tensor(read_image(path))
        clean = torch.stack([self._cut(image, self.size, GLOBAL, rng) for _ in range(2)])
        spoilt = torch.stack([holed(changed(view, rng), rng) for view in clean])
        small = [changed(self._cut(image, self.small, LOCAL, rng), rng) for _ in range(self.locals_)]
        return Crops(clean, spoilt, torch.stack(small) if small else image.new_zeros(0, 3, self.small, self.small))

    def _cut(self, image: Tensor, side: int, shares: tuple[float, float], rng: np.random.Generator) -> Tensor:
        """A square view, float[3, side, side]: a part of the image, turned a little, and perhaps mirrored."""
        height, width = image.shape[-2:]
        share, aspect = rng.uniform(*shares), math.exp(rng.uniform(-math.log(4 / 3), math.log(4 / 3)))
        tall, wide = min(1.0, math.sqrt(share * aspect)), min(1.0, math.sqrt(share / aspect))
        down, right = ((1 - part) * rng.uniform(-1, 1) for part in (tall, wide))
        angle, mirror = math.radians(rng.uniform(-ANGLE, ANGLE)), -1.0 if self.mirror and rng.random() < 0.5 else 1.0
        cos, sin, ratio = math.cos(angle), math.sin(angle), height / width
        theta = [
            [mirror * wide * cos, -wide * sin * ratio, right],
            [mirror * tall * sin / ratio, tall * cos, down],
        ]
        # shrunk first, or the grid would skip most pixels of a large image
        fit = [max(side, min(n, round(1.5 * side / part))) for n, part in ((height, tall), (width, wide))]
        if fit != [height, width]:
            image = F.interpolate(image[None], fit, mode="bilinear", antialias=True, align_corners=False)[0]
        grid = F.affine_grid(torch.tensor([theta], dtype=torch.float32), [1, 1, side, side], align_corners=False)
        view = F.grid_sample(image[None], grid, padding_mode="zeros", align_corners=False)[0].clamp(0, 1)
        return view.expand(3, -1, -1)  # not before: a film has one channel to shrink and turn


def changed(view: Tensor, rng: np.random.Generator) -> Tensor:
    """Another light, sometimes gray, half of the time blurred. Args: view: float[3, S, S] in 0..1."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    view = view.mean(0, keepdim=True).expand(3, -1, -1) if rng.random() < GRAY else view
    view = jitter(view[None], _LIGHT, generator)
    return (jitter(view, _BLUR, generator) if rng.random() < BLURRED else view)[0]


def holed(view: Tensor, rng: np.random.Generator) -> Tensor:
    """With squares of the view's own mean cut out of it. Args: view: float[3, S, S]."""
    side = max(1, round(HOLE * view.shape[-1]))
    view, mean = view.clone(), view.mean((1, 2), keepdim=True)
    for _ in range(HOLES):
        top, left = rng.integers(view.shape[-1] - side + 1, size=2)
        view[:, top : top + side, left : left + side] = mean
    return view


def stack_crops(crops: Sequence[Crops]) -> Crops:
    """Put the views of several images together."""
    return Crops(*(torch.stack([getattr(c, name) for c in crops]) for name in ("clean", "spoilt", "small")))

"""Augmentation that keeps words and pixels in step.

Parameters are drawn first, from a generator that depends on nothing but (seed, epoch, case id), and are plain JSON;
then they are applied. A mirror swaps left and right in the sentence, a vertical flip upper and lower.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.language.paraphrase import paraphrase
from lexseg.language.sides import mirror_words
from lexseg.language.strange_words import estrange
from lexseg.language.typos import misspell
from lexseg.models.inputs import resize_image
from lexseg.models.place import Fit, ImagePlace

SEEN = 0.1
"""Share of a target's area that must stay in view for the image to count as showing it."""
MaskResize = Literal["nearest", "touched", "area"]
_FINER = 2  # samples of a pixel's share to either side, each of them bilinear
_TOUCHED = 0.5 / 255  # what an 8-bit mask of 0 and 255 rounds to more than 0


@dataclass(frozen=True)
class AugmentConfig:
    """What may happen to a case in training.

    Attributes:
        mirror: probability of a left-right mirror, with the words swapped.
        flip: probability of an upside-down flip, with the words swapped.
        zoom: range of the magnification; below 1 shows what lies outside (black, and not counted as known).
        stretch: how far height and width may be magnified apart from one another, as a share.
        shift: largest shift, as a share of the image.
        rotate: largest rotation, in degrees.
        brightness: largest offset of an image in 0..1.
        contrast: range of the factor about the image's mean.
        gamma: range of the exponent, drawn evenly in its logarithm.
        noise: largest standard deviation of Gaussian noise, for half of the cases.
        blur: largest standard deviation of a Gaussian blur in pixels, for a quarter of the cases.
        drop_text: probability that the sentence is replaced by the null sentence.
        paraphrase: probability that the sentence is said in other words of the same meaning.
        typos: probability that a word or two of the sentence are misspelt.
        strange: probability that names of findings become words of no meaning, so that places are what is gone by; only
            for data in which an image holds one kind of target.
        scanner: probability that the image is changed as another scanner, program or archive would
            (:func:`lexseg.training.scanner.rescan`).
    """

    mirror: float = 0.5
    flip: float = 0.0
    zoom: tuple[float, float] = (0.9, 1.2)
    stretch: float = 0.1
    shift: float = 0.06
    rotate: float = 8.0
    brightness: float = 0.1
    contrast: tuple[float, float] = (0.8, 1.25)
    gamma: tuple[float, float] = (0.8, 1.25)
    noise: float = 0.03
    blur: float = 1.0
    drop_text: float = 0.1
    paraphrase: float = 0.0
    typos: float = 0.0
    strange: float = 0.0
    scanner: float = 0.0


@dataclass(frozen=True, slots=True)
class AugmentParameters:
    """What happens to one case: drawn by :func:`draw`, JSON through ``dataclasses.asdict``."""

    mirror: bool = False
    flip: bool = False
    zoom: tuple[float, float] = (1.0, 1.0)
    shift: tuple[float, float] = (0.0, 0.0)
    rotate: float = 0.0
    brightness: float = 0.0
    contrast: float = 1.0
    gamma: float = 1.0
    noise: float = 0.0
    noise_seed: int = 0
    blur: float = 0.0
    scanner_seed: int | None = None
    drop_text: bool = False
    wording: float = 0.0
    paraphrase: bool = False
    typos: bool = False
    strange: bool = False
    words_seed: int = 0


def draw(config: AugmentConfig, rng: np.random.Generator) -> AugmentParameters:
    """Draw what happens to one case."""

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    zoom = math.exp(between(*map(math.log, config.zoom)))
    aspect = math.exp(between(-config.stretch, config.stretch) / 2)
    return AugmentParameters(
        mirror=bool(rng.random() < config.mirror),
        flip=bool(rng.random() < config.flip),
        zoom=(zoom * aspect, zoom / aspect),
        shift=(between(-config.shift, config.shift), between(-config.shift, config.shift)),
        rotate=between(-config.rotate, config.rotate),
        brightness=between(-config.brightness, config.brightness),
        contrast=between(*config.contrast),
        gamma=math.exp(between(*map(math.log, config.gamma))),
        noise=between(0, config.noise) if rng.random() < 0.5 else 0.0,
        noise_seed=int(rng.integers(2**31)),
        blur=between(0, config.blur) if rng.random() < 0.25 else 0.0,
        drop_text=bool(rng.random() < config.drop_text),
        wording=float(rng.random()),
        paraphrase=bool(rng.random() < config.paraphrase),
        typos=bool(rng.random() < config.typos),
        words_seed=int(rng.integers(2**31)) if config.paraphrase or config.typos or config.strange else 0,
        strange=bool(config.strange and rng.random() < config.strange),
        scanner_seed=int(rng.integers(2**31)) if config.scanner and rng.random() < config.scanner else None,
    )


def augment_text(text: str, parameters: AugmentParameters) -> str:
    """The sentence that is true of the augmented image; empty where it is dropped."""
    if parameters.drop_text:
        return ""
    if parameters.mirror:
        text = mirror_words(text, "horizontal")
    return mirror_words(text, "vertical") if parameters.flip else text


def disturb_text(text: str, parameters: AugmentParameters) -> str:
    """The same in other words, or misspelt, where so drawn; what comes out need not be a known sentence.

    Comes after the mirror: a side word that is misspelt would no longer be swapped.
    """
    if not text:
        return text
    rng = np.random.default_rng(parameters.words_seed)
    if parameters.paraphrase:
        text = paraphrase(text, rng)
    if parameters.strange:
        text = estrange(text, rng)
    return misspell(text, rng) if parameters.typos else text


def augment_image(image: Tensor, parameters: AugmentParameters, size: tuple[int, int], fit: Fit = "stretch") -> Tensor:
    """Resize and augment an image.

    Args:
        image: float[C, H, W] in 0..1, at its own size.
        parameters: what happens to it.
        size: (height, width) of the result.
        fit: how the image comes to that size.

    Returns:
        float[C, height, width] in 0..1.
    """
    place = ImagePlace.of((image.shape[-2], image.shape[-1]), size, fit)
    image = resize_image(image, (place.height, place.width))
    image = F.grid_sample(
        image[None], _grid(parameters, size, place.scale(size)), padding_mode="zeros", align_corners=False
    )[0]
    return _change_intensity(image, parameters)


def augment_mask(
    mask: Tensor,
    parameters: AugmentParameters,
    size: tuple[int, int],
    resize: MaskResize = "nearest",
    fit: Fit = "stretch",
) -> tuple[Tensor, Tensor]:
    """The mask that goes with :func:`augment_image`, by nearest neighbour straight from its own size.

    Args:
        mask: float[N, H, W], 0 or 1: one mask or several of the image.
        parameters: the same as the image's.
        size: (height, width) of the result.
        resize: ``touched`` instead takes every pixel that bilinear interpolation leaves above zero, as published code
            does (LViT's and what is built on it): masks grow by up to a pixel all round. ``area`` is the share of each
            pixel that the mask covers: nearest neighbours alone cap the Dice at a mask's own size (at 160 px, of masks
            of 224, at 0.984).
        fit: the same as the image's.

    Returns:
        The masks, float[N, height, width], 0 or 1 (with ``area`` also between), and bool[1, height, width], false where
        the image shows nothing.
    """
    scale = ImagePlace.of((mask.shape[-2], mask.shape[-1]), size, fit).scale(size)
    grid = _grid(parameters, size, scale)
    if resize == "area":
        fine = _grid(parameters, (size[0] * _FINER, size[1] * _FINER), scale)
        out = F.grid_sample(mask[None], fine, mode="bilinear", padding_mode="zeros", align_corners=False)
        return F.avg_pool2d(out, _FINER)[0], (grid.abs() <= 1).all(-1)
    mode = "nearest" if resize == "nearest" else "bilinear"
    out = F.grid_sample(mask[None], grid, mode=mode, padding_mode="zeros", align_corners=False)[0]
    if resize == "touched":
        out = (out > _TOUCHED).to(mask.dtype)
    return out, (grid.abs() <= 1).all(-1)


def _grid(p: AugmentParameters, size: tuple[int, int], scale: tuple[float, float]) -> Tensor:
    """Where each output pixel reads from: mirror, then zoom and rotation about the centre, then shift.

    ``scale`` is of :meth:`lexseg.models.inputs.ImagePlace.scale`: what lies beyond the image is its margin.
    """
    angle, (height, width) = math.radians(p.rotate), size
    cos, sin, aspect = math.cos(angle), math.sin(angle), height / width
    sx, sy = (-1 if p.mirror else 1) / p.zoom[1], (-1 if p.flip else 1) / p.zoom[0]
    # rotation acts in pixels, the grid in -1..1 of each axis: the aspect ratio makes up for oblong images
    theta = [
        [scale[1] * each for each in (sx * cos, -sx * sin * aspect, 2 * p.shift[1] * sx)],
        [scale[0] * each for each in (sy * sin / aspect, sy * cos, 2 * p.shift[0] * sy)],
    ]
    return F.affine_grid(torch.tensor([theta], dtype=torch.float32), [1, 1, height, width], align_corners=False)


def _change_intensity(image: Tensor, p: AugmentParameters) -> Tensor:
    if p.scanner_seed is not None:
        from lexseg.training.scanner import rescan  # nor Pillow, where a teacher is trained

        image = rescan(image, np.random.default_rng(p.scanner_seed))
    image = image.clamp(0, 1).pow(p.gamma)
    mean = image.mean()
    image = (image - mean) * p.contrast + mean + p.brightness
    if p.blur > 0.2:
        from scipy.ndimage import gaussian_filter  # and no SciPy

        image = torch.from_numpy(gaussian_filter(image.numpy(), (0, p.blur, p.blur), truncate=3))
    if p.noise > 0:
        generator = torch.Generator().manual_seed(p.noise_seed)
        image = image + p.noise * torch.randn(image.shape, generator=generator)
    return image.clamp(0, 1)

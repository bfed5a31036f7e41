"""Two views of an image, and the words that are true of each."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.language.sides import mirror_words

NO_BLUR = 0.05
"""Standard deviation in pixels below which a neighbour's share of a Gaussian, exp(-200), is nothing in float32."""


@dataclass(frozen=True)
class ViewConfig:
    """What may happen to the second view of an image; the first is what augmentation has made of it.

    Attributes:
        mirror: probability of a left-right mirror against the first view, with the words swapped.
        flip: probability of an upside-down flip against it, with the words swapped.
        brightness: largest offset of an image in 0..1.
        contrast: range of the factor about the image's mean.
        gamma: range of the exponent, drawn evenly in its logarithm.
        colour: largest change of a channel against the others, as a share; gray images stay gray.
        noise: largest standard deviation of Gaussian noise.
        blur: largest standard deviation of a Gaussian blur, in pixels.
    """

    mirror: float = 0.0
    flip: float = 0.0
    brightness: float = 0.15
    contrast: tuple[float, float] = (0.6, 1.5)
    gamma: tuple[float, float] = (0.6, 1.6)
    colour: float = 0.15
    noise: float = 0.05
    blur: float = 1.5


@dataclass(frozen=True, slots=True)
class View:
    """A view, and the way back.

    Attributes:
        image: float[3, H, W] in 0..1.
        words: the sentence that is true of it; empty is the null sentence.
        mirrored, flipped: what was done to the place of things.
    """

    image: Tensor
    words: str
    mirrored: bool = False
    flipped: bool = False

    def back(self, maps: Tensor) -> Tensor:
        """What was found in the view, float[..., H, W], where it lies in the image."""
        return turned(maps[None], torch.tensor([self.mirrored]), torch.tensor([self.flipped]))[0]


def view(image: Tensor, words: str, seed: int, config: ViewConfig) -> View:
    """Another view of an image.

    Changes of brightness and colour leave a sentence true; a mirror swaps its sides. (What only shows a part of the
    image, or pastes something into it, makes the sentence false: such a view has no words.)

    Args:
        image: float[1 or 3, H, W] in 0..1.
        words: the sentence that is true of it.
        seed: all chance is a function of it.
        config: what may happen.
    """
    generator = torch.Generator().manual_seed(seed)
    mirrored, flipped = (torch.rand(2, generator=generator) < torch.tensor([config.mirror, config.flip])).tolist()
    image = jitter(image.expand(3, -1, -1)[None], config, generator)
    image = turned(image, torch.tensor([mirrored]), torch.tensor([flipped]))[0]
    if mirrored:
        words = mirror_words(words, "horizontal")
    return View(image, mirror_words(words, "vertical") if flipped else words, mirrored, flipped)


def turned(maps: Tensor, mirrored: Tensor, flipped: Tensor) -> Tensor:
    """Mirror and flip each of float[B, ..., H, W] where bool[B] says so; twice is the identity."""
    each = (len(maps),) + (1,) * (maps.ndim - 1)
    maps = torch.where(mirrored.to(maps.device).view(each), maps.flip(-1), maps)
    return torch.where(flipped.to(maps.device).view(each), maps.flip(-2), maps)


def jitter(image: Tensor, config: ViewConfig, generator: torch.Generator) -> Tensor:
    """Change brightness, contrast and colour, add noise, blur: nothing that moves anything.

    Args:
        image: float[B, 3, H, W] in 0..1.
        config: what may happen.
        generator: on the CPU; what is drawn does not depend on the device.

    Returns:
        float[B, 3, H, W] in 0..1.
    """
    n = len(image)

    def between(low: float, high: float, *shape: int) -> Tensor:
        drawn = torch.rand(n, *(shape or (1,)), 1, 1, generator=generator)
        return (low + (high - low) * drawn).to(image.device)

    gamma = between(math.log(config.gamma[0]), math.log(config.gamma[1])).exp()
    contrast, brightness = between(*config.contrast), between(-config.brightness, config.brightness)
    cast = 1 + between(-config.colour, config.colour, 3)
    noise, blur = between(0, config.noise), between(0, config.blur)
    grain = torch.randn(image.shape, generator=generator).to(image.device)

    image = image.clamp(0, 1).pow(gamma)
    gray = (image.amax(1, keepdim=True) - image.amin(1, keepdim=True)).amax((2, 3), keepdim=True) < 1e-3
    image = torch.where(gray, image, image * cast)
    mean = image.mean((1, 2, 3), keepdim=True)
    image = (image - mean) * contrast + mean + brightness
    image = blurred(image, blur.flatten())
    return (image + noise * torch.where(gray, grain[:, :1], grain)).clamp(0, 1)


def blurred(image: Tensor, sigma: Tensor) -> Tensor:
    """A Gaussian blur of each of float[B, C, H, W] by its own ``sigma``, float[B] in pixels; next to 0 is none."""
    if float(sigma.max()) < NO_BLUR:
        return image
    reach = max(1, math.ceil(3 * float(sigma.max())))
    reach = min(reach, min(image.shape[-2:]) - 1)
    places = torch.arange(-reach, reach + 1, device=image.device, dtype=image.dtype)
    kernel = torch.exp(-0.5 * (places / sigma.clamp(min=1e-2)[:, None].to(image.dtype)) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(image.shape[1], 0)[:, None]
    b, c, h, w = image.shape
    flat = image.reshape(1, b * c, h, w)
    flat = F.conv2d(F.pad(flat, (reach, reach, 0, 0), "reflect"), kernel[:, :, None, :], groups=b * c)
    flat = F.conv2d(F.pad(flat, (0, 0, reach, reach), "reflect"), kernel[:, :, :, None], groups=b * c)
    return flat.reshape(b, c, h, w)

"""Another scanner: what changes an image as another device, program or archive would, and leaves its anatomy alone.

A network tells two sources of films apart by their grey curve, sharpness, borders and compression before it looks at a
lung, and so learns where an image came from in place of whether it is healthy (Zech et al., PLOS Medicine 2018;
DeGrave et al., Nature Machine Intelligence 2021). Here each of these is drawn anew for every visit. The grey curve is
after Models Genesis' non-linear transformation (Zhou et al., MICCAI 2019), with a piecewise linear curve.
"""

import io

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch import Tensor

KNOTS = 6
WIDEST_BORDER = 0.06  # of the side
Pixels = NDArray[np.float32]


def rescan(image: Tensor, rng: np.random.Generator) -> Tensor:
    """The image as another source would have it: each of five changes is made or left out by chance.

    Args:
        image: float[C, H, W] in 0..1.
        rng: what decides.

    Returns:
        float[C, H, W] in 0..1, every pixel in its place.
    """
    pixels: Pixels = image.numpy().astype(np.float32, copy=True)
    for change, share in ((_curve, 0.7), (_sharpness, 0.5), (_resolution, 0.3), (_border, 0.3), (_compression, 0.4)):
        if rng.random() < share:
            pixels = change(pixels, rng)
    return torch.from_numpy(np.ascontiguousarray(pixels.clip(0, 1), dtype=np.float32))


def _curve(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """A monotone curve of grey values through random knots, from the image's darkest to its brightest."""
    low, high = np.quantile(pixels, (0.005, 0.995))
    steps = rng.dirichlet(np.full(KNOTS, 6.0))
    floor, ceiling = rng.uniform(0, 0.15), rng.uniform(0.8, 1.0)
    values = floor + (ceiling - floor) * np.concatenate([[0.0], np.cumsum(steps)])
    return np.asarray(np.interp(pixels, np.linspace(low, max(high, low + 1e-3), KNOTS + 1), values), np.float32)


def _sharpness(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Softer, or with its edges raised, as a program's filter does."""
    width = rng.uniform(0.5, 2.5) * pixels.shape[-1] / 224
    soft = gaussian_filter(pixels, (0, width, width), truncate=3)
    amount = rng.uniform(-0.9, 1.5)
    return np.asarray(pixels + np.float32(amount) * (pixels - soft), np.float32)


def _resolution(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Through a smaller size and back."""
    h, w = pixels.shape[-2:]
    factor = rng.uniform(0.4, 0.9)
    small = (max(8, round(h * factor)), max(8, round(w * factor)))
    x = torch.nn.functional.interpolate(torch.from_numpy(pixels)[None], size=small, mode="bilinear", antialias=True)
    back: Tensor = torch.nn.functional.interpolate(x, size=(h, w), mode="bilinear", align_corners=False)
    return back[0].numpy()


def _border(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Dark or bright edges, and at times a marker's bright patch near a corner."""
    h, w = pixels.shape[-2:]
    value = np.float32(rng.choice((0.0, 0.0, 0.0, 1.0)))
    top, bottom, left, right = (int(share * side) for share, side in zip(
        rng.uniform(0, WIDEST_BORDER, 4) * (rng.random(4) < 0.6), (h, h, w, w), strict=True))  # fmt: skip
    framed = np.full_like(pixels, value)
    framed[:, top : h - bottom, left : w - right] = pixels[:, top : h - bottom, left : w - right]
    if rng.random() < 0.4:
        high, wide = max(2, int(h * rng.uniform(0.03, 0.07))), max(2, int(w * rng.uniform(0.03, 0.09)))
        y = int(rng.uniform(0.01, 0.1) * h)
        x = int(rng.uniform(0.02, 0.15) * w)
        x = x if rng.random() < 0.5 else w - wide - x
        framed[:, y : y + high, x : x + wide] = np.float32(rng.uniform(0.7, 1.0))
    return framed


def _compression(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Compress as JPEG does, which leaves blocks and rings."""
    gray = len(pixels) == 1
    whole = np.round(pixels.clip(0, 1) * 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(whole[0] if gray else whole.transpose(1, 2, 0)).save(
        buffer, "JPEG", quality=int(rng.integers(40, 95))
    )
    back: Pixels = np.asarray(Image.open(buffer), np.uint8).astype(np.float32) / np.float32(255)
    return back[None] if gray else back.transpose(2, 0, 1)

"""A picture to look at: the image, what was found filled and outlined, and words below it."""

import textwrap
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

FOUND = (255, 140, 0)  # orange and blue differ for the colour-blind too
TRUTH = (0, 160, 255)
LARGEST = 2048


def draw_overlay(
    image: NDArray[np.float32],
    mask: NDArray[np.bool_],
    *,
    truth: NDArray[np.bool_] | None = None,
    caption: Sequence[str] = (),
    largest: int = LARGEST,
) -> Image.Image:
    """Draw a mask over its image.

    Args:
        image: float[H, W] or [H, W, 3] in 0..1.
        mask: bool[H, W], filled and outlined in orange.
        truth: bool[H, W], outlined in blue.
        caption: lines of text on a strip below the picture; none gives a picture of exactly the image's size.
        largest: a longer side than this is scaled down to it (a preview).

    Returns:
        an RGB picture.
    """
    step = -(-max(mask.shape) // largest)
    pixels = np.asarray(image)[::step, ::step]
    canvas = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels[..., :3]
    canvas = (canvas * 255).round().astype(np.uint8)
    width = max(1, round(min(canvas.shape[:2]) / 256))
    small = _shrink(mask, step)
    canvas[small] = (0.7 * canvas[small] + 0.3 * np.array(FOUND)).astype(np.uint8)
    if truth is not None:
        canvas[_outline(_shrink(truth, step), width)] = TRUTH
    canvas[_outline(small, width)] = FOUND
    picture = Image.fromarray(canvas)
    return _with_caption(picture, caption) if caption else picture


def _shrink(mask: NDArray[np.bool_], step: int) -> NDArray[np.bool_]:
    """Every ``step``-th pixel, set if any pixel of its block is: a small finding must not vanish from the preview."""
    if step == 1:
        return mask
    h, w = mask.shape
    padded = np.pad(mask, ((0, -h % step), (0, -w % step)))
    blocks = padded.reshape(padded.shape[0] // step, step, padded.shape[1] // step, step)
    return np.asarray(blocks.any(axis=(1, 3)))


def _outline(mask: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    # beyond the border counts as inside: a mask that fills the image has no outline there
    outline: NDArray[np.bool_] = mask & ~ndimage.binary_erosion(mask, iterations=width, border_value=1)
    return outline


def _with_caption(picture: Image.Image, caption: Sequence[str]) -> Image.Image:
    size = max(11, min(picture.width // 28, 40))
    font = ImageFont.load_default(size)
    letters = max(8, int(picture.width / (0.52 * size)))
    lines = [line for part in caption for line in (textwrap.wrap(part, letters) or [""])]
    strip = int(1.35 * size * len(lines)) + size
    page = Image.new("RGB", (picture.width, picture.height + strip), (16, 16, 16))
    page.paste(picture)
    ImageDraw.Draw(page).multiline_text(
        (size // 2, picture.height + size // 3), "\n".join(lines), font=font, fill=(235, 235, 235), spacing=size // 4
    )
    return page

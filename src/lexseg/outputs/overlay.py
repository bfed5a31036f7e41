"""A picture to look at: the image, what was found filled and outlined, words below it; and pictures as PNG."""

import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lexseg.scans.scan import LARGEST, step_of

_LEVEL = 1
"""Of a PNG's compression: a quarter of the time of zlib's own level 6, and some more bytes."""
FOUND = (255, 140, 0)  # orange and blue differ for the colour-blind too
TRUTH = (0, 160, 255)
# for several findings in one picture: by Okabe and Ito, told apart by the colour-blind too
COLOURS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (213, 94, 0),
    (204, 121, 167),
    (0, 114, 178),
)


def draw_overlay(
    image: NDArray[np.float32] | NDArray[np.uint8],
    mask: NDArray[np.bool_],
    *,
    truth: NDArray[np.bool_] | None = None,
    caption: Sequence[str] = (),
    largest: int = LARGEST,
) -> Image.Image:
    """Draw a mask over its image.

    Args:
        image: float[H, W] or [H, W, 3] in 0..1, or what :func:`lexseg.scans.window.shown` made of it.
        mask: bool[H, W], filled and outlined in orange.
        truth: bool[H, W], outlined in blue.
        caption: lines of text on a strip below the picture; none gives a picture of exactly the image's size.
        largest: a longer side than this is scaled down to it (a preview).

    Returns:
        an RGB picture.
    """
    step = step_of(mask.shape, largest)
    canvas = _in_colour(image) if image.dtype == np.uint8 else _canvas(image, step)
    width = _line(canvas)
    small = _shrink(mask, step)
    _fill(canvas, small, FOUND)
    if truth is not None:
        _draw_outline(canvas, _shrink(truth, step), width, TRUTH)
    _draw_outline(canvas, small, width, FOUND)
    picture = Image.fromarray(canvas)
    return _with_caption(picture, caption) if caption else picture


def draw_findings(
    image: NDArray[np.float32],
    masks: Mapping[int, NDArray[np.bool_]],
    *,
    caption: Sequence[str] = (),
    largest: int = LARGEST,
) -> Image.Image:
    """Draw several masks over their image, each in a colour of its own and with its number.

    Args:
        image: float[H, W] or [H, W, 3] in 0..1.
        masks: by number, of :func:`preview` with the same ``largest``; where they overlap, both outlines are seen.
        caption: as in :func:`draw_overlay`.
        largest: as in :func:`draw_overlay`.

    Returns:
        an RGB picture.
    """
    step = step_of(image.shape[:2], largest)
    canvas = _canvas(image, step)
    width = _line(canvas)
    for number, mask in masks.items():
        _fill(canvas, mask, colour_of(number))
    for number, mask in masks.items():
        _draw_outline(canvas, mask, width, colour_of(number))
    picture = Image.fromarray(canvas)
    for number, mask in masks.items():
        if mask.any():
            alone = mask & ~np.any([m for n, m in masks.items() if n != number] or [np.zeros_like(mask)], axis=0)
            _write_number(picture, number, alone if alone.any() else mask)
    return _with_caption(picture, caption) if caption else picture


def preview(mask: NDArray[np.bool_], largest: int = LARGEST) -> NDArray[np.bool_]:
    """A mask at the size that pictures of it have: bool[h, w], neither side longer than ``largest``."""
    return _shrink(mask, step_of(mask.shape, largest))


def colour_of(number: int) -> tuple[int, int, int]:
    """Red, green and blue, 0..255, of a finding's number from 1."""
    return COLOURS[(number - 1) % len(COLOURS)]


def _canvas(image: NDArray[Any], step: int) -> NDArray[np.uint8]:
    pixels = np.asarray(image)[::step, ::step]
    return _in_colour((pixels * 255).round().astype(np.uint8))


def _in_colour(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """A copy, so that what is drawn on it is not drawn on the image."""
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels[..., :3].copy()


def _line(canvas: NDArray[np.uint8]) -> int:
    return max(1, round(int(min(canvas.shape[:2])) / 256))


def _fill(canvas: NDArray[np.uint8], mask: NDArray[np.bool_], colour: tuple[int, int, int]) -> None:
    canvas[mask] = (0.7 * canvas[mask] + 0.3 * np.array(colour)).astype(np.uint8)


def _write_number(picture: Image.Image, number: int, mask: NDArray[np.bool_]) -> None:
    """At the inmost point of the mask, which is inside it whatever its shape."""
    from scipy import ndimage  # which a single finding does not need

    row, column = np.unravel_index(int(ndimage.distance_transform_edt(np.pad(mask, 1)).argmax()), np.add(mask.shape, 2))
    size = max(11, min(picture.width // 18, 48))
    ImageDraw.Draw(picture).text(
        (int(column) - 1, int(row) - 1), str(number), font=ImageFont.load_default(size), anchor="mm",
        fill=colour_of(number), stroke_width=max(1, size // 10), stroke_fill=(0, 0, 0),
    )  # fmt: skip


def _shrink(mask: NDArray[np.bool_], step: int) -> NDArray[np.bool_]:
    """Every ``step``-th pixel, set if any pixel of its block is: a small finding must not vanish from the preview."""
    if step == 1:
        return mask
    h, w = mask.shape
    padded = np.pad(mask, ((0, -h % step), (0, -w % step)))
    blocks = padded.reshape(padded.shape[0] // step, step, padded.shape[1] // step, step)
    return np.asarray(blocks.any(axis=(1, 3)))


def _draw_outline(canvas: NDArray[np.uint8], mask: NDArray[np.bool_], width: int, colour: tuple[int, int, int]) -> None:
    """The outline in its colour, and outside of it a dark line: orange alone is lost on skin, blue on a dark film."""
    halo = _grown(mask, width) & ~mask
    canvas[halo] = (canvas[halo] * 0.25).astype(np.uint8)
    canvas[_outline(mask, width)] = colour


def _outline(mask: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    # beyond the border counts as inside: a mask that fills the image has no outline there
    return mask & _grown(~mask, width)


def _grown(mask: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """A mask and what lies within so many steps of it, up, down, left and right."""
    grown = mask.copy()
    for _ in range(width):
        before = grown.copy()
        grown[1:] |= before[:-1]
        grown[:-1] |= before[1:]
        grown[:, 1:] |= before[:, :-1]
        grown[:, :-1] |= before[:, 1:]
    return grown


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


def mask_png(mask: NDArray[np.bool_]) -> bytes:
    """A mask, bool[H, W], as the bytes of an 8-bit gray PNG of 0 and 255."""
    return png(Image.fromarray(mask.astype("uint8") * 255))


def png(picture: Image.Image) -> bytes:
    """A picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=_LEVEL)
    return buffer.getvalue()

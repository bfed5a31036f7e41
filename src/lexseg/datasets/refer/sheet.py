"""The contact sheet: some examples to look at, targets outlined, the expression below."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from lexseg.scans.images import read_image
from lexseg.scans.masks import read_values
from lexseg.seeds import case_generator

EXAMPLES, COLUMNS = 24, 6
_SIDE, _GAP, _LINE, _LINES, _CHARACTERS = 224, 12, 16, 4, 36
_INK, _PAPER = (29, 37, 48), (255, 255, 255)
_NAMED, _OTHERS = (255, 176, 0), (120, 190, 255)
_KINDS = {"one": (26, 107, 47), "several": (31, 78, 156), "none": (163, 21, 21)}


@dataclass(frozen=True, slots=True)
class Showable:
    """An image that may be shown. Attributes: image, mask: files; expressions: kind, ids and first wording of each."""

    image: Path
    mask: Path
    expressions: Sequence[tuple[str, tuple[int, ...], str]]


def contact_sheet(path: Path, examples: Sequence[Showable], seed: int) -> None:
    """Draw some of the examples, the three kinds in turn: targets that are named orange, others blue.

    Args:
        path: the PNG to write.
        examples: to draw from.
        seed: of the drawing.
    """
    rng = case_generator(seed, 0, "contact sheet")
    flat = [(example, *expression) for example in examples for expression in example.expressions]
    order = [flat[i] for i in rng.permutation(len(flat))]
    waiting = {kind: [each for each in order if each[1] == kind] for kind in _KINDS}
    chosen: list[tuple[Showable, str, tuple[int, ...], str]] = []
    while len(chosen) < EXAMPLES and any(waiting.values()):
        chosen += [members.pop(0) for members in waiting.values() if members]
    chosen = chosen[:EXAMPLES]
    width, height = _SIDE + _GAP, _SIDE + _GAP + _LINE * (1 + _LINES)
    rows = -(-len(chosen) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * width + _GAP, rows * height + _GAP), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, (example, kind, ids, text) in enumerate(chosen):
        x, y = _GAP + number % COLUMNS * width, _GAP + number // COLUMNS * height
        draw.text((x, y), kind, fill=_KINDS[kind], font=font)
        sheet.paste(_picture(example, ids), (x, y + _LINE))
        lines = textwrap.wrap(text, _CHARACTERS)[:_LINES]
        draw.multiline_text((x, y + _LINE + _SIDE + 3), "\n".join(lines), fill=_INK, font=font, spacing=2)
    sheet.save(path)


def _picture(example: Showable, ids: Sequence[int]) -> Image.Image:
    """The image, as large as fits, with the outlines of its targets."""
    pixels, values = read_image(example.image), read_values(example.mask)
    scale = _SIDE / max(values.shape)
    size = max(1, round(values.shape[1] * scale)), max(1, round(values.shape[0] * scale))
    image = Image.fromarray((pixels * 255).round().astype(np.uint8)).convert("RGB").resize(size)
    shown = np.array(image)
    for inside, colour in ((values > 0, _OTHERS), (np.isin(values, ids), _NAMED)):
        mask = np.asarray(Image.fromarray(inside).resize(size, Image.Resampling.NEAREST))
        shown[mask & ~ndimage.binary_erosion(mask, border_value=1)] = colour
    picture = Image.new("RGB", (_SIDE, _SIDE), _PAPER)
    picture.paste(Image.fromarray(shown), ((_SIDE - size[0]) // 2, (_SIDE - size[1]) // 2))
    return picture

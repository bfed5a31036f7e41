"""A page to look at: images, what was found in them, and the words it was found by."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from lexseg.outputs.html import data_uri, render

_SIDE = 512  # pixels, the longest side of a picture


@dataclass(frozen=True, slots=True)
class Shown:
    """One result on the page. Attributes: image, overlay: pictures; text: the sentence; lines: said below it."""

    image: Image.Image
    overlay: Image.Image
    text: str | None
    lines: tuple[str, ...] = ()


def gallery_page(title: str, introduction: Sequence[str], sections: Sequence[tuple[str, Sequence[Shown]]]) -> str:
    """One HTML page that needs no other file and no network.

    Args:
        title: of the page.
        introduction: paragraphs; the first one is set off.
        sections: headings and what stands below them.
    """
    return render("outputs/gallery.html", title=title, introduction=introduction, sections=sections, data=_data)


def _data(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    small = picture.convert("RGB")
    small.thumbnail((_SIDE, _SIDE))
    small.save(buffer, "JPEG", quality=88)
    return data_uri(buffer.getvalue(), "image/jpeg")

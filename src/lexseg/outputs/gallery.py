"""A page to look at: images, what was found in them, and the words it was found by."""

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 1120px; padding: 1rem; }
.note { border-left: 4px solid #ff8c00; padding: .2rem 1rem; }
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 460px), 1fr)); }
figure { border: 1px solid #8884; border-radius: 6px; margin: 0; padding: .6rem; }
.pair { display: grid; gap: 4px; grid-template-columns: 1fr 1fr; }
.pair img { background: #000; height: 230px; object-fit: contain; width: 100%; }
figcaption { overflow-wrap: anywhere; }
figcaption b { display: block; margin-top: .4rem; }
.found { color: #d06f00; } .truth { color: #0090e0; }
"""


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
    paragraphs = [f"<p{' class=note' if i == 0 else ''}>{html.escape(p)}</p>" for i, p in enumerate(introduction)]
    parts = [
        f"<h2>{html.escape(heading)}</h2>\n<div class=grid>\n" + "\n".join(map(_figure, shown)) + "\n</div>"
        for heading, shown in sections
    ]
    return (
        f"<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
        f'<meta name=viewport content="width=device-width, initial-scale=1">\n<title>{html.escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{html.escape(title)}</h1>\n"
        + "\n".join(paragraphs)
        + "\n<p><span class=found>&#9632; found</span> <span class=truth>&#9632; the expert's outline</span></p>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def _figure(shown: Shown) -> str:
    words = "(no sentence)" if shown.text is None else f"“{shown.text}”"
    lines = "<br>".join(html.escape(line) for line in shown.lines)
    return (
        f'<figure><div class=pair><img alt="image" src="{_data(shown.image)}">'
        f'<img alt="image with what was found" src="{_data(shown.overlay)}"></div>'
        f"<figcaption><b>{html.escape(words)}</b>{lines}</figcaption></figure>"
    )


def _data(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    small = picture.convert("RGB")
    small.thumbnail((512, 512))
    small.save(buffer, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()

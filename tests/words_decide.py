"""The picture on the first page: one film, two sentences, two answers.

``python tests/words_decide.py OUT.png [--model MODEL] [--image FILE] [--text WORDS --text WORDS]``
"""

import argparse
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from lexseg import Segmenter
from lexseg.outputs.demo import examples, summary_of
from lexseg.outputs.overlay import draw_overlay
from lexseg.scans.images import read_image

HEIGHT, GAP, BAR = 480, 12, 44


def pane(image: Path, text: str, model: Segmenter) -> Image.Image:
    """The film with what was found, and below it the words and the answer; all panes are of one height."""
    pixels = read_image(image)
    answer = model.set_image(image).segment(text)
    overlay = draw_overlay(pixels, answer.mask).convert("RGB")
    overlay = overlay.resize((round(HEIGHT * overlay.width / overlay.height), HEIGHT), Image.Resampling.LANCZOS)
    whole = Image.new("RGB", (overlay.width, HEIGHT + BAR), "white")
    whole.paste(overlay)
    draw = ImageDraw.Draw(whole)
    draw.text((4, HEIGHT + 4), f"“{text}”", fill="black", font=ImageFont.load_default(15))
    draw.text((4, HEIGHT + 24), summary_of(answer), fill="#a04000", font=ImageFont.load_default(13))
    return whole


def main() -> None:
    film = next(case for case in examples() if case.id == "cxr_pneumonia_1")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--image", type=Path, default=film.image)
    parser.add_argument("--text", action="append")
    args = parser.parse_args()
    model = Segmenter.from_pretrained(args.model)
    texts = args.text or ["opacity in the left lung", "opacity in the right lung"]
    panes = [pane(args.image, text, model) for text in texts]
    assert len({each.height for each in panes}) == 1
    width = sum(each.width for each in panes) + GAP * (len(panes) - 1)
    out = Image.new("RGB", (width, panes[0].height), "white")
    left = 0
    for each in panes:
        out.paste(each, (left, 0))
        left += each.width + GAP
    out.save(args.output, optimize=True)


if __name__ == "__main__":
    main()

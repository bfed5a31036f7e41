"""What becomes of images as users send them: in frames, tinted, badly exposed, compressed, turned.

``python tests/spoilt_images.py MODEL DATA [--most N]`` spoils validation images of the sets in DATA in each way, asks
for what their sentences name, and prints the table of docs/explanation/scope.md: Dice per image, and the shares that
are not in scope and not found.
"""

import argparse
import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from lexseg import Segmenter

Picture = Image.Image
Spoil = Callable[[Picture], Picture]
SETS = ("qata_covid19", "breast_us_birads", "polyp_kvasir", "brain_mri_lgg", "skin_ph2")


def opened(path: Path) -> Picture:
    """Grey where its channels are alike."""
    image = Image.open(path).convert("RGB")
    red, *others = image.split()
    return red if all(band.tobytes() == red.tobytes() for band in others) else image


def framed(left: float, top: float, shade: int) -> Spoil:
    """In a frame: shares of width and height, at both sides."""

    def spoil(image: Picture) -> Picture:
        border = (round(left * image.width), round(top * image.height)) * 2
        return ImageOps.expand(image, border, shade if image.mode == "L" else (shade,) * 3)

    return spoil


def shaded(change: Callable[[float], float]) -> Spoil:
    """Each value, 0..1, changed."""
    return lambda image: image.point([round(255 * change(value / 255)) for value in range(256)] * len(image.getbands()))


def compressed(image: Picture) -> Picture:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=20)
    return Image.open(file).convert(image.mode)


def noisy(image: Picture) -> Picture:
    noise = np.random.default_rng(0).normal(0, 15, (image.height, image.width, len(image.getbands()))).squeeze()
    return Image.fromarray((np.asarray(image, float) + noise).clip(0, 255).astype(np.uint8))


def tinted(image: Picture) -> Picture:
    weaker = [[round(share * value) for value in range(256)] for share in (0.9, 0.95, 1.0)]
    return image.convert("RGB").point([value for band in weaker for value in band])


def turned(angle: int) -> Spoil:
    """Counterclockwise, in degrees; the corners then are black."""
    whole = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180}.get(angle)
    return lambda image: image.rotate(angle, Image.Resampling.BILINEAR) if whole is None else image.transpose(whole)


# how an image is spoilt, and what then becomes of its mask where that moves
WAYS: dict[str, tuple[Spoil, Spoil | None]] = {
    "as it is": (lambda image: image, None),
    "in a white frame of 15 %": (framed(0.15, 0.15, 255), framed(0.15, 0.15, 0)),
    "in a black frame of 15 %": (framed(0.15, 0.15, 0), framed(0.15, 0.15, 0)),
    "black bars, twice as wide": (framed(0.5, 0, 0), framed(0.5, 0, 0)),
    "bluish": (tinted, None),
    "half the contrast": (shaded(lambda value: 0.25 + value / 2), None),
    "a fifth of it": (shaded(lambda value: 0.2 + value / 5), None),
    "gamma .5": (shaded(lambda value: value**0.5), None),
    "gamma 2": (shaded(lambda value: value**2), None),
    "JPEG of quality 20": (compressed, None),
    "noise of 15 of 255": (noisy, None),
    "blurred by 2 pixels": (lambda image: image.filter(ImageFilter.GaussianBlur(2)), None),
    "turned by 10 degrees": (turned(10), turned(10)),
    "turned by 90": (turned(90), turned(90)),
    "turned by 180": (turned(180), turned(180)),
    "its negative": (ImageOps.invert, None),
}


def cases(data: Path, name: str, most: int) -> list[dict[str, str]]:
    """Validation cases with a target, evenly spread."""
    with (data / name / "cases.csv").open(newline="", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["split"] == "val" and float(r.get("mask_fraction") or 1) > 0]
    return rows[:: max(1, len(rows) // most)][:most]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("data", type=Path)
    parser.add_argument("--most", type=int, default=60)
    args = parser.parse_args()
    model = Segmenter.from_pretrained(args.model)
    chosen = {name: cases(args.data, name, args.most) for name in SETS}
    print("| | " + " | ".join(f"{name} ({len(rows)})" for name, rows in chosen.items()) + " |")
    print("|---|" + "---|" * len(SETS))
    for way, (spoil, moved) in WAYS.items():
        cells = []
        for name in SETS:
            scores, states = [], []
            for row in chosen[name]:
                image = spoil(opened(args.data / name / row["image"]))
                mask = Image.open(args.data / name / row["mask"]).convert("L").point([0] + [255] * 255)
                true = np.asarray(mask if moved is None else moved(mask)) > 127
                side = "patient" if row.get("laterality") == "patient" else None
                answer = model.set_image(np.asarray(image, np.float32) / 255).segment(row["text"], laterality=side)
                scores.append(2 * (answer.mask & true).sum() / max(answer.mask.sum() + true.sum(), 1))
                states.append(answer.state)
            shares = [states.count(state) / len(states) for state in ("not in scope", "not found")]
            cells.append(f"{np.mean(scores):.2f} ({shares[0]:.0%}, {shares[1]:.0%})")
        print(f"| {way} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()

"""Masks from files: PNG, JPEG, TIFF and BMP."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lexseg.errors import DataError
from lexseg.scans.open import Bool, check_finite, opened_picture, over_black, upright


def read_mask(path: Path | str, label: int | None = None) -> Bool:
    """The mask as true for foreground.

    Of two values the larger is foreground. A mask of a single value is empty if that is 0, else all foreground. In a
    coloured palette (as VOC-style tools write) the values are the indices, in a gray one the grays. Of two colours the
    brighter is foreground. What is drawn in a single colour on nothing is foreground where it is opaque.

    Args:
        path: a file as for `read_picture`; best a lossless one.
        label: the value that is foreground, for a mask of more than two values. It may be absent: an empty mask.

    Returns:
        bool[H, W].

    Raises:
        DataError: as `read_picture`, and if there are more than two values and no ``label``.
    """
    values = read_values(path)
    if label is not None:
        return np.asarray(values == label, dtype=np.bool_)
    low, high = values.min(), values.max()
    if low == high:
        return np.full(values.shape, bool(high != 0), dtype=np.bool_)
    foreground = np.asarray(values == high, dtype=np.bool_)
    if not np.all(foreground | (values == low)):
        number = len(np.unique(values))
        hint = "JPEG changes values: save masks as PNG" if Path(path).suffix.lower() in (".jpg", ".jpeg") else ""
        hint = hint or (
            "cut probabilities and smoothed edges at a threshold and save a mask of two values; of classes or "
            "instances a manifest names the foreground in its column 'label' or 'target_ids'"
        )
        raise DataError(f"{path}: the mask holds {number} values ({low:g} to {high:g}), expected two; {hint}")
    return foreground


def read_instances(path: Path | str) -> NDArray[np.int64]:
    """The values of an instance mask: 0 is background, each target has a number of its own.

    Args:
        path: a file as for `read_mask`, of 8 or 16 bits or with a palette.

    Returns:
        int64[H, W], 0 or more.

    Raises:
        DataError: as `read_picture`, and if a value is no whole number of 0 or more.
    """
    values = read_values(path)
    if values.dtype.kind == "f" and not np.all(values == np.round(values)):
        raise DataError(f"{path}: the mask holds fractions; instances are whole numbers, save the mask as PNG")
    whole = values.astype(np.int64)
    if whole.min() < 0:
        raise DataError(f"{path}: the mask holds the value {whole.min()}; instances are numbers of 1 or more")
    return whole


def read_values(path: Path | str) -> NDArray[Any]:
    """The values of a mask as they are in the file: numbers[H, W]. See `read_mask` for palettes and colours.

    Raises:
        DataError: as `read_picture`.
    """
    with opened_picture(path) as image:
        return _mask_values(upright(image), str(path))


def _mask_values(image: Image.Image, name: str) -> NDArray[Any]:
    if image.mode == "P":
        palette = np.asarray(image.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)
        image = image.convert("L") if bool(np.all(palette == palette[:, :1])) else image
    if image.mode in ("1", "L", "P", "I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image)
        check_finite(values, name)
        return values.astype(np.uint8) if values.dtype == np.bool_ else values
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        pixels = np.asarray(image.convert("RGBA"))
        if (pixels[..., :3] == pixels[0, 0, :3]).all() and (pixels[..., 3] != pixels[0, 0, 3]).any():
            return np.ascontiguousarray(pixels[..., 3])  # drawn by what is opaque, in one colour, black even
        colour = over_black(pixels[..., :3], pixels[..., 3:])
    else:
        colour = np.asarray(image.convert("RGB"))
    if np.array_equal(colour[..., 0], colour[..., 1]) and np.array_equal(colour[..., 0], colour[..., 2]):
        return np.ascontiguousarray(colour[..., 0])
    packed = (colour.astype(np.uint32) << np.array([16, 8, 0], dtype=np.uint32)).sum(axis=2)
    colours = np.unique(packed)
    brightness = (colours >> 16) + ((colours >> 8) & 255) + (colours & 255)
    if len(colours) > 2 or len(set(brightness.tolist())) < len(colours):
        raise DataError(
            f"{name}: the mask holds {len(colours)} colours of which none is plainly the foreground; save it in gray"
        )
    return np.asarray(brightness[np.searchsorted(colours, packed)])

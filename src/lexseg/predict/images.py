"""Images on their way into a model and probabilities on their way out.

An image comes to the model's input size exactly as in training, and the answer back to the image's own size.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lexseg.errors import DataError
from lexseg.models.place import Fit, Place
from lexseg.scans.pictures import image_from_array, image_from_pil

ImageLike = str | Path | NDArray[Any] | Image.Image


def load_image(image: ImageLike) -> NDArray[np.float32]:
    """A path, array or Pillow image as float32[H, W] or [H, W, 3] in 0..1 (see :mod:`lexseg.scans.pictures`)."""
    if isinstance(image, str | Path):
        from lexseg.scans.images import read_image

        return read_image(image)
    if isinstance(image, Image.Image):
        return image_from_pil(image)
    return image_from_array(image)


def check_spacing(spacing: object) -> None:
    """Refuse what is no spacing.

    Raises:
        DataError: it is not two positive numbers of millimetres.
    """
    try:
        values = np.asarray(spacing, dtype=np.float64)
        fine = values.shape == (2,) and bool(np.all((values > 0) & (values < np.inf)))
    except (TypeError, ValueError):
        fine = False
    if not fine:
        raise DataError(f"spacing {spacing!r}: two positive numbers of millimetres were expected, (row, column)")


def is_blank(image: NDArray[np.float32]) -> bool:
    """Whether all pixels of an image, [H, W] or [H, W, 3], are equal: it shows nothing."""
    return bool((image == image[:1, :1]).all())


def to_input(image: NDArray[np.float32], size: tuple[int, int], fit: Fit = "stretch") -> NDArray[np.float32]:
    """Bring an image to a model's input size, bilinear, with antialiasing where it shrinks; give it three channels.

    One channel at a time, so that a colour image of 10,000 x 10,000 pixels needs no second copy of itself. Pillow's
    filter is the one that training's (:func:`lexseg.models.inputs.resize_image`) was made after.

    Args:
        image: float32[H, W] or [H, W, 3] in 0..1.
        size: (height, width) of the input.
        fit: how the model's training did it.

    Returns:
        float32[3, height, width] in 0..1.
    """
    planes = [image] if image.ndim == 2 else [image[..., c] for c in range(3)]
    place = Place.of((image.shape[0], image.shape[1]), size, fit)
    inside = (place.height, place.width)
    resized = np.stack([_resized(plane, inside) if plane.shape != inside else plane for plane in planes]).clip(0, 1)
    if inside != tuple(size):
        resized = np.pad(resized, ((0, 0), *place.margins(size)))
    return np.broadcast_to(resized, (3, *size))


def to_native(logits: NDArray[np.float32], size: tuple[int, int], fit: Fit = "stretch") -> NDArray[np.float32]:
    """Bring logits to an image's own size, bilinear, and turn them into probabilities there.

    The mask is so drawn at the image's resolution, not at the network's and enlarged.

    Args:
        logits: float32[1, h, w].
        size: (H, W) of the image.
        fit: how the image came to the input.

    Returns:
        float32[H, W] in 0..1.
    """
    (plane,) = logits
    plane = plane[Place.of(size, (plane.shape[0], plane.shape[1]), fit).inside]
    if plane.shape[0] <= size[0] and plane.shape[1] <= size[1]:
        native = _resized(plane, size)
    else:  # an image smaller than the network's: between the nearest two, where Pillow would take a mean of more
        native = np.ascontiguousarray(_between(_between(plane, size[0]).T, size[1]).T)
    with np.errstate(over="ignore"):
        np.exp(np.negative(native, out=native), out=native)
    native += 1
    return np.reciprocal(native, out=native)


def given_present(probability: NDArray[np.float32], peak: float) -> NDArray[np.float32]:
    """The probability of each pixel, once it is known that the target is there (OURS).

        logit p' = logit p + max(0, peak - logit max p)

    A network that is in doubt whether its target is there lowers the whole map with its doubt: of targets that are
    there and whose highest pixel has 0.6, a mask from 0.5 on has a Dice of 0.1, and one that reaches five logits down
    from the highest pixel of 0.7. Whether it is there, presence has decided; the map says where.

    Args:
        probability: float32[...], 0..1, of all that belongs to one question; it is not changed.
        peak: how far above one half the highest pixel lies at least, in logits; as far below it a mask may reach.

    Returns:
        the same where the highest pixel is as high, else a copy.
    """
    tiny = np.float32(1e-7)
    highest = min(max(float(probability.max()), 1e-7), 1 - 1e-7)
    lift = peak - math.log(highest / (1 - highest))
    if lift <= 0:
        return probability
    kept = probability.clip(tiny, 1 - tiny)
    odds = kept / (1 - kept) * np.float32(math.exp(lift))
    return np.asarray(odds / (1 + odds), np.float32)


def _resized(plane: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    picture = Image.fromarray(np.ascontiguousarray(plane, np.float32))
    return np.array(picture.resize((size[1], size[0]), Image.Resampling.BILINEAR), np.float32)


def _between(plane: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """float32[h, w] -> float32[length, w], each row between the two nearest ones."""
    rows = len(plane)
    at = np.clip((np.arange(length) + 0.5) * rows / length - 0.5, 0, rows - 1).astype(np.float32)
    first = np.minimum(at.astype(np.int64), max(rows - 2, 0))
    share = (at - first)[:, None]
    second = np.minimum(first + 1, rows - 1)
    return np.ascontiguousarray(plane[first] * (1 - share) + plane[second] * share, np.float32)

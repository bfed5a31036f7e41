"""Ellipses as lesions, and what is measured of them."""

import numpy as np

from lexseg.datasets.refer.attributes import measure
from lexseg.datasets.refer.targets import components

# row, column, half height and half width, in 120 x 120 pixels
LEFT_LOWER, RIGHT_UPPER, RIGHT_MIDDLE = (100, 30, 9, 14), (20, 90, 9, 9), (60, 90, 9, 14)


def ellipse(canvas, row, column, height, width, value=1):
    """Draw a filled ellipse of these half axes."""
    rows, columns = np.ogrid[: canvas.shape[0], : canvas.shape[1]]
    canvas[((rows - row) / height) ** 2 + ((columns - column) / width) ** 2 <= 1] = value
    return canvas


def mask_of(*ellipses, size=(120, 120)):
    canvas = np.zeros(size, bool)
    for each in ellipses:
        ellipse(canvas, *each)
    return canvas


def targets_of(*ellipses, size=(120, 120), image=None, **options):
    mask = mask_of(*ellipses, size=size)
    image = np.zeros(size, np.float32) if image is None else image
    return measure(components(mask), image, min_area=options.pop("min_area", 1e-3), **options)

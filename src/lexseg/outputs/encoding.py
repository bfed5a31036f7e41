"""Pictures, masks and values as the bytes of files."""

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def mask_png(mask: NDArray[np.bool_]) -> bytes:
    """A mask, bool[H, W], as the bytes of an 8-bit gray PNG of 0 and 255."""
    return png(Image.fromarray(mask.astype(np.uint8) * 255))


def png(picture: Image.Image) -> bytes:
    """A picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def json_bytes(values: Mapping[str, Any]) -> bytes:
    """Values as the bytes of a JSON file."""
    return (json.dumps(values, indent=2) + "\n").encode()

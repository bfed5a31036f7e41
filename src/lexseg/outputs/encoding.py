"""Pictures, masks and values as the bytes of files, and what the names of these files end in."""

import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

PNG_MASK, OVERLAY_PNG, NUMBERS_JSON = "_mask.png", "_overlay.png", ".json"
"""Of an image, and as `lexseg segment` writes by default."""

_LEVEL = 1
"""Of a PNG's compression: a quarter of the time of zlib's own level 6, and some more bytes."""


def mask_png(mask: "NDArray[np.bool_]") -> bytes:
    """A mask, bool[H, W], as the bytes of an 8-bit gray PNG of 0 and 255."""
    from PIL import Image

    return png(Image.fromarray(mask.astype("uint8") * 255))


def png(picture: "Image.Image") -> bytes:
    """A picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=_LEVEL)
    return buffer.getvalue()


def json_bytes(values: Mapping[str, Any]) -> bytes:
    """Values as the bytes of a JSON file."""
    return (json.dumps(values, indent=2) + "\n").encode()

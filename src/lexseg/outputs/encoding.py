"""What every answer is written as: masks and overlays as PNG, values as JSON."""

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lexseg.outputs.formats import NUMBERS_JSON, OVERLAY_PNG, PNG_MASK, Written
from lexseg.predict.segmentation import Segmentation


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


class Masks:
    """Writes the mask of an image, or one for each frame of a volume that was asked."""

    @staticmethod
    def encode(what: Written) -> dict[str, bytes]:
        """``_mask.png``, or ``_0012_mask.png`` and so on."""
        answer = what.answer
        if isinstance(answer, Segmentation):
            return {PNG_MASK: mask_png(answer.mask)}
        digits = max(4, len(str(answer.shape[0])))
        return {f"_{frame:0{digits}d}{PNG_MASK}": mask_png(answer.mask(frame)) for frame in answer.frames}


class Overlay:
    """Writes the frame with what was found drawn in."""

    @staticmethod
    def encode(what: Written) -> dict[str, bytes]:
        """``_overlay.png``."""
        assert what.picture is not None
        return {OVERLAY_PNG: png(what.picture)}


class Numbers:
    """Writes all that is told of an answer."""

    @staticmethod
    def encode(what: Written) -> dict[str, bytes]:
        """``.json``."""
        return {NUMBERS_JSON: json_bytes(what.values)}

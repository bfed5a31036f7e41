"""What is told of an answer: as values, in words, and as the bytes of the files that hold them."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lexseg._version import __version__
from lexseg.language.sides import mentions_side
from lexseg.predict.answered import Answered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

NOTE = "Research use only: not a medical device."
PNG_MASK, OVERLAY_PNG, NUMBERS_JSON = "_mask.png", "_overlay.png", ".json"
"""Of an image, and as `lexseg segment` writes by default."""

_LEVEL = 1
"""Of a PNG's compression: a quarter of the time of zlib's own level 6, and some more bytes."""


def describe(result: Answered, *, include_text: bool = False) -> dict[str, Any]:
    """An answer as plain JSON values: the one description of a result, of which all that is told of it is taken.

    Args:
        result: the answer, about an image or a volume.
        include_text: whether the sentence is among them. It may tell of a patient.
    """
    words = {"text": result.text} if include_text else {}
    return {
        **words,
        "text_given": result.text is not None,
        "laterality": result.laterality,
        **result.extent(),
        **judged(result),
        "probability": result.certainty(),
        **result.describe(),
        "note": NOTE,
    }


def judged(result: Answered) -> dict[str, Any]:
    """What became of a question, and what answered it, as plain JSON values: the same wherever it is told.

    ``presence`` lies below ``presence_threshold``, as written, if and only if nothing was found.
    """
    least = rounded(result.presence_threshold)
    told = rounded(result.highest_presence)
    if told is not None and least is not None and result.state == "not found":
        told = min(told, max(0.0, round(least - 0.0001, 4)))  # rounding must not lift it to the threshold
    outside = result.outside
    return {
        "state": result.state,
        "found": result.found,
        "reason": None if outside is None else outside.reason,
        "explanation": None if outside is None else outside.why,
        "anyway": result.anyway,
        "presence": told,
        "presence_threshold": least,
        "threshold": result.threshold,
        "model": result.model.name,
        "model_sha256": result.model.sha256,
        "lexseg": __version__,
    }


def in_words(values: Mapping[str, Any]) -> str:
    """``found``, ``not found (probability 0.07)``, ``negated`` or ``not in scope: the words ...``: a line of print.

    Args:
        values: of :func:`judged`.
    """
    state, presence = values["state"], values["presence"]
    if state == "not in scope":
        return f"{state}: {values['explanation']}"
    told = f"{state} (probability {presence:.2f})" if state == "not found" and presence is not None else str(state)
    return f"{told}; {marked(values)}" if values["anyway"] else told


def marked(values: Mapping[str, Any]) -> str:
    """How what was made anyway is marked, of the values of :func:`judged`."""
    return f"asked anyway, and not in scope: {values['explanation']}"


def whose_left(laterality: str) -> str:
    """What a caption says of the convention."""
    whose = "left side of the image" if laterality == "image" else "patient's left"
    return f"'left' means the {whose}"


def rounded(value: float | None) -> float | None:
    """Four digits are enough for a probability."""
    return None if value is None else round(value, 4)


def caption_of(result: Answered, values: Mapping[str, Any], include_text: bool) -> Sequence[str]:
    """What stands on the overlay: the sentence where it may, why there is no mask, and whose left "left" is."""
    lines = [result.text] if include_text and result.text else []
    if not result.found:
        lines.append(in_words(values))
    elif result.anyway:
        lines.append(marked(values))
    if result.text and result.laterality and mentions_side(result.text):
        lines.append(whose_left(result.laterality))
    return lines


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

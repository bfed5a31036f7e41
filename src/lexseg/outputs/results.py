"""A segmentation as files: mask, overlay and numbers."""

import io
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lexseg import __version__
from lexseg.language.sides import mentions_side
from lexseg.outputs.overlay import draw_overlay
from lexseg.outputs.writing import write_files
from lexseg.predict.segmentation import Segmentation

if TYPE_CHECKING:
    from lexseg.predict.volume_segmentation import VolumeSegmentation

PNG_MASK, OVERLAY, NUMBERS = "_mask.png", "_overlay.png", ".json"
Answered = Union[Segmentation, "VolumeSegmentation"]
Encode = Callable[[Answered, int, Image.Image], Mapping[str, bytes]]
"""Gives the files that hold the masks, by the endings of their names; from an answer, and the overlay of a frame."""

NOTE = "Research use only: not a medical device."


def result_files(folder: Path, stem: str, masks: Collection[str] = (PNG_MASK,)) -> list[Path]:
    """The files of one result.

    Args:
        folder: where they are.
        stem: the beginning of the names.
        masks: the endings of the names of the files that hold the mask.
    """
    return [folder / f"{stem}{ending}" for ending in (*masks, OVERLAY, NUMBERS)]


def names_of(contents: Mapping[Path, bytes], stem: str) -> dict[str, str | None]:
    """The names of a result's files, by what they hold; of :func:`result_contents`."""
    *masks, overlay, numbers = (path.name for path in contents)
    return {"mask": masks[0] if masks else None, **{_kind_of(name[len(stem) :]): name for name in masks[1:]}} | {
        "overlay": overlay,
        "json": numbers,
    }


def write_result(
    folder: Path,
    stem: str,
    image: NDArray[np.float32],
    result: Segmentation,
    record: Mapping[str, Any],
    *,
    include_text: bool = False,
) -> dict[str, Any]:
    """Write ``<stem>_mask.png`` (0 and 255), ``<stem>_overlay.png`` and ``<stem>.json``, all of them or none.

    Args:
        folder: where to write.
        stem: the beginning of the names.
        image: float32[H, W] or [H, W, 3] in 0..1.
        result: the segmentation of it.
        record: what else the JSON is to say, first.
        include_text: whether the sentence may be written, into the JSON and on the overlay. It may tell of a patient.

    Returns:
        what the JSON holds.
    """
    values, contents = result_contents(folder, stem, image, result, record, include_text=include_text)
    write_files(contents)
    return values


def result_contents(
    folder: Path,
    stem: str,
    image: NDArray[np.float32],
    result: Segmentation,
    record: Mapping[str, Any],
    *,
    include_text: bool = False,
    encode: Encode | None = None,
    caption: Sequence[str] = (),
) -> tuple[dict[str, Any], dict[Path, bytes]]:
    """What :func:`write_result` writes: what the JSON holds, and each file's bytes.

    ``encode`` gives the files that hold the mask; ``None`` is a PNG. ``caption`` stands below the overlay, after what
    always does. All else is as in :func:`write_result`.
    """
    mask = result.mask
    values = dict(record) | describe(result, mask, include_text=include_text)
    picture = draw_overlay(image, mask, caption=[*caption_of(result, values, include_text), *caption])
    masks = {PNG_MASK: mask_png(mask)} if encode is None else dict(encode(result, 0, picture))
    masks |= {OVERLAY: png(picture), NUMBERS: json_bytes(values)}
    return values, {folder / f"{stem}{ending}": content for ending, content in masks.items()}


def mask_png(mask: NDArray[np.bool_]) -> bytes:
    """A mask, bool[H, W], as the bytes of an 8-bit gray PNG of 0 and 255."""
    return png(Image.fromarray(mask.astype(np.uint8) * 255))


def describe(result: Segmentation, mask: NDArray[np.bool_], *, include_text: bool = False) -> dict[str, Any]:
    """A segmentation as plain JSON values."""
    inside = result.probability[mask]
    words = {"text": result.text} if include_text else {}
    return {
        **words,
        "text_given": result.text is not None,
        "laterality": result.laterality,
        "size": list(mask.shape),
        "spacing": None if result.spacing is None else list(result.spacing),
        **judged(result),
        "probability": {
            "max": round(float(result.probability.max()), 4),
            "mean_inside": round(float(inside.mean(dtype=np.float64)), 4) if inside.size else None,
        },
        **result.describe(),
        "note": NOTE,
    }


def judged(result: Answered) -> dict[str, Any]:
    """What became of a question, and what answered it, as plain JSON values: the same wherever it is told.

    ``presence`` lies below ``presence_threshold``, as written, if and only if nothing was found.
    """
    presence = result.presence if isinstance(result, Segmentation) else result.highest_presence
    least = rounded(result.presence_threshold)
    told = rounded(presence)
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


def png(picture: Image.Image) -> bytes:
    """A picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def json_bytes(values: Mapping[str, Any]) -> bytes:
    """Values as the bytes of a JSON file."""
    return (json.dumps(values, indent=2) + "\n").encode()


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


def _kind_of(ending: str) -> str:
    """``capture`` of ``_capture.dcm``."""
    return ending.partition(".")[0].lstrip("_")


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

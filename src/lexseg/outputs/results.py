"""A segmentation as files: mask, overlay and numbers."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lexseg.outputs.description import caption_of, describe
from lexseg.outputs.formats import FORMATS, JSON, OVERLAY, PNG, Written
from lexseg.outputs.overlay import draw_overlay
from lexseg.predict.segmentation import Segmentation

if TYPE_CHECKING:
    from lexseg.predict.volume_segmentation import VolumeSegmentation

AnyAnswer = Union[Segmentation, "VolumeSegmentation"]
Encode = Callable[[AnyAnswer, int, Image.Image], Mapping[str, bytes]]
"""Gives the files that hold the masks, by the endings of their names; from an answer, and the overlay of a frame."""


def result_files(folder: Path, stem: str, masks: Collection[str] = (PNG.ending,)) -> list[Path]:
    """The files of one result.

    Args:
        folder: where they are.
        stem: the beginning of the names.
        masks: the endings of the names of the files that hold the mask.
    """
    return [folder / f"{stem}{ending}" for ending in (*masks, OVERLAY.ending, JSON.ending)]


def names_of(contents: Mapping[Path, bytes], stem: str) -> dict[str, str | None]:
    """The names of a result's files, by what they hold; of :func:`result_contents`."""
    views = {format.ending: format.name for format in FORMATS.values() if format.holds != "mask"}
    found: dict[str, str | None] = {"mask": None}
    for path in contents:
        kind = views.get(path.name[len(stem) :], "mask")
        found[kind] = found.get(kind) or path.name
    return found


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
    """``<stem>_mask.png`` (0 and 255), ``<stem>_overlay.png`` and ``<stem>.json``, which are to be written together.

    Args:
        folder: where to write.
        stem: the beginning of the names.
        image: float32[H, W] or [H, W, 3] in 0..1.
        result: the segmentation of it.
        record: what else the JSON is to say, first.
        include_text: whether the sentence may be written, into the JSON and on the overlay. It may tell of a patient.
        encode: gives the files that hold the mask; ``None`` is a PNG.
        caption: stands below the overlay, after what always does.

    Returns:
        what the JSON holds, and each file's bytes.
    """
    mask = result.mask
    values = dict(record) | describe(result, include_text=include_text)
    picture = draw_overlay(image, mask, caption=[*caption_of(result, values, include_text), *caption])
    what = Written(answer=result, picture=picture, values=values)
    files = PNG.encode(what) if encode is None else dict(encode(result, 0, picture))
    files |= OVERLAY.encode(what) | JSON.encode(what)
    return values, {folder / f"{stem}{ending}": content for ending, content in files.items()}

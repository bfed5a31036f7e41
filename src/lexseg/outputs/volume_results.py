"""The answer about a volume as files: masks, an overlay of one frame, and numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lexseg.outputs.formats import JSON, OVERLAY, Encode, Written
from lexseg.outputs.overlay import draw_overlay
from lexseg.predict.answered import caption_of, describe
from lexseg.predict.volume_segmentation import VolumeSegmentation
from lexseg.scans.scan import Scan
from lexseg.scans.window import Window


def volume_contents(
    folder: Path,
    stem: str,
    scan: Scan,
    result: VolumeSegmentation,
    record: Mapping[str, Any],
    *,
    encode: Encode,
    window: Window | None = None,
    include_text: bool = False,
    caption: Sequence[str] = (),
) -> tuple[dict[str, Any], dict[Path, bytes]]:
    """What is to be written of an answer about a volume.

    The overlay ``<stem>_overlay.png`` is of the frame with the largest mask, or of the middle one where nothing was
    found; the numbers are in ``<stem>.json``.

    Args:
        folder: where to write.
        stem: the beginning of the names.
        scan: the volume.
        result: the answer.
        record: what else the JSON is to say, first.
        encode: gives the files that hold the masks.
        window: as the volume was shown to the model.
        include_text: whether the sentence may be written, into the JSON and on the overlay. It may tell of a patient.
        caption: stands below the overlay, after what always does.

    Returns:
        what the JSON holds, and each file's bytes.
    """
    values = dict(record) | describe(result, include_text=include_text)
    largest = values["largest"]
    frame = result.frames[len(result.frames) // 2] if largest is None else largest["frame"]
    place = f"frame {frame} ({result.frames.start} to {result.frames.stop - 1} were asked)"
    lines = [place, *caption_of(result, values, include_text), *caption]
    picture = draw_overlay(scan.show(frame, window), result.mask(frame), caption=lines)
    files = dict(encode(result, frame, picture))
    values["files"] = [f"{stem}{ending}" for ending in files]
    what = Written(answer=result, scan=scan, frame=frame, picture=picture, values=values)
    files |= OVERLAY.encode(what) | JSON.encode(what)
    return values, {folder / f"{stem}{ending}": content for ending, content in files.items()}

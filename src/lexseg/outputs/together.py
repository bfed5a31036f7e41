"""Several sentences' masks in one file: a palette PNG, a NIfTI label map, or a DICOM SEG of several segments."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lexseg.errors import ConfigError
from lexseg.outputs.formats import SEG, AnyAnswer, Outputs
from lexseg.outputs.labels import LabelMap
from lexseg.outputs.nifti import nifti_bytes
from lexseg.outputs.overlay import draw_findings, png, preview
from lexseg.predict.answered import NOTE, OVERLAY_PNG, in_words, json_bytes, judged
from lexseg.predict.volume_segmentation import VolumeSegmentation
from lexseg.scans.scan import Scan
from lexseg.scans.window import Window

LABELS_PNG, LABELS_NIFTI, LEGEND = "_labels.png", "_labels.nii.gz", "_labels.json"


def together_contents(
    folder: Path,
    stem: str,
    scan: Scan,
    answers: Sequence[AnyAnswer],
    record: Mapping[str, Any],
    outputs: Outputs,
    *,
    window: Window | None = None,
) -> tuple[dict[str, Any], dict[Path, bytes]]:
    """What is to be written of several answers about one scan.

    The masks are ``<stem>_labels.png`` (of a volume one for each frame), ``<stem>_labels.nii.gz`` or
    ``<stem>_seg.dcm``; the legend is ``<stem>_labels.json``, and ``<stem>_overlay.png`` shows all that was found,
    numbered. In a DICOM SEG segments may overlap, and the rule of the map does not apply; what is not in the model's
    scope has no segment in it.

    Args:
        folder: where to write.
        stem: the beginning of the names.
        scan: the image or volume.
        answers: about all of it, in the order of the sentences.
        record: what else the legend is to say, first.
        outputs: how masks are written; captures and presentation states are not.
        window: as it was shown to the model.

    Returns:
        what the legend holds, and each file's bytes.
    """
    labels = LabelMap(answers)
    values = dict(record) | labels.legend(include_text=outputs.include_text) | {"note": NOTE}
    masks = dict(_masks(scan, labels, outputs))
    frame = _fullest(labels)
    found = {value: _frame(answer, frame) for value, answer in enumerate(answers, start=1) if answer.found}
    shown = {value: preview(mask) for value, mask in found.items()}
    lines = [f"{value}: {_words(answer, outputs.include_text)}" for value, answer in enumerate(answers, start=1)]
    place = [f"frame {frame}"] if isinstance(answers[0], VolumeSegmentation) else []
    picture = draw_findings(scan.show(frame, window), shown, caption=[*place, *lines])
    values["files"] = [f"{stem}{ending}" for ending in masks]
    files = masks | {OVERLAY_PNG: png(picture), LEGEND: json_bytes(values)}
    return values, {folder / f"{stem}{ending}": content for ending, content in files.items()}


def together_files(folder: Path, stem: str, outputs: Outputs) -> list[Path]:
    """The files that a map may have: those that may hold it, the overlay, and last the legend.

    Raises:
        ConfigError: if maps are not written in the format that is asked for.
    """
    return [folder / f"{stem}{ending}" for ending in (*_endings(outputs), OVERLAY_PNG, LEGEND)]


def _endings(outputs: Outputs) -> tuple[str, ...]:
    masks = {"auto": (LABELS_PNG, LABELS_NIFTI), "png": (LABELS_PNG,), "nifti": (LABELS_NIFTI,), "seg": (SEG.ending,)}
    if outputs.format not in masks:
        raise ConfigError(f"--together writes png, nifti and seg, and no {outputs.format}")
    return masks[outputs.format]


def _masks(scan: Scan, labels: LabelMap, outputs: Outputs) -> dict[str, bytes]:
    kind = outputs.kind(scan)
    if kind == SEG.name:
        return _seg(scan, labels.answers, outputs)
    if kind == "nifti":
        return {LABELS_NIFTI: nifti_bytes(scan, labels.values)}
    first = labels.answers[0]
    if isinstance(first, VolumeSegmentation):
        digits = max(4, len(str(scan.shape[0])))
        return {f"_{frame:0{digits}d}{LABELS_PNG}": png(labels.picture(frame)) for frame in first.frames}
    return {LABELS_PNG: png(labels.picture())}


def _seg(scan: Scan, answers: Sequence[AnyAnswer], outputs: Outputs) -> dict[str, bytes]:
    """No file where nothing is in scope: an empty one would tell a PACS that it was looked for."""
    from lexseg.outputs.seg import seg_bytes
    from lexseg.outputs.segment import Segment

    segments = [Segment.of(answer) for answer in answers if answer.state != "not in scope"]
    if not segments:
        return {}
    said = {"model_name": outputs.model_name, "model_version": outputs.model_version, "bare": outputs.bare}
    return {SEG.ending: seg_bytes(scan, segments, include_text=outputs.include_text, **said)}


def _fullest(labels: LabelMap) -> int:
    """The frame that shows most; the middle one that was asked where nothing was found."""
    first = labels.answers[0]
    if not isinstance(first, VolumeSegmentation):
        return 0
    frames = sorted({n for answer in labels.answers if isinstance(answer, VolumeSegmentation) for n in answer.bits})
    middle = first.frames[len(first.frames) // 2]
    return max(frames, key=lambda n: int((labels.frame(n) > 0).sum()), default=middle)


def _frame(answer: AnyAnswer, frame: int) -> Any:
    return answer.mask(frame) if isinstance(answer, VolumeSegmentation) else answer.mask


def _words(answer: AnyAnswer, include_text: bool) -> str:
    said = in_words(judged(answer))
    return f"{answer.text}: {said}" if include_text and answer.text else said

"""Masks as PNG: one of an image, one for each frame of a volume that was asked."""

from lexseg.outputs.encoding import mask_png
from lexseg.outputs.endings import PNG_MASK
from lexseg.outputs.formats import Written
from lexseg.predict.volume_segmentation import VolumeSegmentation


def encode(what: Written) -> dict[str, bytes]:
    """``_mask.png``, or ``_0012_mask.png`` and so on."""
    answer = what.answer
    if not isinstance(answer, VolumeSegmentation):
        return {PNG_MASK: mask_png(answer.mask)}
    digits = max(4, len(str(answer.shape[0])))
    return {f"_{frame:0{digits}d}{PNG_MASK}": mask_png(answer.mask(frame)) for frame in answer.frames}

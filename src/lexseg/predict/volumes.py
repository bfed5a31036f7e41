"""Volumes: each frame is asked the same sentences, a batch of frames at a time.

What is kept of a volume is packed to a bit a voxel, and nothing at all of frames in which nothing is found: the memory
depends on the batch and on what is found, not on the length of the volume.
"""

from collections.abc import Sequence
from typing import Any

from lexseg.predict.ask import Options, Sentence, ask
from lexseg.predict.segmenter import Segmenter
from lexseg.predict.volume_segmentation import VolumeSegmentation
from lexseg.scans.scan import Scan

__all__ = ["VolumeSegmentation", "segment_volume"]


def segment_volume(
    segmenter: Segmenter, scan: Scan, texts: Sequence[Sentence], **options: Any
) -> list[VolumeSegmentation]:
    """Find in each frame of a scan what each sentence names: :func:`lexseg.predict.ask.ask`, options as keywords.

    Args:
        segmenter: what answers.
        scan: the volume; a scan of one frame will do too.
        texts: the sentences; ``None`` is the null sentence.
        options: of :class:`lexseg.predict.options.Options`.

    Returns:
        an answer for each sentence.
    """
    return ask(segmenter, scan, texts, Options(**options))

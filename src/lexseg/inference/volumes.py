"""Volumes: each frame is asked the same sentences, a batch of frames at a time.

What is kept of a volume is packed to a bit a voxel, and nothing at all of frames in which nothing is found: the memory
depends on the batch and on what is found, not on the length of the volume.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from lexseg.data.case import Laterality
from lexseg.data.volumes.window import Window
from lexseg.errors import ConfigError, DataError
from lexseg.inference.images import to_input
from lexseg.inference.question import probability
from lexseg.inference.segmenter import Segmenter
from lexseg.inference.sides import sides_of
from lexseg.inference.volume_segmentation import VolumeSegmentation
from lexseg.inference.words import model_words

if TYPE_CHECKING:
    from lexseg.data.scans.scan import Scan

__all__ = ["VolumeSegmentation", "segment_volume"]

Progress = Callable[[int, int], None]


def segment_volume(
    segmenter: Segmenter,
    scan: "Scan",
    texts: Sequence[str | None],
    *,
    frames: range | None = None,
    window: Window | None = None,
    batch: int = 8,
    threshold: float | None = None,
    laterality: Laterality | None = None,
    tta: bool = False,
    progress: Progress | None = None,
) -> list[VolumeSegmentation]:
    """Find in each frame of a scan what each sentence names.

    What a sentence denies is not looked for, as in :meth:`lexseg.inference.segmenter.ImageSession.segment`. A frozen
    text encoder reads each sentence once; `batch` frames go through the network at a time.

    Args:
        segmenter: what answers.
        scan: the volume; a scan of one frame will do too.
        texts: the sentences; ``None`` is the null sentence.
        frames: which frames are asked, counted from 0, without gaps; ``None`` takes all.
        window: what is black and what white; ``None`` takes the scan's own.
        batch: how many frames are encoded together.
        threshold: probability from which on a pixel is found; ``None`` takes the model's.
        laterality: whose left the sentences' "left" is; ``None`` takes the patient's where the scan knows its sides,
            else the model's own.
        tta: look at the mirrored frames too, ask with left and right swapped, and average.
        progress: called as ``progress(done, total)`` after each batch; what it raises ends the work.

    Returns:
        an answer for each sentence.

    Raises:
        TextError: if a sentence is blank or longer than the text encoder reads.
        ConfigError: for an impossible threshold or laterality.
        DataError: if the scan has no such frames, or one cannot be read.
    """
    count, height, width = scan.shape
    frames = range(count) if frames is None else frames
    if not len(frames) or frames.step != 1 or frames.start < 0 or frames.stop > count:
        several = frames.stop - frames.start > 1
        asked_for = f"are no frames {frames.start} to {frames.stop - 1}" if several else f"is no frame {frames.start}"
        raise DataError(f"{scan.name}: there {asked_for}; there are {count}, counted from 0")
    threshold = segmenter.threshold if threshold is None else threshold
    if not 0 < threshold < 1:
        raise ConfigError(f"a threshold of {threshold:g}: it must lie between 0 and 1")
    whose, given = sides_of(scan.patient_left, laterality)
    own, encoder = segmenter.laterality, segmenter.text_encoder
    asked = [segmenter.heard(model_words(text, encoder, given=given, own=own)) for text in texts]
    said = [_Said(len(frames), segmenter.presence_threshold, threshold) for _ in texts]
    looked_for = [(i, words) for i, (words, settled) in enumerate(asked) if settled is None]
    for start in range(0, len(frames), batch):
        part = frames[start : start + batch]
        if looked_for:
            inputs = torch.stack([to_input(scan.show(n, window), segmenter.size) for n in part])
            questions = [(row, words) for row in range(len(part)) for _, words in looked_for]
            answers = segmenter.answers(segmenter.encode(inputs, tta), questions, tta)
            for at, ((row, _), logits, presence) in enumerate(answers):
                where = probability(logits, (height, width))
                said[looked_for[at % len(looked_for)][0]].take(start + row, part[row], where, presence)
        if progress is not None:
            progress(start + len(part), len(frames))
    return [
        VolumeSegmentation(
            shape=(count, height, width),
            frames=frames,
            bits=said[i].bits,
            presence=None if asked[i][1] == "negated" else said[i].presence,
            presence_threshold=segmenter.presence_threshold,
            threshold=threshold,
            highest=said[i].highest,
            text=text,
            laterality=whose or own,
            negated=asked[i][1] == "negated",
            spacing=scan.spacing,
            thickness=scan.thickness,
        )
        for i, text in enumerate(texts)
    ]


class _Said:
    """What a sentence found so far."""

    def __init__(self, count: int, presence_threshold: float | None, threshold: float) -> None:
        self.presence = None if presence_threshold is None else np.zeros(count, np.float32)
        self.bits: dict[int, NDArray[np.uint8]] = {}
        self.highest = 0.0
        self._absent, self._threshold = presence_threshold or 0.0, threshold

    def take(self, at: int, frame: int, where: NDArray[np.float32], presence: float | None) -> None:
        """Take the answer about a frame, the ``at``-th that is asked: float[H, W] in 0..1, and presence."""
        self.highest = max(self.highest, float(where.max()))
        if self.presence is not None and presence is not None:
            self.presence[at] = presence
            if presence < self._absent:
                return
        mask = where >= self._threshold
        if mask.any():
            self.bits[frame] = np.packbits(mask)

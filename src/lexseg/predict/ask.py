"""The one way to ask: sentences about a scan or about encoded images, and an answer to each.

The command line, the server and the PACS ask by it and add nothing. What is decided before the network runs (whose
sides, what is denied, what is doubtful) is in :class:`lexseg.predict.question.Question`, and so is what its output
comes to.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import NDArray

from lexseg.errors import DataError
from lexseg.predict.answered import Outside
from lexseg.predict.options import Options
from lexseg.predict.picture_sides import Sides
from lexseg.predict.question import AS_IT_IS, Denied, Heard, Question, Sentence, questions, segment_together
from lexseg.predict.segmentation import Segmentation
from lexseg.predict.segmenter import ImageSession, Segmenter
from lexseg.scans.scan import Scan

if TYPE_CHECKING:
    from lexseg.predict.volume_segmentation import VolumeSegmentation

__all__ = ["Denied", "Options", "Sentence", "ask", "look", "questions"]


@overload
def ask(
    segmenter: Segmenter, image: ImageSession, sentences: Sequence[Sentence], options: Options = AS_IT_IS
) -> list[Segmentation]: ...


@overload
def ask(
    segmenter: Segmenter, image: Scan, sentences: Sequence[Sentence], options: Options = AS_IT_IS
) -> "list[VolumeSegmentation]": ...


def ask(
    segmenter: Segmenter, image: Scan | ImageSession, sentences: Sequence[Sentence], options: Options = AS_IT_IS
) -> "list[Segmentation] | list[VolumeSegmentation]":
    """Find in an image, or in each frame of a scan, what each sentence names.

    What a sentence says is *not* there ("no infection on the left; opacity on the right") is not looked for; where that
    is all of it, the answer is ``negated``. "The left lesion in the right lung" is not found. Where the model says that
    what is named is absent, the mask is empty. A frozen text encoder reads each sentence once.

    Args:
        segmenter: what answers.
        image: an image that was looked at; or a scan of one frame or many, of which `options.batch` frames go through
            the network at a time.
        sentences: what is asked; ``None`` is the null sentence.
        options: how it is asked.

    Returns:
        an answer for each sentence: whether and where, whose sides were meant, and what is doubtful about it.

    Raises:
        TextError: if a sentence is blank or longer than the text encoder reads.
        ConfigError: for an impossible threshold or laterality.
        DataError: if the scan has no such frames, or one cannot be read.
    """
    if isinstance(image, ImageSession):
        return list(segment_together(questions(image, sentences, options)))
    return _ask_scan(segmenter, image, sentences, options)


def look(
    segmenter: Segmenter, frames: Iterable[tuple[Scan, NDArray[np.float32]]], *, tta: bool = False
) -> list[ImageSession]:
    """Encode frames of scans, to ask about them as often as you like.

    Args:
        segmenter: what looks.
        frames: a scan, and one of its frames as :meth:`Scan.show` gives it. They are taken one by one.
        tta: as in :class:`Options`.
    """
    return segmenter.sessions(((shown, scan.spacing, Sides.of(scan)) for scan, shown in frames), tta=tta)


def _ask_scan(
    segmenter: Segmenter, scan: Scan, sentences: Sequence[Sentence], options: Options
) -> "list[VolumeSegmentation]":
    frames = _frames(scan, options.frames)
    asked = [Heard.of(segmenter, sentence, options, Sides.of(scan)) for sentence in sentences]
    said = [_Said(len(frames)) for _ in asked]
    scoped = segmenter.scope is not None  # the frames decide, also where the words do
    looked_for = scoped or any(heard.settled is None for heard in asked)
    for start in range(0, len(frames), options.batch):
        part = frames[start : start + options.batch]
        if looked_for:
            sessions = look(segmenter, ((scan, scan.show(n, options.window)) for n in part), tta=options.tta)
            answers = segment_together([Question.about(session, heard) for session in sessions for heard in asked])
            for row, number in enumerate(part):
                for each in said:
                    each.take(start + row, number, next(answers))
        if options.progress is not None:
            options.progress(start + len(part), len(frames))
    return [each.about(scan, frames, heard, segmenter) for each, heard in zip(said, asked, strict=True)]


def _frames(scan: Scan, asked: range | None) -> range:
    count = scan.shape[0]
    frames = range(count) if asked is None else asked
    if not len(frames) or frames.step != 1 or frames.start < 0 or frames.stop > count:
        several = frames.stop - frames.start > 1
        asked_for = f"are no frames {frames.start} to {frames.stop - 1}" if several else f"is no frame {frames.start}"
        raise DataError(f"{scan.name}: there {asked_for}; there are {count}, counted from 0")
    return frames


class _Said:
    """What was found of a sentence so far: bits of masks, and nothing of frames in which nothing is."""

    def __init__(self, count: int) -> None:
        self._presence = np.zeros(count, np.float32)
        self._bits: dict[int, NDArray[np.uint8]] = {}
        self._highest = 0.0
        self._outside: dict[int, Outside] = {}

    def take(self, at: int, frame: int, answer: Segmentation) -> None:
        """Take the answer about a frame, the ``at``-th that is asked."""
        self._highest = max(self._highest, float(answer.probability.max()))
        self._presence[at] = answer.presence or 0.0
        if answer.outside is not None:
            self._outside[frame] = answer.outside
        if answer.found:
            self._bits[frame] = np.packbits(answer.mask)

    def about(self, scan: Scan, frames: range, heard: Heard, segmenter: Segmenter) -> "VolumeSegmentation":
        """The answer about the frames together."""
        from lexseg.predict.volume_segmentation import VolumeSegmentation

        sure, negated = segmenter.presence_threshold, heard.settled == "negated"
        everywhere = len(self._outside) == len(frames)
        looked = heard.anyway or not everywhere
        return VolumeSegmentation(
            shape=scan.shape,
            frames=frames,
            bits=self._bits,
            presence=None if negated or sure is None or not looked else self._presence,
            presence_threshold=sure,
            threshold=heard.threshold,
            highest=self._highest,
            text=heard.text,
            language=heard.language,
            laterality=heard.laterality,
            negated=negated,
            spacing=scan.spacing,
            thickness=scan.thickness,
            doubts=heard.doubts,
            outside_in=self._outside,
            anyway=heard.anyway and (everywhere or not self._outside.keys().isdisjoint(self._bits)),
            model=segmenter.answerer,
        )

"""The one way to ask: sentences about a scan or about encoded images, and an answer to each.

The command line, the server and the PACS ask by it and add nothing. What is decided before the network runs (whose
sides, what is denied, what is doubtful) is in :class:`lexseg.predict.words.Heard`; what its output comes to, in
:class:`Question`.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from lexseg.errors import DataError
from lexseg.models.place import Fit, to_native
from lexseg.predict.answered import Outside, State, consistent
from lexseg.predict.options import AS_IT_IS, Denied, Options, Sentence
from lexseg.predict.segmentation import Segmentation
from lexseg.predict.words import Heard, Sides, hear
from lexseg.scans.scan import Scan

if TYPE_CHECKING:
    from lexseg.predict.asker import Looked, Looks, Session
    from lexseg.predict.volume_segmentation import VolumeSegmentation

__all__ = [
    "Denied",
    "Options",
    "Question",
    "Sentence",
    "ask",
    "look",
    "probability",
    "questions",
    "segment_together",
]


@overload
def ask(
    segmenter: "Looks[Any]", image: "Looked", sentences: Sequence[Sentence], options: Options = AS_IT_IS
) -> list[Segmentation]: ...


@overload
def ask(
    segmenter: "Looks[Any]", image: Scan, sentences: Sequence[Sentence], options: Options = AS_IT_IS
) -> "list[VolumeSegmentation]": ...


def ask(
    segmenter: "Looks[Any]", image: "Scan | Looked", sentences: Sequence[Sentence], options: Options = AS_IT_IS
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
    if isinstance(image, Scan):
        return _ask_scan(segmenter, image, sentences, options)
    return list(segment_together(questions(image, sentences, options)))


def look(
    segmenter: "Looks[Session]", frames: Iterable[tuple[Scan, NDArray[np.float32]]], *, tta: bool = False
) -> "list[Session]":
    """Encode frames of scans, to ask about them as often as you like.

    Args:
        segmenter: what looks.
        frames: a scan, and one of its frames as :meth:`Scan.show` gives it. They are taken one by one.
        tta: as in :class:`Options`.
    """
    return segmenter.sessions(((shown, scan.spacing, Sides.of(scan)) for scan, shown in frames), tta=tta)


def _ask_scan(
    segmenter: "Looks[Any]", scan: Scan, sentences: Sequence[Sentence], options: Options
) -> "list[VolumeSegmentation]":
    from lexseg.predict.volume_segmentation import FoundSoFar  # which a single image does not need

    frames = _frames(scan, options.frames)
    asked = hear(segmenter, [(sentence, options, Sides.of(scan)) for sentence in sentences])
    said = [FoundSoFar(len(frames)) for _ in asked]
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


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A sentence about an image, ready to be asked.

    Attributes:
        session: the image.
        heard: the sentence.
        outside: why the two are not in the model's scope; ``None`` where they are, or the scope is unknown.
    """

    session: "Looked"
    heard: Heard
    outside: Outside | None = None

    @classmethod
    def about(cls, session: "Looked", heard: Heard) -> "Question":
        """A sentence that was heard, about an image."""
        return cls(session, heard, session.outside(heard.known))

    @property
    def text(self) -> str | None:
        """The sentence as it was given."""
        return self.heard.text

    @property
    def settled(self) -> State | None:
        """The state, where nothing is to be looked for: scope comes before what the words deny."""
        return "not in scope" if self.outside is not None and not self.heard.anyway else self.heard.settled

    def of_panels(self) -> "list[Question]":
        """The question about each picture of its image that it is in scope of, or of all where it is asked anyway.

        None where the image is one, or nothing is to be looked for.
        """
        if self.settled is not None:
            return []
        each = [Question.about(panel.session, self.heard) for panel in self.session.panels]
        return [one for one in each if one.outside is None] or each

    def answer(self, logits: NDArray[np.float32] | None, presence: float | None) -> Segmentation:
        """What the model says, as an answer.

        Args:
            logits: float32[V, 1, h, w] of V views; ``None`` where nothing was looked for.
            presence: the calibrated probability of presence; ``None`` where the model does not say.
        """
        heard, asker, shape = self.heard, self.session.segmenter, self.session.shape
        sure = asker.presence_threshold
        if logits is None:
            presence = 0.0 if self.settled == "not found" and sure is not None else None
        where = np.zeros(shape, np.float32)
        if logits is not None and self.session.inside is None:
            where = probability(logits, shape, asker.fit)
        elif logits is not None:
            part = where[self.session.inside]
            part[:] = probability(logits, (part.shape[0], part.shape[1]), asker.fit)
        if presence is not None and sure is not None and presence >= sure and asker.peak is not None:
            where = given_present(where, asker.peak)
        highest = float(where.max())
        return Segmentation(
            probability=where,
            threshold=heard.threshold,
            text=heard.text,
            language=heard.language,
            presence=consistent(presence, highest, threshold=heard.threshold, presence_threshold=sure),
            presence_threshold=sure,
            negated=heard.settled == "negated",
            laterality=heard.laterality,
            spacing=self.session.spacing,
            doubts=(*heard.doubts_of(self.session.world, looked=logits is not None), *self.session.doubts),
            untold=() if logits is None else heard.untold_of(self.session.world),
            outside=self.outside,
            anyway=self.outside is not None and heard.anyway,
            model=asker.answerer,
            shown=self.session.shown,
        )


def questions(session: "Looked", sentences: Iterable[Sentence], options: Options = AS_IT_IS) -> list[Question]:
    """Sentences about an image, read but not asked yet: for :func:`segment_together`.

    Raises:
        TextError, ConfigError: as :func:`lexseg.predict.ask.ask`.
    """
    asked = [(sentence, options, session.sides) for sentence in sentences]
    heard = hear(session.segmenter, asked, [session.world] * len(asked))
    return [Question.about(session, each) for each in heard]


def segment_together(questions: Sequence[Question]) -> Iterator[Segmentation]:
    """Answer questions about any images, as many as possible with each run of the network.

    Where an image is several pictures, each is asked (:mod:`lexseg.predict.panels`).

    Args:
        questions: of one ``Segmenter``, their sessions all with or all without test-time augmentation.

    Yields:
        the answers, in the order of the questions; one at a time, as those of large images are large.
    """
    if not any(question.session.panels for question in questions):
        yield from _answers(questions)
        return
    from lexseg.predict.panels import joined

    each = [question.of_panels() for question in questions]
    answers = _answers([one for question, own in zip(questions, each, strict=True) for one in own or [question]])
    for question, own in zip(questions, each, strict=True):
        if own:
            yield joined(question.session, question.answer(None, None), {one.session: next(answers) for one in own})
        else:
            yield next(answers)


def _answers(questions: Sequence[Question]) -> Iterator[Segmentation]:
    looked_for = [q for q in questions if q.settled is None]
    sessions = list(dict.fromkeys(q.session for q in looked_for))
    answers: Iterator[tuple[tuple[int, str | None], NDArray[np.float32], float | None]] = iter(())
    if sessions:
        asker, tta = sessions[0].segmenter, sessions[0].tta
        rows = {session: row for row, session in enumerate(sessions)}
        asked = [(rows[q.session], q.heard.asked(q.session.world)) for q in looked_for]
        answers = asker.answers(asker.stacked([s.features for s in sessions], views=2 if tta else 1), asked, tta)
    for question in questions:
        if question.settled is None:
            _, logits, presence = next(answers)
            yield question.answer(logits, presence)
        else:
            yield question.answer(None, None)


def probability(logits: NDArray[np.float32], size: tuple[int, int], fit: Fit = "stretch") -> NDArray[np.float32]:
    """The mean probability of several views.

    Args:
        logits: float32[V, 1, h, w].
        size: (H, W) of the image.
        fit: how the image came to the network's input.

    Returns:
        float32[H, W] in 0..1.
    """
    mean = to_native(logits[0], size, fit)
    for view in logits[1:]:
        mean += to_native(view, size, fit)
    if len(logits) > 1:
        mean /= len(logits)
    return mean


def given_present(probability: NDArray[np.float32], peak: float) -> NDArray[np.float32]:
    """The probability of each pixel, once it is known that the target is there (OURS).

        logit p' = logit p + max(0, peak - logit max p)

    A network that is in doubt whether its target is there lowers the whole map with its doubt: of targets that are
    there and whose highest pixel has 0.6, a mask from 0.5 on has a Dice of 0.1, and one that reaches five logits down
    from the highest pixel of 0.7. Whether it is there, presence has decided; the map says where.

    Args:
        probability: float32[...], 0..1, of all that belongs to one question; it is not changed.
        peak: how far above one half the highest pixel lies at least, in logits; as far below it a mask may reach.

    Returns:
        the same where the highest pixel is as high, else a copy.
    """
    tiny = np.float32(1e-7)
    highest = min(max(float(probability.max()), 1e-7), 1 - 1e-7)
    lift = peak - math.log(highest / (1 - highest))
    if lift <= 0:
        return probability
    kept = probability.clip(tiny, 1 - tiny)
    odds = kept / (1 - kept) * np.float32(math.exp(lift))
    return np.asarray(odds / (1 + odds), np.float32)

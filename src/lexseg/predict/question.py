"""Sentences about images, read and put into the model's words, and answered together."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lexseg.errors import ConfigError
from lexseg.language.sides import Laterality
from lexseg.models.place import Fit
from lexseg.predict.answered import Outside, State, consistent
from lexseg.predict.images import to_native
from lexseg.predict.options import Options
from lexseg.predict.picture_sides import Sides, sides_of
from lexseg.predict.segmentation import Segmentation, given_present
from lexseg.predict.spoken import Spoken

if TYPE_CHECKING:
    from lexseg.models.scope import WordsScope
    from lexseg.predict.asker import Asker, Looked


@dataclass(frozen=True, slots=True)
class Denied:
    """What a report says is not there; the words alone need not say it: "... except the upper zone"."""

    text: str


Sentence = str | Denied | None
"""What can be asked; ``None`` is the null sentence."""
AS_IT_IS = Options()


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What is heard of a sentence, whatever the image shows.

    Attributes:
        text: the sentence as it was given; ``None`` is the null sentence.
        words: what of it is looked for, in the model's own convention.
        settled: the state, where the words alone decide it and nothing is looked for.
        known: where the words lie in what the model has learnt; ``None`` where its scope is unknown, or a report denies
            them.
        threshold: probability from which on a pixel is foreground, 0..1.
        laterality: whose left the sentence's "left" is; ``None`` where nobody says.
        anyway: whether it is looked for also where it is not in scope.
        doubts: why the answer may not be what the user expects; the sentence is not quoted.
        language: of ``text``, as ISO 639-1 code; ``None`` is English.
    """

    text: str | None
    words: str | None
    settled: State | None
    known: "WordsScope | None"
    threshold: float
    laterality: Laterality | None
    anyway: bool = False
    doubts: tuple[str, ...] = ()
    language: str | None = None

    @classmethod
    def of(cls, segmenter: "Asker", sentence: Sentence, options: Options, sides: Sides) -> "Heard":
        """Read a sentence: check it, find out whose sides it names, what it denies, and what is doubtful about it.

        Args:
            segmenter: what is to answer.
            sentence: that is asked.
            options: how it is asked.
            sides: of the image that it is about.

        Raises:
            TextError: if the sentence is blank or longer than the text encoder reads, or there is no lexicon of its
                language.
            ConfigError: for an impossible threshold or laterality.
        """
        threshold = segmenter.threshold if options.threshold is None else options.threshold
        if not 0 < threshold < 1:
            raise ConfigError(f"a threshold of {threshold:g}: it must lie between 0 and 1")
        if isinstance(sentence, Denied):
            whose, _ = sides_of(sides.patient_left, options.laterality)
            # most of what a report denies a model never learnt: to say so of each would tell the reader nothing
            return cls(
                sentence.text, None, "negated", None, threshold, whose or segmenter.laterality, options.anyway,
                language=options.language,
            )  # fmt: skip
        said = Spoken.of(
            sentence,
            reader=segmenter.text_encoder,
            own=segmenter.laterality,
            given=options.laterality,
            language=options.language,
            sides=sides,
            heard=segmenter.heard,
        )
        known = segmenter.known_words(said.judged)
        return cls(
            sentence, said.words, said.settled, known, threshold, said.laterality, options.anyway, said.doubts,
            options.language,
        )  # fmt: skip


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
        where = np.zeros(shape, np.float32) if logits is None else probability(logits, shape, asker.fit)
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
            doubts=heard.doubts,
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
    return [Question.about(session, Heard.of(session.segmenter, s, options, session.sides)) for s in sentences]


def segment_together(questions: Sequence[Question]) -> Iterator[Segmentation]:
    """Answer questions about any images, as many as possible with each run of the network.

    Args:
        questions: of one ``Segmenter``, their sessions all with or all without test-time augmentation.

    Yields:
        the answers, in the order of the questions; one at a time, as those of large images are large.
    """
    looked_for = [q for q in questions if q.settled is None]
    sessions = list(dict.fromkeys(q.session for q in looked_for))
    answers: Iterator[tuple[tuple[int, str | None], NDArray[np.float32], float | None]] = iter(())
    if sessions:
        asker, tta = sessions[0].segmenter, sessions[0].tta
        rows = {session: row for row, session in enumerate(sessions)}
        asked = [(rows[q.session], q.heard.words) for q in looked_for]
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

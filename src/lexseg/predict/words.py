"""What is heard of a sentence by its words alone, before any network runs. Imports neither numpy nor torch.

A model in a browser hears by this very module (:mod:`lexseg.export.in_browser`).
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lexseg.encoders.text.protocol import Reader
from lexseg.errors import ConfigError, TextError
from lexseg.language.contradiction import contradicts
from lexseg.language.denial import affirmed, denied
from lexseg.language.foreign import likely_language, looks_foreign, to_model_words
from lexseg.language.lexicon import languages, lexicon
from lexseg.language.sides import Laterality, convert_laterality, mentions_side
from lexseg.predict.answered import State
from lexseg.predict.options import Denied, Options, Sentence
from lexseg.predict.picture_sides import Sides, sides_of

if TYPE_CHECKING:
    from lexseg.models.worlds import WordsScope
    from lexseg.predict.asker import Asker

MOST_UNKNOWN = 0.2


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
        return hear(segmenter, [(sentence, options, sides)])[0]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence, read.

    Attributes:
        words: what of it is looked for, in the model's own convention.
        settled: the state, where the words alone decide it and nothing is looked for.
        judged: by which words it is to be told whether the model has learnt such; ``None`` is the null sentence.
        laterality: whose left the sentence's "left" is; ``None`` where nobody says.
        doubts: why the answer may not be what the user expects; the sentence is not quoted.
    """

    words: str | None
    settled: State | None
    judged: str | None
    laterality: Laterality | None
    doubts: tuple[str, ...]

    @classmethod
    def of(
        cls,
        sentence: str | None,
        *,
        reader: Reader | None,
        own: Laterality | None,
        given: Laterality | None,
        language: str | None,
        sides: Sides,
        heard: Callable[[str | None], tuple[str | None, State | None]],
    ) -> "Spoken":
        """Read a sentence: check it, find out whose sides it names, what it denies, and what is doubtful about it.

        Args:
            sentence: that is asked; ``None`` is the null sentence.
            reader: of the model's words; ``None`` for an image-only model.
            own: whose left "left" is in the words that the model was trained on; ``None`` if unknown.
            given: whose left it is in the sentence; ``None`` takes the patient's where the image knows its sides.
            language: of the sentence, as ISO 639-1 code; ``None`` is English.
            sides: of the image that it is about.
            heard: what of words is looked for, and the state where nothing is (:func:`looked_for`).

        Raises:
            TextError: if the sentence is blank or longer than the text encoder reads, or there is no lexicon of its
                language.
            ConfigError: for an impossible laterality.
        """
        whose, given = sides_of(sides.patient_left, given)
        said = to_model_words(sentence, language) if sentence and language else None
        text = sentence if said is None else said.text
        check_sentence(text, reader)
        asked = model_words(text, reader, given=given, own=own)
        words, settled = heard(asked)
        judged = asked if settled == "not found" else words or (asked and denied(asked))
        doubts = [] if said is None or reader is None else said.doubts
        # an unknown word stays foreign in the translation, and is told already
        doubts += doubts_about(text, reader, given=given, own=own, foreign=not doubts)
        told = tuple(dict.fromkeys([*doubts, *sides.doubts(whose, text)]))
        return cls(words, settled, judged, whose or own, told)


def hear(segmenter: "Asker", asked: Sequence[tuple[Sentence, Options, Sides]]) -> list[Heard]:
    """Read sentences as :meth:`Heard.of`, all of them in as few runs of the text encoder as can be.

    Args:
        segmenter: what is to answer.
        asked: each sentence, how it is asked, and the sides of the image that it is about.

    Raises:
        TextError, ConfigError: as :meth:`Heard.of`, of the first that cannot be used.
    """
    said = [_spoken(segmenter, *each) for each in asked]
    segmenter.read_ahead([each.judged for each in said if each is not None])
    return [_heard(segmenter, *each, spoken) for each, spoken in zip(asked, said, strict=True)]


def _threshold(segmenter: "Asker", options: Options) -> float:
    return segmenter.threshold if options.threshold is None else options.threshold


def _spoken(segmenter: "Asker", sentence: Sentence, options: Options, sides: Sides) -> Spoken | None:
    """A sentence, read; ``None`` for one that a report denies."""
    threshold = _threshold(segmenter, options)
    if not 0 < threshold < 1:
        raise ConfigError(f"a threshold of {threshold:g}: it must lie between 0 and 1")
    if isinstance(sentence, Denied):
        return None
    return Spoken.of(
        sentence,
        reader=segmenter.text_encoder,
        own=segmenter.laterality,
        given=options.laterality,
        language=options.language,
        sides=sides,
        heard=segmenter.heard,
    )


def _heard(segmenter: "Asker", sentence: Sentence, options: Options, sides: Sides, said: Spoken | None) -> Heard:
    threshold = _threshold(segmenter, options)
    if said is None:
        assert isinstance(sentence, Denied)
        whose, _ = sides_of(sides.patient_left, options.laterality)
        # most of what a report denies a model never learnt: to say so of each would tell the reader nothing
        return Heard(
            sentence.text, None, "negated", None, threshold, whose or segmenter.laterality, options.anyway,
            language=options.language,
        )  # fmt: skip
    assert not isinstance(sentence, Denied)
    known = segmenter.known_words(said.judged)
    return Heard(
        sentence, said.words, said.settled, known, threshold, said.laterality, options.anyway, said.doubts,
        options.language,
    )  # fmt: skip


def looked_for(text: str | None) -> tuple[str | None, State | None]:
    """What of a sentence is looked for, and the state where nothing is: it contradicts itself, or denies all."""
    if not text:
        return text, None
    if contradicts(text):
        return None, "not found"
    words = affirmed(text)
    return words, "negated" if words is None else None


def check_sentence(text: str | None, encoder: Reader | None) -> None:
    """Refuse a sentence that cannot be used.

    Args:
        text: the sentence; ``None`` is the null sentence, and always good.
        encoder: the text encoder that is to read it; ``None`` for an image-only model.

    Raises:
        TextError: if it is blank, is no text, or is longer than the encoder reads.
    """
    if text is None:
        return
    if not isinstance(text, str):
        raise TextError(f"a sentence is text, and this is {type(text).__name__}; ask about several one after another")
    if not text.strip():
        raise TextError("the sentence is blank; write what to find, or leave the sentence out to ask without one")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TextError("the sentence holds bytes that are no text; write it in UTF-8") from error
    if encoder is not None:
        encoder.check(text)


def model_words(
    text: str | None, encoder: Reader | None, *, given: Laterality | None, own: Laterality | None
) -> str | None:
    """The words that the model is asked with.

    Args:
        text: the sentence, of which :func:`check_sentence` has nothing to say; ``None`` is the null sentence.
        encoder: the model's text encoder; ``None`` for an image-only model.
        given: whose left the sentence's "left" is; ``None`` takes the model's own convention.
        own: the model's own convention; ``None`` if unknown.
    """
    if text is None or encoder is None:
        return None
    return text if given is None or own is None or given == own else convert_laterality(text, given, own)


def doubts_about(
    text: str | None,
    encoder: Reader | None,
    *,
    given: Laterality | None,
    own: Laterality | None,
    foreign: bool = True,
) -> list[str]:
    """Why the answer may not be what the user expects, though the sentence can be used; it is not quoted.

    Args are those of :func:`model_words`; ``foreign``: whether to tell that it does not look English.
    """
    if text is None:
        return []
    if encoder is None:
        return ["this model looks at the image alone: the sentence changes nothing"]
    doubts = []
    if (unknown := encoder.unknown_share(text)) > MOST_UNKNOWN:
        doubts.append(
            f"{unknown:.0%} of the sentence's tokens are unknown to the text encoder: the answer may ignore them"
        )
    if foreign and looks_foreign(text):
        doubts.append(
            "the sentence does not look English: what it denies, and its left and right, are read by rules for English"
        )
        if (language := likely_language(text)) in languages():
            doubts[-1] += f"; if it is {lexicon(language).name}, say so: language {language!r}"
    if given is not None and own is None and mentions_side(text):
        doubts.append("the model does not say whose left its words mean: the sentence is used as it stands")
    return doubts


def __getattr__(name: str) -> Any:
    if name != "WordsWarning":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    message = "lexseg.predict.words.WordsWarning is raised no more: doubts are in `Segmentation.doubts`"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return type(name, (UserWarning,), {"__doc__": "Not raised any more: see `Segmentation.doubts`."})

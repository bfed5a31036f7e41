"""What is heard of a sentence by its words alone, before any network runs. Imports neither numpy nor torch.

A model in a browser hears by this very module (:mod:`lexseg.export.in_browser`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from lexseg.encoders.text.protocol import Reader
from lexseg.language.contradiction import contradicts
from lexseg.language.denial import affirmed, denied
from lexseg.language.sides import Laterality
from lexseg.language.translate import to_model_words
from lexseg.predict.answered import State
from lexseg.predict.picture_sides import Sides, sides_of
from lexseg.predict.words import check_sentence, doubts_about, model_words


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
        said = to_model_words(sentence, language) if sentence else None
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


def looked_for(text: str | None) -> tuple[str | None, State | None]:
    """What of a sentence is looked for, and the state where nothing is: it contradicts itself, or denies all."""
    if not text:
        return text, None
    if contradicts(text):
        return None, "not found"
    words = affirmed(text)
    return words, "negated" if words is None else None

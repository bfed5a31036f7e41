"""A user's sentence, checked and put into the words that a model knows."""

import warnings
from typing import Any

from lexseg.encoders.text.protocol import Reader
from lexseg.errors import TextError
from lexseg.language.foreign import likely_language, looks_foreign
from lexseg.language.lexicon import languages, lexicon
from lexseg.language.sides import Laterality, convert_laterality, mentions_side

MOST_UNKNOWN = 0.2


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

"""Cases in the language of the models."""

from collections.abc import Iterable
from dataclasses import replace

from lexseg.cases.case import Case
from lexseg.errors import DataError, TextError
from lexseg.language.foreign import MODELS, to_model_words


def in_model_words(cases: Iterable[Case]) -> list[Case]:
    """The cases with their sentences in the language of the models, where they say that they are in another.

    A case with ``language`` ``de`` is read with the German lexicon and said anew in English; one that names no language
    stays as it is.

    Raises:
        DataError: there is no lexicon of a language; with the rows.
    """
    found, problems = [], []
    for case in cases:
        if not case.language or case.language.lower() == MODELS:
            found.append(case)
            continue
        try:
            texts = tuple(to_model_words(text, case.language).text if text else text for text in case.texts)
            found.append(replace(case, texts=texts, language=MODELS))
        except TextError as error:
            problems.append(f"{case.where}: {error}")
    if problems:
        raise DataError("\n".join(problems))
    return found

"""Cases in another language than the models'."""

from dataclasses import replace
from pathlib import Path

import pytest

from lexseg.cases.case import Case
from lexseg.cases.languages import in_model_words
from lexseg.errors import DataError
from lexseg.evaluation.cases import select_cases

CASE = Case(id="1", image=Path("1.png"), texts=("Infiltrat im linken Unterlappen", ""), split="test")


def test_a_case_is_read_in_its_language() -> None:
    german, english, silent = in_model_words(
        [replace(CASE, language="de"), replace(CASE, language="en"), replace(CASE, language=None)]
    )
    assert german.texts == ("infiltrate in the left lower zone", "") and german.language == "en"
    assert english.texts == silent.texts == CASE.texts


def test_what_is_evaluated_is_asked_in_the_models_words() -> None:
    (case,) = select_cases([replace(CASE, language="de")])
    assert case.text == "infiltrate in the left lower zone"


def test_a_language_without_a_lexicon_is_told_with_its_row() -> None:
    cases = [replace(CASE, language="de"), replace(CASE, id="2", language="tlh")]
    with pytest.raises(DataError, match=r"'tlh': there is no lexicon") as told:
        in_model_words(cases)
    assert str(told.value).startswith(cases[1].where)

"""Sentences in other languages, said in the models' words."""

import json
from pathlib import Path

import pytest

from lexseg.language import languages, lexicon, read
from lexseg.language.denial import affirmed
from lexseg.language.foreign import to_model_words
from lexseg.language.sides import mirror_words, places

SAME = json.loads(Path(__file__).with_name("said.json").read_text(encoding="utf-8"))
PAIRS = [(language, text, english) for english, said in SAME.items() for language, text in said.items()]


@pytest.mark.parametrize(("language", "text", "english"), PAIRS)
def test_a_sentence_is_said_in_the_models_words(language: str, text: str, english: str) -> None:
    said = to_model_words(text, language)
    assert (said.text, said.unknown, said.doubts) == (english, (), [])
    rest = affirmed(text, lexicon(language))
    assert (rest is None) == (affirmed(english) is None)
    if rest is not None:  # what is left of it is at the same places
        assert places(rest, lexicon(language)) >= places(affirmed(english) or "")


@pytest.mark.parametrize(("language", "text", "english"), PAIRS)
def test_left_and_right_are_alike(language: str, text: str, english: str) -> None:
    mirrored = mirror_words(text, "horizontal", lexicon(language))
    assert to_model_words(mirrored, language).text == mirror_words(english, "horizontal")
    if language != "fr":  # "gauche" is masculine and feminine, "droit" is not
        assert mirror_words(mirrored, "horizontal", lexicon(language)) == text


def test_unknown_words_are_said_and_kept() -> None:
    said = to_model_words("Aktinomykose im linken Oberlappen", "de")
    assert said.text == "Aktinomykose in the left upper zone" and said.unknown == ("Aktinomykose",)
    assert said.doubts == ["1 word of the sentence is not in the lexicon of its language"]


@pytest.mark.parametrize(("language", "text"), [
    ("de", "Linker Pleuraerguss in der rechten Lunge"), ("es", "Derrame pleural izquierdo en el pulmón derecho"),
    ("fr", "Épanchement pleural gauche dans le poumon droit"),
])  # fmt: skip
def test_a_contradiction_stays_one(language: str, text: str) -> None:
    assert read(text, lexicon(language)).contradictory
    said = to_model_words(text, language).text
    assert said == "left pleural effusion in the right lung" and read(said).contradictory


def test_english_stays_as_it_stands() -> None:
    for language in (None, "en", "EN", "en-GB"):
        assert to_model_words("any WORDS, at the left", language).text == "any WORDS, at the left"


@pytest.mark.parametrize("language", [language for language in languages() if language != "en"])
def test_a_language_is_one_file_of_words(language: str) -> None:
    words = lexicon(language)
    assert words.concepts is lexicon("en") and words.findings and words.organs
    assert to_model_words("", language).text == ""


@pytest.mark.parametrize(("language", "text", "english"), [
    ("de", "Pneumothorax besteht nicht", "no pneumothorax"),
    ("de", "Ein Erguss liegt derzeit nicht vor", "no effusion"),
    ("de", "nicht mehr nachweisbarer Erguss", "no effusion"),
    ("de", "keine Raumforderung außer in der linken Brust", "no mass, mass in the left breast"),
    ("de", "kein Herd links außer im Oberlappen", "no focus on the left, focus in the left upper zone"),
    ("de", "nicht ein Herd, sondern eine Zyste", "no focus; cyst"),
    ("de", "V. a. Karzinom der linken Brust", "possible cancer in the left breast"),
    ("de", "Z. n. Pneumonie", "pneumonia"),
    ("es", "ni derrame ni neumotórax", "no effusion or pneumothorax"),
    ("fr", "on ne voit pas de nodule", "no nodule"),
    ("fr", "on n'observe pas de nodule à gauche", "no nodule on the left"),
    ("zh", "心影不大", "no large heart finding"),
    ("zh", "病灶变化不大", None),
    ("zh", "排除气胸", "no pneumothorax"),
])  # fmt: skip
def test_what_is_denied_in_other_words(language: str, text: str, english: str | None) -> None:
    said = to_model_words(text, language)
    if english is None:  # said of change, and not of what is there
        assert affirmed(text, lexicon(language)) == text
    else:
        assert said.text == english and said.unknown == ()


def test_umlauts_are_read_as_a_keyboard_without_them_writes_them() -> None:
    plain = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
    own = [(text, english) for language, text, english in PAIRS if language == "de" and text != text.translate(plain)]
    own += [("das Herz ist nicht vergrößert", "no enlargement of the heart")]
    assert len(own) > 3
    assert [to_model_words(text.translate(plain), "de").text for text, _ in own] == [english for _, english in own]


@pytest.mark.parametrize(("language", "text"), [
    ("de", "Kein Erguss, aber Pneumothorax"), ("es", "No hay derrame, pero neumotórax"),
    ("fr", "Pas d'épanchement, mais un pneumothorax"), ("zh", "无积液但有气胸"),
])  # fmt: skip
def test_what_follows_a_denial_is_not_denied_by_it(language: str, text: str) -> None:
    assert affirmed(to_model_words(text, language).text) == "pneumothorax"

"""Sentences in other languages, said in the models' words."""

import pytest

from lexseg.language import languages, lexicon, read
from lexseg.language.denial import affirmed
from lexseg.language.places import places
from lexseg.language.sides import mirror_words
from lexseg.language.translate import to_model_words

SAME = {
    "infiltrate in the left lower zone": {"de": "Infiltrat im linken Unterlappen"},
    "no effusion, infiltrate in the left lower zone": {"de": "Kein Erguss, Infiltrat im linken Unterlappen"},
    "emphysema, no effusion": {"de": "Emphysem ohne Erguss"},
    "no pneumothorax, emphysema in the right lung": {"de": "Kein Pneumothorax, Emphysem rechts"},
    "no enlargement of the heart": {"de": "Das Herz ist nicht vergrößert."},
    "opacity in both lower zones": {"de": "Beidseitige Verschattungen in den Unterfeldern"},
    "no finding in the left lung, opacity in the right lower zone": {
        "de": "Linke Lunge frei, rechts basal Verschattung"
    },
    "possible pneumonia": {"de": "Pneumonie nicht auszuschließen"},
    "cyst in the left breast": {"de": "Zyste in der linken Mamma"},
    "mass in the right breast, no calcification": {"de": "Raumforderung in der rechten Mamma, keine Verkalkungen"},
    "small round mass in the upper outer part of the left breast": {
        "de": "kleine runde Raumforderung im oberen äußeren Quadranten der linken Brust"
    },
    "two nodules in the right upper zone": {"de": "Zwei Rundherde im rechten Oberlappen"},
    "consolidation in the left lower zone, no effusion or pneumothorax": {
        "de": "Linksbasale Konsolidierung, weder Erguss noch Pneumothorax"
    },
}
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
    assert mirror_words(mirrored, "horizontal", lexicon(language)) == text


def test_unknown_words_are_said_and_kept() -> None:
    said = to_model_words("Aktinomykose im linken Oberlappen", "de")
    assert said.text == "Aktinomykose in the left upper zone" and said.unknown == ("Aktinomykose",)
    assert said.doubts == ["1 word of the sentence is not in the lexicon of its language"]


def test_a_contradiction_stays_one() -> None:
    assert read("Linker Pleuraerguss in der rechten Lunge", lexicon("de")).contradictory
    said = to_model_words("Linker Pleuraerguss in der rechten Lunge", "de").text
    assert said == "left pleural effusion in the right lung" and read(said).contradictory


def test_english_stays_as_it_stands() -> None:
    for language in (None, "en", "EN", "en-GB"):
        assert to_model_words("any WORDS, at the left", language).text == "any WORDS, at the left"


@pytest.mark.parametrize("language", [language for language in languages() if language != "en"])
def test_a_language_is_one_file_of_words(language: str) -> None:
    words = lexicon(language)
    assert words.concepts is lexicon("en") and words.findings and words.organs
    assert to_model_words("", language).text == ""

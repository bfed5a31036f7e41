"""What leaves a place out denies no finding: the rest is asked, and what cannot be followed is told."""

import pytest

from lexseg.language.asking import looked_for
from lexseg.language.denial import left_out
from lexseg.language.foreign import to_model_words
from lexseg.language.lexicon import lexicon

EXCLUDED = {
    "not the left side, only the right": "only the right",
    "not left, right": "right",
    "not on the left, only on the right": "on the right",
    "not the smaller polyp, only the larger one": "only the larger one",
    "the left lung without the lower zone": "the left lung",
    "the left breast, without the upper part": "the left breast",
    "without the lower zone, the left lung": "the left lung",
    "left lung sparing the lower zone": "left lung",
    "everything but the left lung": "everything",
    "infection outside the left lung": "infection",
    "opacity outside of the right lower zone": "opacity",
    "no effusion, only atelectasis": "atelectasis",
}
FOREIGN = {
    "de": {
        "nicht die linke Seite, nur die rechte": "on the right",
        "die linke Lunge ohne das Unterfeld": "in the left lung",
    },
    "es": {
        "no el lado izquierdo, solo el derecho": "on the right",
        "el pulmón izquierdo sin la zona inferior": "in the left lung",
    },
    "fr": {
        "pas le côté gauche, seulement le droit": "on the right",
        "le poumon gauche sans la zone inférieure": "in the left lung",
    },
    "zh": {"不是左侧,只要右侧": "on the right", "左肺,不包括下野": "in the left lung"},
}
DENIALS = [
    "the left lung without infection",
    "right lung without pleural effusion",
    "left lung without opacity in the lower zone",
    "lungs without consolidation, effusion or mass",
    "no infection in the left lung, right lung or pleura",
    "heart without enlargement",
]


@pytest.mark.parametrize("text, asked", EXCLUDED.items())
def test_the_rest_is_asked(text: str, asked: str) -> None:
    words, settled = looked_for(text)
    assert settled is None and words is not None and words.endswith(asked)


@pytest.mark.parametrize("language, text, asked", [(code, *each) for code in FOREIGN for each in FOREIGN[code].items()])
def test_so_it_is_in_other_languages(language: str, text: str, asked: str) -> None:
    words, settled = looked_for(to_model_words(text, language).text)
    assert settled is None and words is not None and words.endswith(asked)


@pytest.mark.parametrize("text", DENIALS)
def test_what_denies_a_finding_still_does(text: str) -> None:
    assert looked_for(text) == (None, "negated") and not left_out(text)


@pytest.mark.parametrize(
    "text",
    [
        "the left lung without the lower zone",
        "opacity, not on the left",
        "opacity in the left lung except in the lower zone",
        "everything but the left lung",
        "not the left side",
        "without the left lung",
    ],
)
def test_what_a_model_may_find_all_the_same_is_told(text: str) -> None:
    assert left_out(text)


@pytest.mark.parametrize(
    "text",
    [
        "only the right, not the left",
        "not the left side, only the right",
        "opacity on the left, none on the right",
        "no infection on the left; opacity in the right lower zone",
        "opacity in the right lower zone. Right upper zone is clear",
        "opacity. The left lung is clear",
        "no infection in the left lung",
        "the tumour without the edema",
        "opacity",
    ],
)
def test_what_it_cannot_find_there_is_not(text: str) -> None:
    assert not left_out(text)


def test_what_is_left_out_is_told_in_other_languages() -> None:
    for language, texts in FOREIGN.items():
        alone, part = texts
        assert not left_out(alone, lexicon(language)) and left_out(part, lexicon(language)), language

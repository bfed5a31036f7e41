import numpy as np
import pytest

from lexseg.language.lexicon import lexicon
from lexseg.language.sides import mirror_words, places
from lexseg.language.strange_words import estrange

SENTENCES = (
    "Segment the opacity in the left lower zone.",
    "bilateral pulmonary infection, two infected areas, upper left lung and all right lung.",
    "Is there consolidation in the RUL?",
    "No pneumonia on the left; hazy opacities on the right.",
)


@pytest.mark.parametrize("text", SENTENCES)
def test_places_stay_and_names_go(text):
    said = {estrange(text, np.random.default_rng(seed), share=1.0) for seed in range(30)}
    assert len(said) > 20
    for other in said:
        assert other != text
        assert places(other) == places(text)
        assert mirror_words(mirror_words(other, "horizontal"), "horizontal") == other


def test_the_same_chance_gives_the_same_words_and_no_share_gives_none():
    one, two = (estrange(SENTENCES[0], np.random.default_rng(5)) for _ in range(2))
    assert one == two
    assert all(estrange(text, np.random.default_rng(1), share=0.0) == text for text in SENTENCES)


def test_strange_words_name_no_place():
    for word in lexicon().rows("strange.words"):
        assert not places(word)
        assert mirror_words(word, "horizontal") == mirror_words(word, "vertical") == word

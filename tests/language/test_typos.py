import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexseg.language import side_words
from lexseg.language.sides import mirror_words
from lexseg.language.typos import misspell

PLACES = sorted(
    {
        word
        for pairs in (
            side_words.LEFT_RIGHT,
            side_words.UP_DOWN,
            side_words.LEFT_RIGHT_SHORT,
            side_words.UP_DOWN_SHORT,
        )
        for pair in pairs.items()
        for word in pair
    }
)
SENTENCE = "bilateral pulmonary infection, two infected areas, all left lung and lower right lung."


def distance(a: str, b: str) -> int:
    """Edits between two words, a swap of neighbours counting one."""
    d = {(i, 0): i for i in range(len(a) + 1)} | {(0, j): j for j in range(len(b) + 1)}
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            d[i, j] = min(d[i - 1, j] + 1, d[i, j - 1] + 1, d[i - 1, j - 1] + (a[i - 1] != b[j - 1]))
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                d[i, j] = min(d[i, j], d[i - 2, j - 2] + 1)
    return d[len(a), len(b)]


def test_one_or_two_words_change_by_one_edit_each() -> None:
    changed = []
    for seed in range(300):
        wrong = misspell(SENTENCE, np.random.default_rng(seed))
        pairs = [(a, b) for a, b in zip(SENTENCE.split(), wrong.split(), strict=True) if a != b]
        assert 1 <= len(pairs) <= 2
        for a, b in pairs:
            assert distance(a, b) == 1 and a[0] == b[0] and len(re.sub(r"\W", "", a)) > 3
        changed.append(len(pairs))
    assert 0.2 < np.mean(np.array(changed) == 2) < 0.47  # a third


def test_every_kind_of_mistake_is_made() -> None:
    wrong = {misspell("effusion", np.random.default_rng(seed)) for seed in range(500)}
    assert {"effsuion", "effsion", "effussion", "effuaion"} <= wrong
    assert "fefusion" not in wrong and "effusion" not in wrong


@pytest.mark.parametrize("word", PLACES)
def test_no_side_or_height_becomes_another(word: str) -> None:
    others = {p.lower() for p in PLACES}
    for seed in range(200):
        wrong = misspell(word, np.random.default_rng(seed))
        assert wrong == word or wrong.lower() not in others
        assert wrong != mirror_words(word, "horizontal") or wrong == word


@pytest.mark.parametrize("text", ["", "RUL", "no mass", "L / R 5 mm", "肺 🙂"])
def test_short_words_stay(text: str) -> None:
    for seed in range(20):
        assert misspell(text, np.random.default_rng(seed)).split()[:1] == text.split()[:1]
        if not re.search(r"[a-z]{4}", text):
            assert misspell(text, np.random.default_rng(seed)) == text


def test_capitals_stay_capitals() -> None:
    for seed in range(50):
        assert misspell("OPACITY", np.random.default_rng(seed)).isupper()


@settings(deadline=None)  # words are slow the first time
@given(st.text(), st.integers(0, 1000))
def test_any_text_is_taken_and_equal_generators_make_equal_mistakes(text: str, seed: int) -> None:
    assert misspell(text, np.random.default_rng(seed)) == misspell(text, np.random.default_rng(seed))

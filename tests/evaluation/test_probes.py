"""The sentences that the probes ask."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexseg.cases.manifest import read_manifest
from lexseg.evaluation.probes import IRRELEVANT, PROBES, ask, other_sentences, sentence_of
from lexseg.evaluation.summary import _catastrophic
from lexseg.language.same_meaning import same_meaning
from lexseg.language.sides import mirror_words

TEXTS = st.lists(
    st.sampled_from(["left lung", "right lung", "Left  lung", "both lungs", "none"]), min_size=2, max_size=30
)


@given(TEXTS, st.integers(0, 5))
def test_every_case_gets_a_sentence_of_another_meaning(texts, seed):
    if len({" ".join(t.split()).casefold() for t in texts}) < 2:
        with pytest.raises(ValueError, match="only one"):
            other_sentences(texts, seed=seed)
        return
    others, how = other_sentences(texts, seed=seed)
    assert len(others) == len(texts)
    assert not any(same_meaning(a, b) for a, b in zip(texts, others, strict=True))
    assert set(others) <= set(texts)
    if how == "sentences of the cases permuted":
        assert Counter(others) == Counter(texts)
    assert other_sentences(texts, seed=seed) == (others, how)


def test_shuffling_keeps_how_often_each_sentence_is_heard():
    texts = ["a"] * 50 + ["b"] * 30 + ["c"] * 20
    others, how = other_sentences(texts)
    assert how == "sentences of the cases permuted"
    assert Counter(others) == Counter(texts)


def test_a_sentence_of_more_than_half_the_cases():
    texts = ["a"] * 7 + ["b", "c"]
    others, how = other_sentences(texts)
    assert how == "distinct sentences permuted"
    assert len(set(others[:7])) == 1 and others[0] in ("b", "c")


def test_seeds_differ():
    texts = [f"sentence {i}" for i in range(40)]
    assert other_sentences(texts, seed=1) != other_sentences(texts, seed=2)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("all left lung and all right lung.", "all right lung and all left lung.", True),
        ("two areas, upper left lung and lower right lung", "two areas, upper right lung and lower left lung", False),
        ("Left lung", "left  lung.", True),
        ("opacity in the left and right lung", "Opacity in the right and left lung", True),
        ("opacity in the left and right lung", "opacity in the left lung", False),
        ("left lung", None, False),
        (None, None, True),
    ],
)
def test_the_order_of_phrases_does_not_matter(one, other, same):
    assert same_meaning(one, other) is same


def test_probes():
    given = ("opacity in the left lung", "left lung and right lung", None, "clear")
    questions = ask(given)
    assert list(questions.probes) == list(PROBES)
    assert questions.probes["none"] == (None,) * 4
    assert questions.probes["swapped"] == ("opacity in the right lung", "right lung and left lung", None, "clear")
    assert questions.changed("swapped").tolist() == [True, False, False, False]
    assert questions.changed("none").tolist() == [True, True, False, True]
    assert questions.changed("shuffled").tolist() == [True, True, False, True]
    assert questions.of(0) == {"given": given[0]} | {name: questions.probes[name][0] for name in PROBES}


def test_one_distinct_sentence_cannot_be_shuffled():
    questions = ask(["a polyp", "A polyp.", None])
    assert list(questions.probes) == ["none", "swapped", "irrelevant"]
    assert questions.missing == {"shuffled": "there is only one distinct sentence"}


def test_no_sentences_no_probes():
    questions = ask([None, None])
    assert not questions.probes and set(questions.missing) == set(PROBES)


def test_words_are_asked_in_the_models_laterality(cases):
    case = cases[0]
    assert sentence_of(case, "image") == case.text
    assert sentence_of(case, "patient") == mirror_words(case.text, "horizontal") != case.text
    assert sentence_of(replace(case, laterality=None), "patient") == case.text
    assert sentence_of(case, None) == case.text
    assert sentence_of(replace(case, texts=("  ",)), "image") is None


def test_half_of_the_qata_sentences_read_the_same_after_a_swap(data_root):
    """As data/README.md says; the rest is what `changed_only` compares."""
    texts = [case.text for case in read_manifest(data_root / "qata_covid19" / "cases.csv")]
    questions = ask(texts)
    assert questions.changed("swapped").mean() == pytest.approx(0.48, abs=0.005)
    assert questions.changed("shuffled").all()


def test_the_irrelevant_sentence_is_about_nothing_in_the_image_and_the_same_at_every_run():
    texts = ("left lung", "right lung", None) * 30
    one, again = ask(texts, seed=3), ask(texts, seed=3)
    said = one.probes["irrelevant"]
    assert said == again.probes["irrelevant"] != ask(texts, seed=4).probes["irrelevant"]
    assert all((text is None) == (given is None) for text, given in zip(said, texts, strict=True))
    assert set(said) - {None} == set(IRRELEVANT)
    assert one.changed("irrelevant")[:2].all() and not one.changed("irrelevant")[2]


def test_catastrophic_counts_only_what_was_answered():
    assert _catastrophic([0.9, 0.5, 0.49, 0.8], [0.0, 0.099, 0.0, 0.1]) == pytest.approx(2 / 3)
    assert _catastrophic([0.3], [0.0]) is None

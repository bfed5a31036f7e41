import csv
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexseg.language import synonyms
from lexseg.language.paraphrase import paraphrase
from lexseg.language.sides import mirror_words, places

QATA = "bilateral pulmonary infection, two infected areas, all left lung and middle lower right lung."


def reworded(text: str, n: int = 300) -> list[str]:
    return [paraphrase(text, np.random.default_rng(seed)) for seed in range(n)]


def test_a_template_gets_many_true_rewordings() -> None:
    said = reworded(QATA, 1000)
    assert len(set(said)) > 700
    wanted = {("left", ""), ("right", "middle"), ("right", "lower")}
    assert all(places(s) == wanted for s in said)
    assert sum(s == QATA for s in said) < 50  # the guard against other places seldom has to refuse


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("unilateral pulmonary infection, one infected area, lower left lung.", ["LLL", "LLZ", "left lower zone"]),
        ("unilateral pulmonary infection, one infected area, middle right lung.", ["RMZ", "mid", "middle zone"]),
        ("bilateral pulmonary infection, two infected areas, lower left lung and lower right lung.",
         ["both bases", "both lower zones", "RLZ", "left lower lobe"]),
        ("bilateral pulmonary infection, two infected areas, all left lung and all right lung.",
         ["both lungs", "whole left lung"]),
        (QATA, ["consolidation", "infiltrate", "airspace disease", "opacit", "segment", "outline", "2 "]),
        ("opacity in the lower left lung", ["LLZ", "left lower zone", "infiltrate", "segment"]),
        ("One malignant tumor at the left in the breast ultrasound image.", ["mass", "lesion", "tumour", "sonogram"]),
        ("Ground-glass opacity on axial chest CT.", ["GGO", "opacification", "transverse"]),
        ("One large polyp, located in left of the image.", ["polypoid", "big", "on the left side of the image"]),
    ],
)  # fmt: skip
def test_the_words_of_the_trade_are_used(text: str, wanted: list[str]) -> None:
    said = "\n".join(reworded(text, 1500))
    assert [word for word in wanted if word not in said] == []


def test_what_a_film_calls_one_stays_two_on_ct() -> None:
    for text in reworded("Ground-glass opacity on axial chest CT."):
        assert re.search(r"ground|ggo", text, re.I) and not re.search(r"consolid|infect|infiltr|pneumo", text, re.I)
    for text in reworded("Pulmonary consolidation on axial chest CT."):
        assert re.search(r"consolidation", text, re.I) and not re.search(r"ground|ggo|opaci|infect|infiltr", text, re.I)


def test_one_area_stays_one_and_numbers_stay() -> None:
    for text in reworded("unilateral pulmonary infection, one infected area, lower left lung."):
        assert not re.search(r"\b(?:two|2|areas|opacities|infiltrates|bilateral|both)\b", text, re.I), text
    for text in reworded(QATA):
        assert not re.search(r"\b(?:one|1|three|3|unilateral)\b", text, re.I), text


@pytest.mark.parametrize("text", ["No tumor in the breast ultrasound image.", "no opacity in the left lung"])
def test_a_negated_sentence_stays_negated_and_is_no_order(text: str) -> None:
    for said in reworded(text):
        assert said.lower().startswith("no "), said


@pytest.mark.parametrize("text", [QATA, "opacity in the left lung", "One small polyp, located in right of the image."])
def test_equal_generators_give_equal_words(text: str) -> None:
    assert reworded(text, 50) == reworded(text, 50)


_WORDS = """opacity|the lesion|in the|left lung|lower right lung|both lungs|RUL|and|no|left over|upper|polyp|breast
an infiltrate|CT|mid|of the image|top left|zone|,|lt. base"""
PARTS = st.sampled_from(re.split(r"[|\n]", _WORDS))


@settings(deadline=None)  # words are slow the first time
@given(st.lists(PARTS, max_size=8).map(" ".join), st.integers(0, 50))
def test_places_never_change(text: str, seed: int) -> None:
    said = paraphrase(text, np.random.default_rng(seed))
    assert places(said) == places(text)
    assert bool(said.strip()) == bool(text.strip())


@settings(deadline=None)  # words are slow the first time
@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    paraphrase(text, np.random.default_rng(0))


def test_no_group_of_synonyms_names_a_side_that_others_of_it_do_not() -> None:
    for name in ("FILM_WORDS", "CT_WORDS", "BREAST_WORDS", "POLYP_WORDS", "COMMON_WORDS"):
        for group in getattr(synonyms, name):
            assert len({places(word) for word in group}) == 1, group


def _published(data_root: Path) -> list[str]:
    texts: set[str] = set()
    for folder, columns in (
        ("qata_covid19", ["text", "text_sgseg"]),
        ("polyp_kvasir", ["text", "text_long"]),
        ("breast_us_birads", ["text"]),
        ("busi_subset", ["text", "text_short"]),
        ("covid_ct", ["text"]),
    ):
        with open(data_root / folder / "cases.csv", newline="", encoding="utf-8-sig") as file:
            texts |= {row[column] for row in csv.DictReader(file) for column in columns}
    return sorted(texts - {""})


@pytest.mark.data
def test_published_sentences_keep_their_places_and_mirror_with_their_rewordings(data_root: Path) -> None:
    texts = _published(data_root)
    assert len(texts) > 700
    changed = 0
    for text in texts:
        mirrored = mirror_words(text, "horizontal")
        for seed in range(4):
            said = paraphrase(text, np.random.default_rng(seed))
            assert places(said) == places(text), text
            assert mirror_words(said, "horizontal") == paraphrase(mirrored, np.random.default_rng(seed)), text
            changed += said != text
    assert changed > 0.7 * 4 * len(texts)

import csv
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexseg.language.denial import affirmed, clauses, denied
from lexseg.language.sides import mirror_words

ALL_NEGATED = [
    "no infection",
    "No infection on the left.",
    "No tumor in the breast ultrasound image.",
    "no consolidation, effusion or pneumothorax",
    "No focal consolidation, pleural effusion, or pneumothorax is seen.",
    "No left effusion, right pneumothorax or mediastinal shift",
    "no effusion and no opacity",
    "the left lung is clear",
    "Normal heart size and mediastinum with no effusion",
    "Clear right lung and pleura",
    "opacity not seen on this study",
    "Clear lungs.",
    "lungs clear",
    "Lungs: clear",
    "both lungs are clear",
    "left lung, clear",
    "clear both sides",
    "The right lung remains clear",
    "the left lung shows no opacity",
    "In the left lung there is no consolidation.",
    "There is no evidence of pneumonia in the right lower zone",
    "I see no infiltrate",
    "without infection",
    "The lungs are free of infection.",
    "left lung free of disease",
    "negative for pneumonia",
    "negative chest",
    "pneumonia ruled out",
    "Pneumonia has been ruled out.",
    "effusion excluded",
    "The heart is unremarkable",
    "unremarkable mediastinum",
    "Heart size is normal.",
    "normal lungs",
    "heart and mediastinum within normal limits",
    "the opacity in the left lower zone has resolved",
    "Resolved opacity in the left lower zone",
    "Previous infiltrate is no longer seen",
    "no longer any infection",
    "There is no longer an opacity on the left",
    "this is not infection",
    "Infection: none",
    "left-sided opacity: none",
    "opacity - none",
    "Pneumothorax: no.",
    "Effusion: no definite effusion",
    "Mass: nil",
    "Effusion, pneumothorax: none",
    "opacity is not seen on the left",
    "No opacity is present",
    "absence of consolidation",
    "cannot see any infection on the left",
    "neither lung shows infiltrates",
    "none on the left",
    "nothing on the left",
    "left lung not infected",
    "left lung isn't infected",
    "left lower zone is spared",
    "pneumonia unlikely",
    "absent consolidation in the left lung",
    "No significant opacity in either lung",
    "no new opacity",
    "Lungs are clear. No effusion. Heart normal.",
    "NO INFECTION ON THE LEFT",
    "no opacity in the left upper and right lower zones",
]

NOTHING_NEGATED = [
    "clear increase of the left opacity",
    "no worsening of the infection",
    "normal variant opacity left",
    "Opacity: no change",
    "Infection: left lower zone",
    "bilateral pulmonary infection, two infected areas, all left lung and middle lower right lung.",
    "opacity in the lower left lung",
    "possible infiltrate in the left lower zone",
    "infiltrate in the left lower zone cannot be excluded",
    "cannot exclude left basal pneumonia",
    "we can't rule out pneumonia on the left",
    "pneumonia could not be ruled out",
    "rule out pneumonia in the left lower lobe",
    "pneumonia to be ruled out",
    "No change in the opacity in the left lower zone",
    "no significant interval change of the left infiltrate",
    "no increase in the right opacity",
    "Without change: opacity at the left base",
    "not only the left lower zone",
    "infection not only on the left but also on the right",
    "no doubt an infiltrate in the right lung",
    "the left lung is not clear",
    "the right lung is not normal",
    "the opacity has not resolved",
    "partially resolved opacity in the left lung",
    "a clear opacity in the left lung",
    "clear evidence of infection on the right",
    "opacity in the left lung, unchanged",
    "probable consolidation, query left base",
    "mass above a normal diaphragm",
    "Irregular mass with not circumscribed (indistinct) margin",
    "abnormal left lung",
    "no, the right lung",
    "is there any infection in the left lung?",
    "No. 2 polyp, located in left of the image",
    "What do you see on the left?",
    "a nodule of 1.5 mm, e.g. in the left upper lobe",
    "One medium white round polyp, located in right of the image.",
    "左下肺",
    "Right lower lobe opacity not seen on prior study.",
    "left basal opacity, not previously noted",
]

PARTLY = [
    ("opacity in the left lung, effusion: none", "opacity in the left lung"),
    ("Effusion: no, infiltrate: left lower zone", "infiltrate: left lower zone"),
    ("no infection on the left; opacity in the right lower zone", "opacity in the right lower zone"),
    ("opacity in the right lower zone, no infection on the left", "opacity in the right lower zone"),
    ("No infection on the left, opacity in the right lower zone.", "opacity in the right lower zone"),
    ("no infection on the left but opacity in the right lower zone", "opacity in the right lower zone"),
    ("no infection on the left and opacity in the right lower zone", "opacity in the right lower zone"),
    ("the left lung is clear, the right lung is infected", "the right lung is infected"),
    ("Left lung clear. Right lower zone consolidation.", "Right lower zone consolidation"),
    ("right lower zone opacity and the left lung is clear", "right lower zone opacity"),
    ("opacity on the left and right lung clear", "opacity on the left"),
    ("the left lung is clear and the right lower zone shows consolidation", "the right lower zone shows consolidation"),
    ("The left lung is clear with opacity on the right", "opacity on the right"),
    ("clear lungs except for an opacity at the left base", "an opacity at the left base"),
    ("Both lungs are clear apart from a right apical infiltrate.", "a right apical infiltrate"),
    ("no infection except in the left lower zone", "infection in the left lower zone"),
    ("infection of the left lung except the upper zone", "infection of the left lung"),
    ("opacity in the left lung without effusion", "opacity in the left lung"),
    ("opacity in the right lung, not in the left", "opacity in the right lung"),
    ("opacity in the right lung but not the left", "opacity in the right lung"),
    ("opacity in the left lung sparing the apex", "opacity in the left lung"),
    ("No effusion. However, there is an infiltrate in the left lung.", "there is an infiltrate in the left lung"),
    ("consolidation on the right, pneumothorax ruled out", "consolidation on the right"),
    ("left basal opacity, otherwise clear lungs", "left basal opacity"),
    ("no pneumothorax, there is an opacity on the left", "there is an opacity on the left"),
    ("left lower zone opacity; right lung clear; heart normal", "left lower zone opacity"),
    ("opacity at the left base, no effusion, opacity in the right lung",
     "opacity at the left base, opacity in the right lung"),
    ("Infiltrate on the left. No effusion. Nodule on the right.", "Infiltrate on the left. Nodule on the right"),
    ("Oval mass with circumscribed margin, no calcifications. BI-RADS 3.",
     "Oval mass with circumscribed margin. BI-RADS 3"),
    ("left: clear / right: opacity", "right: opacity"),
    ("infection in both lungs but ignore the left one", "infection in both lungs"),
    ("Segment the left lung infection, not the right", "Segment the left lung infection"),
    ("effusion cannot be excluded, no infiltrate", "effusion cannot be excluded"),
    ("Normal heart size with right lower lobe pneumonia.", "right lower lobe pneumonia"),
    ("Normal heart size and right lower lobe pneumonia.", "right lower lobe pneumonia"),
    ("Clear right lung with left lower lobe consolidation.", "left lower lobe consolidation"),
    ("Unremarkable mediastinum and left lower zone consolidation.", "left lower zone consolidation"),
    ("Spared apices with basal opacities on both sides", "basal opacities on both sides"),
    ("Clear right lung and pleura with left opacity and left effusion", "left opacity and left effusion"),
]  # fmt: skip


@pytest.mark.parametrize("text", ALL_NEGATED)
def test_wholly_negated(text: str) -> None:
    assert affirmed(text) is None
    assert all(clause.negated for clause in clauses(text))


@pytest.mark.parametrize("text", NOTHING_NEGATED)
def test_what_is_not_negated_stays_as_it_is(text: str) -> None:
    assert affirmed(text) == text


@pytest.mark.parametrize(("text", "rest"), PARTLY)
def test_negated_clauses_go(text: str, rest: str) -> None:
    assert affirmed(text) == rest


@pytest.mark.parametrize("text", [*ALL_NEGATED, *NOTHING_NEGATED, *(text for text, _ in PARTLY)])
def test_left_and_right_are_alike(text: str) -> None:
    rest = affirmed(text)
    assert affirmed(mirror_words(text, "horizontal")) == (rest and mirror_words(rest, "horizontal"))
    assert (affirmed(text.upper()) is None) == (rest is None)


def test_clauses_are_parts_of_the_text_in_order() -> None:
    text = "no infection on the left;  opacity in the right lower zone."
    first, second = clauses(text)
    assert (first.text, first.negated) == ("no infection on the left", True)
    assert (second.text, second.negated) == ("opacity in the right lower zone", False)
    assert text[second.start : second.end] == second.text and first.end < second.start


WORDS = "no|not|clear|opacity|on the left|right lung|,|;|.|but|except|and|with|is|ruled out|cannot be|excluded|lungs"


@settings(deadline=None)  # words are slow the first time
@given(st.lists(st.sampled_from(re.split(r"\|", WORDS)), max_size=12).map(" ".join))
def test_any_order_of_words_is_taken(text: str) -> None:
    found = clauses(text)
    assert all(text[c.start : c.end] == c.text and c.text.strip() == c.text != "" for c in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    rest = affirmed(text)
    assert (rest is None) == (bool(found) and all(c.negated for c in found))
    if rest is not None and not any(c.negated for c in found):
        assert rest == text


@settings(deadline=None)  # words are slow the first time
@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    affirmed(text)


@pytest.mark.data
def test_published_sentences_are_affirmed_but_where_they_say_no(data_root: Path) -> None:
    for folder, column in (("qata_covid19", "text"), ("polyp_kvasir", "text"), ("covid_ct", "text")):
        with open(data_root / folder / "cases.csv", newline="", encoding="utf-8-sig") as file:
            texts = {row[column] for row in csv.DictReader(file)}
        assert all(affirmed(text) == text for text in texts)
    with open(data_root / "busi_subset" / "cases.csv", newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert {affirmed(row["text"]) is None for row in rows if float(row["mask_fraction"]) == 0} == {True}
    assert {affirmed(row["text"]) == row["text"] for row in rows if float(row["mask_fraction"]) > 0} == {True}
    with open(data_root / "breast_us_birads" / "cases.csv", newline="", encoding="utf-8-sig") as file:
        rests = {text: affirmed(text) for text in (row["text"] for row in csv.DictReader(file))}
    assert all(rest is not None and rest[:8] == text[:8] for text, rest in rests.items())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("There is no infection in the left lung", "infection in the left lung"),
        ("No evidence of pneumothorax or effusion", "pneumothorax or effusion"),
        ("Pneumothorax: none", "Pneumothorax"),
        ("opacity on the left; no mass", "mass"),
        ("mass was not seen", "mass"),
        ("normal", None),
        ("opacity on the left", None),
    ],
)
def test_what_is_denied_without_the_words_that_deny_it(text, words):
    assert denied(text) == words


@pytest.mark.parametrize(("text", "rest"), [
    ("negative for pneumonia, positive for effusion", "effusion"),
    ("no mass in the right breast, on the left a cyst", "on the left a cyst"),
    ("no mass except in the left breast", "mass in the left breast"),
    ("no mass in the left breast but in the right breast", "mass in the right breast"),
    ("no infection in the left lung except in the upper zone", "infection in the left lung in the upper zone"),
    ("no effusion, infiltrate in the left lung, no mass or cyst", "infiltrate in the left lung"),
    ("infiltrates in neither lung", None),
    ("mass (no cyst)", "mass"),
])  # fmt: skip
def test_what_follows_a_denial_is_asked_for_by_its_own_words(text, rest):
    assert affirmed(text) == rest

"""One reading of a sentence: what it names, where, whether it says so, and what nobody knows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexseg.errors import TextError
from lexseg.language import lexicon, read
from lexseg.language.asking import contradicts, in_plain_words
from lexseg.language.denial import affirmed
from lexseg.language.report_reading import read_report
from lexseg.language.sides import mirror_words
from lexseg.language.vocabulary import mended
from mistakable import mistaken, whole_words


def test_phrases_with_finding_place_polarity_certainty_and_span() -> None:
    text = "No effusion; possible consolidation in the LLL and a small nodule in the right upper zone."
    first, second, third = read(text).phrases
    assert (first.findings, first.places, first.polarity) == (("effusion",), frozenset(), "negated")
    assert (second.findings, second.places, second.polarity) == (("consolidation",), {("left", "lower")}, "affirmed")
    assert (second.certainty, third.certainty) == ("possible", "certain")
    assert (third.findings, third.attributes, third.places) == (("nodule",), ("small",), {("right", "upper")})
    assert [text[p.start : p.end] for p in (first, second, third)] == [p.text for p in (first, second, third)]


@pytest.mark.parametrize("text", ["?pneumonia on the left", "pneumonia left base?", "pneumonia cannot be excluded",
                                  "suspicion of pneumonia", "this may represent pneumonia"])  # fmt: skip
def test_doubt(text: str) -> None:
    assert {phrase.certainty for phrase in read(text).phrases} == {"possible"}


# --- names that are no opacity, known and unknown, are findings too ---------------------


@pytest.mark.parametrize("name", ["emphysema", "cardiomegaly", "bronchiectasis", "sarcoidosis", "chylothorax",
                                  "lymphangiomyomatosis", "enlargement"])  # fmt: skip
def test_any_name_of_a_finding_is_told_from_what_is_denied(name: str) -> None:
    assert affirmed(f"{name} with no effusion") == name
    assert affirmed(f"no effusion, {name} on the right") == f"{name} on the right"
    assert affirmed(f"no effusion but {name}") == name
    assert affirmed(f"no {name}") is None


@pytest.mark.parametrize("text", ["the heart is not enlarged", "Heart not enlarged", "the mediastinum is not widened",
                                  "trachea not deviated", "the hila are no longer prominent", "ribs not fractured",
                                  "no enlargement of the heart", "the heart size is not increased",
                                  "the heart isn't enlarged"])  # fmt: skip
def test_a_state_that_is_denied(text: str) -> None:
    assert affirmed(text) is None
    assert [finding.negated for finding in read_report(text)] == [True]


@pytest.mark.parametrize("text", ["the heart is enlarged", "enlarged heart", "no enlargement of the opacity",
                                  "opacity not increased"])  # fmt: skip
def test_a_state_that_is_not(text: str) -> None:
    assert affirmed(text) == text


@pytest.mark.parametrize("text", ["left pleural effusion in the right lung", "LLL opacity in the right lung",
                                  "left opacity in the RLL", "right-sided pneumothorax in the left hemithorax",
                                  "left chylothorax in the right lung", "the left renal cyst in the right kidney",
                                  "left small round nodule in the right upper lobe"])  # fmt: skip
def test_contradictions_of_any_finding(text: str) -> None:
    assert contradicts(text) and contradicts(mirror_words(text, "horizontal")) and read(text).contradictory


@pytest.mark.parametrize("name", ["sarcoidosis", "silicosis", "actinomycosis", "tuberculosis", "lung cancer",
                                  "lymphangiomyomatosis", "hamartoma", "blebs", "qwertzuiop"])  # fmt: skip
def test_another_disease_is_not_asked_as_an_infection(name: str) -> None:
    assert in_plain_words(f"{name} of the left lung", {"chest": "infection"}) == {}
    assert in_plain_words("disease of the left lung", {"chest": "infection"})[""] == "infection in the left lung"


def test_unknown_words_are_said_and_may_be_findings() -> None:
    reading = read("actinomycosis in the right lung, no effusion")
    assert reading.unknown == ("actinomycosis",)
    assert reading.phrases[0].possible_findings == ("actinomycosis",)
    assert read("pls segmnet the infecton in the lfet lung, 5 mm").unknown == ()  # slips of the hand and numbers


# --- what a report says that is no finding -------------------------------------------------


@pytest.mark.parametrize("text", [
    "Comparison is made with the prior film.", "No prior films for comparison.", "Dr. A. Smith, consultant radiologist",
    "Recommend CT", "Clinical correlation advised.", "Suggest CT to exclude pneumonia.", "Reported by: Dr X",
    "Findings were discussed with Dr. Jones by phone.", "Electronically signed by Jane Doe, MD",
    "PA and lateral chest radiographs were obtained.", "Portable AP view. The patient is rotated.",
    "Thank you for referring this patient.", "68 year old woman with cough.",
])  # fmt: skip
def test_remarks_are_no_findings(text: str) -> None:
    assert read_report(text) == []


@pytest.mark.parametrize(("text", "said"), [
    ("Left upper lobe nodule, recommend CT.", "Left upper lobe nodule"),
    ("Compared with the prior film, the effusion is larger.", "the effusion is larger"),
    ("Compared to the prior film, sarcoidosis has progressed.", "sarcoidosis has progressed"),
    ("Follow-up of the nodule in the left upper lobe is recommended.",
     "Follow-up of the nodule in the left upper lobe is recommended"),
])  # fmt: skip
def test_findings_beside_remarks_stay(text: str, said: str) -> None:
    (finding,) = read_report(text)
    assert finding.text == said and text[finding.start : finding.end] == said


# --- any text ---------------------------------------------------------------------------------


@settings(deadline=None)  # words are slow the first time
@given(st.text())
def test_any_text_is_read_and_spans_hold(text: str) -> None:
    reading = read(text)
    assert all(text[phrase.start : phrase.end] == phrase.text for phrase in reading.phrases)
    assert all(one.end <= other.start for one, other in zip(reading.phrases, reading.phrases[1:], strict=False))


def test_a_language_without_a_lexicon_is_a_clear_error() -> None:
    with pytest.raises(TextError, match=r"language 'tlh'.*one of .*en.* was expected"):
        lexicon("tlh")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("opacitiy in the left lung", "opacity in the left lung"),
        ("consolidaton, right", "consolidation, right"),
        ("Pnuemonia on this film?", "pneumonia on this film?"),
        ("neumonia in the leftlung", "pneumonia in the left lung"),
        ("masss, moel and poylp", "mass, mole and polyp"),
        ("wihtout efusion", "without effusion"),
        ("pneumothroax", "pneumothorax"),  # no pneumonia
        ("the lesson of the morning", "the lesson of the morning"),
        ("hed", "hed"),  # head, or held
        ("ARDS or a PTX", "ARDS or a PTX"),
        ("a bicycle on the left", "a bicycle on the left"),
        ("opacity in the left lung", "opacity in the left lung"),
        ("LLL opacity, 3 cm", "LLL opacity, 3 cm"),
        ("mark teh polypp", "mark the polyp"),  # a word of three letters, two exchanged; the likeliest slip
        ("nto the left", "nto the left"),  # what denies is not guessed
        ("which bit needs snaring", "which bit needs snaring"),
        ("snarinf", "snaring"),  # no "sparing", which denies
        ("birth mark", "birthmark"),  # one word written in two
        ("hyper-intensity, fibro adenoma", "hyperintensity, fibroadenoma"),
        ("head mark", "head mark"),
        ("brian tumour", "brain tumour"),  # a word, but before a finding no other is meant
        ("tumour of Brian", "tumour of Brian"),
        ("brest mass and beast", "breast mass and beast"),
        ("cist, masz or bumb", "cyst, mass or bump"),  # as they are heard
        ("lumb", "lumb"),  # lump, or limb
        ("the wand and the disk", "the wand and the disk"),
    ],
)
def test_a_slip_of_the_hand_is_mended_and_nothing_else(typed, meant):
    assert mended(typed, lexicon("en")) == meant


def test_no_english_word_is_taken_for_another():
    """`python tests/mistakable.py` writes the table that sees to it."""
    tokens = whole_words()[::45]
    assert len(tokens) > 400 and list(mistaken(lexicon("en"), tokens)) == []

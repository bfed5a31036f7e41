"""Codes of findings: the right ones for the words, and none that there is not."""

import numpy as np
import pytest
from pydicom.sr._concepts_dict import concepts
from pydicom.sr.codedict import codes

from lexseg.language.foreign import to_model_words
from lexseg.outputs.codes import _FINDINGS, _ORGANS, ABNORMAL, ANATOMY, ANYTHING, finding_of
from lexseg.outputs.segment import Segment
from lexseg.predict.answered import caption_of, judged
from lexseg.predict.segmentation import Segmentation

ALL = [*(code for _, code in (*_FINDINGS, *_ORGANS)), ABNORMAL, ANATOMY, ANYTHING.kind]
# of SNOMED CT, but in no context group of DICOM: the dictionary cannot tell of them
NOT_IN_DICOM = {"95436008", "46621007", "87433001", "233604007", "40733004", "8186001", "41329004"}


def verhoeff(number):
    """Whether the last digit is the check digit that every identifier of SNOMED CT ends in (Verhoeff, 1969)."""
    turn = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
    check = 0
    for place, digit in enumerate(int(c) for c in reversed(number)):
        for _ in range(place % 8):
            digit = turn[digit]
        # the group of symmetries of a pentagon
        if check < 5:
            check = (check + digit) % 5 if digit < 5 else 5 + (check + digit) % 5
        else:
            check = 5 + (check - digit) % 5 if digit < 5 else (check - digit) % 5
    return check == 0


@pytest.mark.parametrize("code", ALL, ids=lambda code: code.meaning)
def test_each_code_is_one_of_its_scheme(code):
    assert len(code.meaning) <= 64
    found = [by_value[code.value][0] for by_value in concepts[code.scheme].values() if code.value in by_value]
    if code.scheme == "SCT":
        assert verhoeff(code.value)
    if code.value in NOT_IN_DICOM:
        return
    word = code.meaning.lower().replace("clinical ", "")
    assert any(word == name.lower() or word in name.lower() for name in found)


def test_the_check_digit_is_no_formality():
    assert verhoeff("404684003") and not verhoeff("404684013") and not verhoeff("404686403")


@pytest.mark.parametrize("text", ["Pleuraerguss rechts", "Rundherd im linken Oberlappen"])
def test_an_answer_has_the_codes_of_its_own_language(text):
    where = np.ones((4, 4), np.float32)
    own = Segment.of(Segmentation(where, 0.5, text, language="de")).finding
    english = Segment.of(Segmentation(where, 0.5, to_model_words(text, "de").text)).finding
    assert own == english != ANYTHING


def test_categories_are_of_the_context_group_for_them():
    group = {getattr(codes.cid7150, name).value for name in codes.cid7150.dir()}
    assert {ABNORMAL.value, ANATOMY.value} <= group


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("opacity in the left lower zone", "Opacity"),
        ("Ground-glass opacities, both lower lobes", "Ground glass opacity"),
        ("bilateral pulmonary infection, two infected areas, all left lung", "Infectious disease"),
        ("no effusion, consolidation on the right", "Lung consolidation"),
        ("small left pleural effusion", "Pleural effusion"),
        ("a 12 mm nodule", "Nodule"),
        ("liver lesion", "Lesion"),
        ("tumour of the breast", "Neoplasm"),
        ("one small pink round polyp in the center", "Polyp"),
        ("the left lung", "Lung"),
        ("masses", "Mass"),
        ("massive", "Clinical finding"),
        ("the thing at the top", "Clinical finding"),
        ("no nodule", "Clinical finding"),
        (None, "Clinical finding"),
    ],
)
def test_what_a_sentence_names(text, meaning):
    finding = finding_of(text)
    assert finding.kind.meaning == meaning
    assert finding.category == (ANATOMY if meaning == "Lung" else ABNORMAL)


@pytest.mark.parametrize(
    ("text", "untold", "meaning"),
    [
        ("breast cancer", ("cancer",), "Clinical finding"),  # nor is it the organ
        ("effusion and consolidation", ("effusion",), "Lung consolidation"),
        ("benign cyst", ("benign",), "Cyst"),
    ],
)
def test_what_an_answer_does_not_tell_gives_no_code_and_is_said(text, untold, meaning):
    segment = Segment.of(Segmentation(np.ones((4, 4), np.float32), 0.5, text, untold=untold))
    assert segment.finding.kind.meaning == meaning and segment.finding.category == ABNORMAL
    assert segment.remark == f"Whether it is {untold[0]} the model cannot tell."
    told = Segment.of(Segmentation(np.ones((4, 4), np.float32), 0.5, text))
    assert told.remark is None and told.finding == finding_of(text)


def test_a_picture_says_what_its_answer_does_not_tell_with_the_word_only_where_words_may_stand():
    found = Segmentation(np.ones((4, 4), np.float32), 0.5, "melanoma", untold=("melanoma",))
    assert caption_of(found, judged(found), True) == ["melanoma", "Whether it is melanoma the model cannot tell."]
    assert caption_of(found, judged(found), False) == ["The model cannot tell its kind."]
    nothing = Segmentation(np.zeros((4, 4), np.float32), 0.5, "melanoma", untold=("melanoma",))
    assert not any("cannot tell" in line for line in caption_of(nothing, judged(nothing), True))

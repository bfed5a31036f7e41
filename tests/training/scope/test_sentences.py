"""What the judge of words is fitted on: true and foreign questions, the parts and the words kept apart."""

import json
import re
from pathlib import Path

import pytest

from lexseg.cases.case import Case
from lexseg.training.scope import ScopeWorld
from lexseg.training.scope.sentences import LabelledSentence, labelled_sentences, of_part

TESTS = Path(__file__).parents[2]
CAPTIONS = {
    "chest": "bilateral pulmonary infection, two infected areas, all left lung and all right lung.",
    "breast": "Oval mass with circumscribed margin, hypoechoic echogenicity, no posterior features.",
    "colon": "One medium yellow round polyp, located in right of the image.",
    "chest-ct": "Ground-glass opacity on axial chest CT.",
    "brain": "Brain MRI, FLAIR. Hyperintense grade III astrocytoma in the right frontal lobe.",
    "skin": "Common nevus: fully symmetric lesion with typical pigment network.",
}


def world(name: str, *captions: str) -> ScopeWorld:
    cases = [
        Case(f"{name}{i}{split}", Path(name) / f"{i}{split}.png", (text,), split=split)
        for i, text in enumerate(captions)
        for split in ("train", "val")
    ]
    return ScopeWorld(name, cases)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def worlds() -> list[ScopeWorld]:
    return [world(name, text) for name, text in CAPTIONS.items()]


@pytest.fixture(scope="module")
def rows(worlds: list[ScopeWorld]) -> list[LabelledSentence]:
    return [
        row
        for seed in range(2)
        for part in ("fit", "calibrate")
        for row in labelled_sentences(worlds, part, known=150, foreign=150, seed=seed)  # type: ignore[arg-type]
    ]


def kept_apart(name: str) -> list[str]:
    def strings(value: object) -> list[str]:
        if isinstance(value, str):
            return [value]
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return [text for each in inner for text in strings(each)]

    file = json.loads((TESTS / f"{name}_kept_apart.json").read_text(encoding="utf-8"))
    return [text for key, value in file.items() if key != "about" for text in strings(value)]


def test_no_foreign_word_that_is_kept_apart_is_fitted_on(rows: list[LabelledSentence]):
    said = "\n".join(row.text.lower() for row in rows)
    found = [
        each for each in kept_apart("foreign") if re.search(rf"(?<![\w-]){re.escape(each.lower())}(?![\w-])", said)
    ]
    assert found == []


@pytest.mark.parametrize("name", ["inscope", "wordings"])
def test_no_sentence_that_is_kept_apart_is_fitted_on(rows: list[LabelledSentence], name: str):
    said = {row.text.lower().strip(" .?!") for row in rows}
    # a bare name of two words, such as "pulmonary disease", is nobody's wording
    kept = {text.lower().strip(" .?!") for text in kept_apart(name) if len(text.split()) > 2}
    assert kept and not said & kept


def test_names_of_one_part_are_not_in_the_other():
    names = [
        "pneumonia",
        "polyp",
        "glioma",
        "melanoma",
        "breast mass",
        "haze",
        "empyema",
        "gallstone",
        "harbour",
        "tea",
    ]
    assert all(of_part(name, "fit") != of_part(name, "calibrate") for name in names)
    assert {of_part(name, "fit") for name in names} == {True, False}


def test_true_questions_belong_to_their_world_and_foreign_ones_to_none_that_is_sure(rows: list[LabelledSentence]):
    assert all(row.belongs[row.world] == 1 for row in rows if row.kind == "known")
    assert not any(1 in row.belongs for row in rows if row.kind != "known")
    assert all(row.belongs[row.world] == 0 for row in rows if row.kind != "known")


def test_what_the_users_own_sentences_name_is_not_foreign_to_them():
    mine = world("kidney", "kidney stone in the lower pole", "hydronephrosis of the left kidney", "renal cyst")
    rows = labelled_sentences([mine], "fit", known=0, foreign=1500, seed=0)
    assert {row.kind for row in rows} == {"everyday", "nonsense", "other-organ", "never-learnt", "other-world"}
    named = [row.text for row in rows if re.search(r"kidney|renal|hydroneph", row.text, re.IGNORECASE)]
    assert named == []


def test_what_one_of_the_models_worlds_learnt_is_no_foreign_word(worlds: list[ScopeWorld]):
    rows = labelled_sentences(worlds, "fit", known=0, foreign=300, seed=1)
    assert not [row.text for row in rows if row.kind == "other-world"]
    some = labelled_sentences(worlds[:1], "fit", known=0, foreign=300, seed=1)
    assert [row.text for row in some if row.kind == "other-world"]

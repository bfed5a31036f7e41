import csv
import re
from pathlib import Path

import pytest

import kept_apart
from lexseg.datasets.refer import adjectives
from lexseg.language.asking import in_plain_words
from lexseg.language.denial import affirmed
from lexseg.language.sides import mirror_words

CHEST = {"chest": "infection"}
KEPT = kept_apart.wordings()


def plainly(text: str) -> str | None:
    return in_plain_words(text, CHEST)


@pytest.mark.parametrize(
    "text",
    [
        "What is wrong with the left lung?",
        "pls segment lt lung infiltr",
        "COVID-19 involvement of the left lung",
        "everything abnormal in the left hemithorax",
        "consolidation on the left?",
        "Please draw around the left-sided pneumonia",
    ],
)
def test_one_whole_lung_is_asked_for_plainly(text: str) -> None:
    assert plainly(text) == "infection in the left lung"
    assert plainly(mirror_words(text, "horizontal")) == "infection in the right lung"
    assert in_plain_words(text, {"chest": "opacity"}) == "opacity in the left lung"
    assert in_plain_words(text, {}) is None


@pytest.mark.parametrize(
    "text",
    [
        "infection in the left lung",  # plain already
        "Infection in the left lung.",
        "infection",
        "infection in both lungs",
        "the left lower lung zone",
        "LLL consolidation",
        "lung infection at the left base",
        "infection in the left lung and in the right lower zone",
        "2 opacities in the left lung",
        "one infected area, left lung",
        "unilateral infection of the left lung",
        "pleural effusion, left lung",
        "nodule in the left lung",
        "left pneumothorax",
        "pleural thickening of the left chest",
        "fractured rib, left hemithorax",
        "what do you see on the left?",  # of what?
        "mass in the left breast",
        "",
    ],
)
def test_what_says_more_or_less_is_left_alone(text: str) -> None:
    assert plainly(text) is None
    assert plainly(mirror_words(text, "horizontal")) is None


@pytest.mark.parametrize("table", ["SIZE", "SHAPE", "BRIGHTNESS", "RANK", "RANK_AFTER", "RELATION"])
def test_what_picks_among_targets_is_never_lost(table: str) -> None:
    words = [word for said in getattr(adjectives, table).values() for word in said]
    assert words
    for word in words:
        assert plainly(f"the infection in the left lung {word}") is None, word
        assert plainly(f"the {word} infection in the left lung") is None, word


def test_most_kept_apart_requests_are_understood_and_no_other_wording() -> None:
    lungs = [(side, text) for side in ("left", "right") for text in kept_apart.for_lung(side)]
    said = [(side, plainly(affirmed(text) or "")) for side, text in lungs]
    assert {plain for side, plain in said if side == "left"} == {"infection in the left lung", None}
    assert {plain for side, plain in said if side == "right"} == {"infection in the right lung", None}
    assert sum(plain is not None for _, plain in said) > 0.8 * len(said)
    others = [entry["text"] for group in ("zones", "captions") for entry in KEPT[group]] + KEPT["contradictions"][1:]
    lost = [text for text in others if plainly(text)]
    assert len(lost) <= 1, lost  # "the RUL opacity in the left lung" and its like contradict themselves before


@pytest.mark.data
@pytest.mark.parametrize("name", ["qata_covid19", "breast_us_birads"])
def test_whole_captions_and_descriptors_are_asked_as_they_stand(data_root: Path, name: str) -> None:
    with open(data_root / name / "cases.csv", newline="", encoding="utf-8") as file:
        texts = {row[key] for row in csv.DictReader(file) for key in row if re.fullmatch(r"text\w*", key)}
    assert len(texts) > 100
    assert [text for text in texts if plainly(text)] == []

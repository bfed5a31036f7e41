import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexseg.language.sides import mirror_words, names_place, places

L, R = "left", "right"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all left lung and middle lower right lung.", {(L, ""), (R, "middle"), (R, "lower")}),
        ("upper middle lower left lung", {(L, "")}),
        ("bilateral pulmonary infection, two infected areas, lower left lung and lower right lung.",
         {(L, "lower"), (R, "lower")}),
        ("bilateral pulmonary infection, two infected areas.", {(L, ""), (R, "")}),
        ("LLL, RUL and RMZ", {(L, "lower"), (R, "upper"), (R, "middle")}),
        ("left upper and middle zones", {(L, "upper"), (L, "middle")}),
        ("upper and lower left lung and upper right lung", {(L, "upper"), (L, "lower"), (R, "upper")}),
        ("upper and middle zones of the left lung", {(L, "upper"), (L, "middle")}),
        ("left lung: upper and mid zones; right lung: lower zone",
         {(L, "upper"), (L, "middle"), (R, "lower")}),
        ("upper, middle and lower zones of the right lung", {(R, "")}),
        ("right upper, left mid and lower zones", {(R, "upper"), (L, "middle"), (L, "lower")}),
        ("left and right lower zones", {(L, "lower"), (R, "lower")}),
        ("Both lower zones", {(L, "lower"), (R, "lower")}),
        ("bibasal opacity", {(L, "lower"), (R, "lower")}),
        ("bibasilar opacity, biapical scars", {(s, h) for s in (L, R) for h in ("lower", "upper")}),
        ("L lower zone, rt. mid zone", {(L, "lower"), (R, "middle")}),
        ("left base, right apex", {(L, "lower"), (R, "upper")}),
        ("mid left lung", {(L, "middle")}),
        ("left midzone", {(L, "middle")}),
        ("Left effusion. Upper zones are clear.", {(L, ""), ("", "upper")}),
        ("one polyp at the top left of the image", {(L, "upper")}),
        ("one polyp in the center of the image", set()),
        ("lower density than before, the drain was left in place", set()),
        ("lll consolidation, rigth upper zone", {(L, "lower"), (R, "upper")}),
        ("opacity in both lungs", {(L, ""), (R, "")}),
        ("", set()),
    ],
)  # fmt: skip
def test_places_of_a_sentence(text: str, expected: set[tuple[str, str]]) -> None:
    assert places(text) == expected
    swap = {"left": "right", "right": "left", "": ""}
    assert places(mirror_words(text, "horizontal")) == {(swap[s], h) for s, h in expected}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("infection", False),
        ("Is there any consolidation in the lungs?", False),
        ("mass in the breast", False),
        ("the largest polyp", False),
        ("", False),
        ("infection in the left lung", True),
        ("bilateral opacities", True),
        ("polyp at the top", True),
        ("retrocardiac opacity", True),
        ("costophrenic angle blunting", True),
        ("tumour in the frontal lobe", True),
        ("peripheral opacities", True),
    ],
)
def test_whether_a_sentence_says_where_to_look(text: str, expected: bool) -> None:
    assert names_place(text) is expected


@settings(deadline=None)  # words are slow the first time
@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    assert all(s in ("left", "right", "") and h in ("upper", "middle", "lower", "") for s, h in places(text))


@pytest.mark.data
def test_the_published_sentences_name_places_on_the_sides_they_call_infected(data_root: Path) -> None:
    with open(data_root / "qata_covid19" / "cases.csv", newline="", encoding="utf-8-sig") as file:
        texts = {row["text"] for row in csv.DictReader(file)}
    for text in texts:
        sides = {side for side, _ in places(text)}
        assert len(sides) == (2 if text.startswith("bilateral") else 1), text

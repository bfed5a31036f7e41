"""Sentences as people say them: two clauses, complaints, other words for the same, slips of the hand."""

import pytest

from lexseg.interaction.operations import (
    Components,
    Confidence,
    Control,
    Cover,
    KeepRegion,
    Region,
    Resize,
    Retarget,
    Shape,
    Spot,
)
from lexseg.interaction.parse import About, Misunderstood, parse

ASKED = About("opacity in the left lung")
APEX = Region((Spot("", "upper"),), "image")
HEART = Region((Spot("centre", "middle"), Spot("centre", "lower")), name="heart")


def place(side="", height="", frame="mask", extent="part"):
    return Region((Spot(side, height),), frame, extent)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("too small, make it larger", (Resize(True),)),  # a complaint and a request are one thing
        ("Not bad. A touch smaller.", (Resize(False, "slight"),)),
        ("the apex got marked, take it out", (Cover(APEX, False),)),
        ("why is the apex in there? remove that", (Cover(APEX, False),)),
        ("the apex is not covered, please add it", (Cover(APEX, True),)),
        ("this is the wrong side, I want the right one", (Retarget("opacity in the right lung"),)),
        ("the other one is fine, larger on the left", (Resize(True, region=place("left")),)),
        ("remove the crumbs and close the hole", (Components(False, "specks"), Shape("fill"))),
        ("very nice, save it", (Control("accept"),)),
        ("wait, go back to how it was at the start", (Control("reset"),)),
    ],
)
def test_clauses_are_read_together(said, wanted):
    assert parse(said, ASKED) == wanted


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("you left out the apex", Cover(APEX, True)),
        ("you cut off the apex", Cover(APEX, True)),
        ("it does not reach the apex", Cover(APEX, True)),
        ("the opacity extends into the apex", Cover(APEX, True)),
        ("it should go up to the apex", Cover(APEX, True)),
        ("you marked the apex", Cover(APEX, False)),
        ("it runs over into the apex", Cover(APEX, False)),
        ("it must not extend into the apex", Cover(APEX, False)),
        ("leave the apex off", Cover(APEX, False)),
        ("ditch the apex", Cover(APEX, False)),
        ("everything outside the left lung is wrong", KeepRegion(place("left", frame="image"))),
        ("overcalled", Confidence(False)),
        ("undercalled at the top", Confidence(True, region=place("", "upper"))),
        ("the polyp is wider than this", Resize(True)),
        ("the nodule is smaller than what you have drawn", Resize(False)),
        ("remove the cardiac shadow", Cover(HEART, False)),
        ("add the left costophrenic angle", Cover(place("left", "lower", "image"), True)),
        ("peripheral part missing on the right", Cover(place("right", extent="edge"), True)),
        ("take the little tail at the bottom off", Cover(place("", "lower"), False)),
        ("trim the highlight at the top", Cover(place("", "upper"), False)),
        ("trim it by two pixels", Resize(False, "usual", 2.0, "px")),
        ("grow it by a couple of millimetres", Resize(True, "usual", 2.0, "mm")),
        ("pull the lower border up a bit", Resize(False, "slight", region=place("", "lower"))),
        ("pull the lower border further down", Resize(True, region=place("", "lower"))),
        ("move the left edge to the right", Resize(False, region=place("left"))),
        ("delete that small piece on the left", Components(False, "spot", spot=Spot("left"))),
        ("one polyp only", Components(True, "largest")),
    ],
)
def test_complaints_and_other_words(said, wanted):
    assert parse(said, ASKED) == (wanted,)


@pytest.mark.parametrize(
    "said",
    ["the apex is included", "the left base is fine", "the left one is real", "it extends to the apex", "no more",
     "not overcalled", "it does not leak", "it is larger than this", "the polyp is not larger than this",
     "do not touch the apex", "don't merge them", "remove the right part, not the left one",
     "the infection does not extend into the apex", "remove what is out of the lungs", "you left the apex out"],
)  # fmt: skip
def test_remarks_that_could_mean_either_change_nothing(said):
    with pytest.raises(Misunderstood):
        parse(said, ASKED)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [("smaler, please", Resize(False)), ("a bit lagrer", Resize(True, "slight")), ("smoth it", Shape("smooth")),
     ("remvoe the left one", Components(False, "spot", spot=Spot("left")))],
)  # fmt: skip
def test_slips_of_the_hand_are_read_as_meant(said, wanted):
    assert parse(said, ASKED) == (wanted,)


@pytest.mark.parametrize("said", ["bigger at the hart", "wider at the bose", "xmaller", "glow it", "shrimp it"])
def test_what_may_be_another_word_is_not_guessed(said):
    with pytest.raises(Misunderstood) as raised:
        parse(said, ASKED)
    assert raised.value.unknown

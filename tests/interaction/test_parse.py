"""What sentences come to: each says one thing, and none is taken for its opposite."""

import pytest

from lexseg.interaction.operations import (
    Clear,
    Components,
    Confidence,
    Control,
    Cover,
    KeepRegion,
    Move,
    Region,
    Resize,
    Retarget,
    Shape,
    Spot,
    Threshold,
)
from lexseg.interaction.parse import About, Misunderstood, parse

ASKED = About("opacity in the left lung")


def of(said, about=ASKED):
    return parse(said, about)


def one(said, about=ASKED):
    (operation,) = parse(said, about)
    return operation


def place(side="", height="", frame="mask", extent="part"):
    return Region((Spot(side, height),), frame, extent)


MORE = [
    "be more generous", "a bit more generous, please", "less strict", "not so strict", "don't be so strict",
    "too strict", "that is much too conservative", "it isn't generous enough", "lower the threshold",
    "increase the sensitivity", "not inclusive enough", "be less picky", "you're too cautious",
]  # fmt: skip
LESS = [
    "stricter", "be more strict", "less generous", "not so generous", "too generous", "don't be so lenient",
    "raise the threshold", "reduce the sensitivity", "it is not strict enough", "a lot more conservative",
    "way too inclusive", "be less permissive",
]  # fmt: skip
LARGER = [
    "bigger", "make it a little larger", "grow it", "too small", "it's far too tight", "not big enough", "expand",
    "the mask should be wider", "not so small", "larger, not smaller", "it is smaller than it should be",
    "can you enlarge it?", "don't make it so small", "not smaller but larger",
]  # fmt: skip
SMALLER = [
    "shrink it", "smaller", "too big", "way too large", "make it tighter", "not so wide", "not tight enough",
    "reduce it", "it's bigger than the lesion", "smaller, not bigger", "no, smaller", "erode it a bit",
    "could you make it a bit smaller", "it should be narrower",
]  # fmt: skip


@pytest.mark.parametrize("said", MORE)
def test_takes_in_what_the_network_was_less_sure_of(said):
    assert isinstance(one(said), Confidence) and one(said).more


@pytest.mark.parametrize("said", LESS)
def test_leaves_out_what_the_network_was_least_sure_of(said):
    assert isinstance(one(said), Confidence) and not one(said).more


@pytest.mark.parametrize("said", LARGER)
def test_grows(said):
    assert isinstance(one(said), Resize) and one(said).grow


@pytest.mark.parametrize("said", SMALLER)
def test_shrinks(said):
    assert isinstance(one(said), Resize) and not one(said).grow


@pytest.mark.parametrize(
    ("said", "amount"),
    [("slightly larger", "slight"), ("larger", "usual"), ("much larger", "much"), ("a touch stricter", "slight"),
     ("a lot more generous", "much"), ("a little too big", "slight"), ("far too small", "much"),
     ("quite a bit larger", "fair"), ("noticeably stricter", "fair"), ("quite a bit too much at the top", "fair"),
     ("lower the sensitivity quite a bit", "fair"), ("much, much more generous", "vast")],
)  # fmt: skip
def test_amounts_in_words(said, amount):
    assert one(said).amount == amount


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("2 mm larger on the left", Resize(True, "usual", 2.0, "mm", place("left"))),
        ("take 3mm off the top", Resize(False, "usual", 3.0, "mm", place("", "upper"))),
        ("grow by 1.5 cm", Resize(True, "usual", 15.0, "mm")),
        ("shrink it by five pixels", Resize(False, "usual", 5.0, "px")),
        ("10 % smaller", Resize(False, "usual", 10.0, "%")),
        ("add a margin of 2 mm", Resize(True, "usual", 2.0, "mm")),
        ("half a centimetre wider", Resize(True, "usual", 5.0, "mm")),
        ("double it", Resize(True, "usual", 100.0, "%")),
        ("set the threshold to 0.35", Threshold(0.35)),
        ("threshold at 40 %", Threshold(0.4)),
    ],
)
def test_amounts_in_numbers(said, wanted):
    assert one(said) == wanted


ABOVE = Region((), beyond="up", line=0.8, name="diaphragm")
BELOW = Region((), beyond="down", line=0.8, name="diaphragm")
APEX = place("", "upper", "image")


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("not the part above the diaphragm", Cover(ABOVE, False)),
        ("remove everything below the diaphragm", Cover(BELOW, False)),
        ("also the apex", Cover(APEX, True)),
        ("the apex too", Cover(APEX, True)),
        ("you missed the apex", Cover(APEX, True)),
        ("the apex is missing", Cover(APEX, True)),
        ("the apex is not included yet", Cover(APEX, True)),
        ("the apex should not be included", Cover(APEX, False)),
        ("don't include the apex", Cover(APEX, False)),
        ("the apex does not belong to it", Cover(APEX, False)),
        ("without the apex", Cover(APEX, False)),
        ("the apex is clear", Cover(APEX, False)),
        ("there is no opacity at the apex", Cover(APEX, False)),
        ("exclude the right lower zone", Cover(place("right", "lower", "image"), False)),
        ("remove the upper part of it", Cover(place("", "upper"), False)),
        ("erase the left half", Cover(place("left", extent="half"), False)),
        ("include the left lower lobe as well", Cover(place("left", "lower", "image"), True)),
        ("nothing but the left lung", KeepRegion(place("left", frame="image"))),
        ("keep only the lower part", KeepRegion(place("", "lower"))),
        ("remove everything except the left lung", KeepRegion(place("left", frame="image"))),
        ("more at the base", Confidence(True, "usual", place("", "lower", "image"))),
        ("less on the right", Confidence(False, "usual", place("right"))),
        ("remove more at the top", Confidence(False, "usual", place("", "upper"))),
        ("too much at the bottom", Confidence(False, "usual", place("", "lower"))),
        ("not enough on the left", Confidence(True, "usual", place("left"))),
        ("bigger on the left", Resize(True, region=place("left"))),
        ("extend it downwards", Resize(True, region=place("", "lower"))),
        ("remove everything", Clear()),
    ],
)
def test_regions(said, wanted):
    assert one(said) == wanted


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("only the largest", Components(True, "largest")),
        ("keep only the largest one", Components(True, "largest")),
        ("keep the two largest", Components(True, "largest", 2)),
        ("remove all but the biggest", Components(True, "largest")),
        ("keep the largest and remove the rest", Components(True, "largest")),
        ("drop the largest", Components(False, "largest")),
        ("drop the second largest", Components(False, "largest", 1, 2)),
        ("delete the smallest piece", Components(False, "smallest")),
        ("get rid of the small specks", Components(False, "specks")),
        ("drop the left one", Components(False, "spot", spot=Spot("left"))),
        ("the upper right one is wrong", Components(False, "spot", spot=Spot("right", "upper"))),
        ("keep the lower one", Components(True, "spot", spot=Spot("", "lower"))),
        ("smooth it", Shape("smooth")),
        ("too jagged", Shape("smooth")),
        ("fill the holes", Shape("fill")),
        ("no holes please", Shape("fill")),
        ("one piece", Shape("join")),
        ("join the parts", Shape("join")),
        ("move it up a bit", Move("up", "slight")),
        ("shift it 4 mm to the right", Move("right", "usual", 4.0, "mm")),
        ("too low", Move("up")),
    ],
)
def test_parts_and_shapes(said, wanted):
    assert one(said) == wanted


@pytest.mark.parametrize(
    ("said", "wanted"),
    [("undo", Control("undo")), ("undo that", Control("undo")), ("no, that was wrong", Control("undo")),
     ("undo the last two", Control("undo", 2)), ("undo twice", Control("undo", 2)), ("redo", Control("redo")),
     ("back to the first", Control("reset")), ("start over", Control("reset")), ("undo everything", Control("reset")),
     ("accept", Control("accept")), ("looks good", Control("accept")), ("again", Control("repeat"))],
)  # fmt: skip
def test_controls(said, wanted):
    assert of(said) == (wanted,)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("I meant the right lung", "opacity in the right lung"),
        ("no, the other lung", "opacity in the right lung"),
        ("wrong side", "opacity in the right lung"),
        ("the right lung, not the left", "opacity in the right lung"),
        ("not the left lung but the right lung", "opacity in the right lung"),
        ("I meant the left lower zone", "opacity in the left lower zone"),
        ("look for pleural effusion instead", "pleural effusion"),
        ("segment the nodule in the right upper lobe", "nodule in the right upper lobe"),
    ],
)
def test_another_target(said, asked):
    assert one(said) == Retarget(asked)


def test_two_things_in_one_sentence():
    assert of("remove the left one and smooth it") == (Components(False, "spot", spot=Spot("left")), Shape("smooth"))
    assert of("bigger on the left, smaller on the right") == (
        Resize(True, region=place("left")),
        Resize(False, region=place("right")),
    )


@pytest.mark.parametrize(
    "said",
    [
        "not bigger", "don't make it bigger", "no larger", "never grow it", "don't remove the left one",
        "do not smooth it", "it is not too big", "is it too big?", "why is it so large?", "it got bigger",
        "it is bigger", "bigger and smaller", "make it smaller but keep the apex", "too smooth", "bigger than before",
        "the left one, not the right one is fine", "remove it and include it", "grow it, no, shrink it",
    ],
)  # fmt: skip
def test_what_could_mean_the_opposite_is_refused(said):
    with pytest.raises(Misunderstood):
        of(said)


@pytest.mark.parametrize(
    ("said", "unknown"),
    [("frobnicate it", ("frobnicate",)), ("bigger at the wumpus", ("wumpus",)), ("remove the aorta", ("aorta",)),
     ("kleiner bitte", ("kleiner", "bitte"))],
)  # fmt: skip
def test_words_not_understood_are_named(said, unknown):
    with pytest.raises(Misunderstood) as raised:
        of(said)
    assert raised.value.unknown == unknown and all(word in str(raised.value) for word in unknown)


@pytest.mark.parametrize(
    "said", ["", "   ", "?!", "x" * 501, "0 mm bigger", "-2 mm bigger", "100 % smaller", "5 bigger"]
)
def test_what_is_no_correction_is_refused(said):
    with pytest.raises(Misunderstood):
        of(said)


def test_sides_are_the_users():
    """To who speaks of the patient's sides, "left" is the picture's right, unless the picture is named."""
    patient = About("opacity in the left lung", left="right")
    assert one("drop the left one", patient) == Components(False, "spot", spot=Spot("right"))
    assert one("larger on the left", patient) == Resize(True, region=place("right"))
    assert one("remove what lies in the left of the picture", patient).region.spots == (Spot("left"),)
    assert one("move it to the left", patient) == Move("right")
    assert one("remove the part left of the midline", patient).region.beyond == "right"
    assert one("I meant the right lung", patient) == Retarget("opacity in the right lung")  # in the user's words


def test_more_goes_on_with_what_made_the_mask_larger():
    last = Resize(True, region=place("left"))
    assert one("a bit more", About(last=last)) == Resize(True, "slight", region=place("left"))
    assert one("a bit less", About(last=last)) == Resize(False, "slight", region=place("left"))
    assert one("more") == Confidence(True)


@pytest.mark.parametrize("said", ["more", "a bit less", "too much", "not enough"])
def test_after_a_smaller_mask_more_could_mean_either(said):
    with pytest.raises(Misunderstood, match="larger"):
        of(said, About(last=Resize(False)))


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("pull the border in a bit at the top?", Resize(False, "slight", region=place("", "upper", extent="edge"))),
        ("I'd go a touch wider on the right", Resize(True, "slight", region=place("right"))),
        ("You've been a bit too strict here", Confidence(True, "slight")),
        ("only the bigger of the two, please", Components(True, "largest")),
        ("I only want the lower of the two", Components(True, "spot", spot=Spot("", "lower"))),
        ("loosen it up a little", Resize(True, "slight")),
        ("a fair bit larger", Resize(True, "fair")),
        ("vastly more on the left", Confidence(True, "vast", place("left"))),
        ("make it twenty percent larger", Resize(True, "usual", 20.0, "%")),
        ("reduce it by a third", Resize(False, "usual", 33.0, "%")),
        ("everything under the diaphragm has to go", Cover(BELOW, False)),
        ("throw the right one away", Components(False, "spot", spot=Spot("right"))),
        ("don't mark the apex", Cover(APEX, False)),
        ("keep everything but the apex", Cover(APEX, False)),
        ("keep nothing but the apex", KeepRegion(APEX)),
        ("turn the sensitivity down", Confidence(False)),
        ("no gaps please", Shape("join")),
        ("no no, undo", Control("undo")),
        ("revert the last two changes", Control("undo", 2)),
        ("perfect, accept it", Control("accept")),
        ("other side, please", Retarget("opacity in the right lung")),
        ("I meant the left breast", Retarget("opacity in the left breast")),
    ],
)  # fmt: skip
def test_other_ways_to_say_it(said, wanted):
    assert one(said) == wanted


@pytest.mark.parametrize(
    "said",
    ["it's twice as large as it should be", "it is larger than it was", "you made it bigger", "no bigger than now",
     "it should not be any larger", "was it bigger before?", "the mask is smaller", "don't remove anything"],
)  # fmt: skip
def test_complaints_and_remarks_never_do_the_opposite(said):
    try:
        (done,) = of(said)
    except Misunderstood:
        return
    assert not getattr(done, "grow", False) and not getattr(done, "wanted", False)

import csv
import re
from pathlib import Path

import pytest

import kept_apart
from lexicon_checks import samples
from lexseg.datasets.refer import adjectives
from lexseg.language.asking import (
    Named,
    asks_itself,
    asks_whether_not,
    in_plain_words,
    looked_for,
    plain_sentences,
    surely_of,
)
from lexseg.language.denial import affirmed
from lexseg.language.foreign import to_model_words
from lexseg.language.lexicon import lexicon
from lexseg.language.sides import mirror_words, places
from lexseg.language.vocabulary import unknown_words

NOUNS = {
    "chest": "infection",
    "chest-ct": "lung infection",
    "breast": "breast mass",
    "colon": "polyp",
    "brain": "tumor",
    "skin": "skin lesion",
}
_SIDED, _WHERE = ((), ("left",), ("right",)), ("lung", "breast", "image", "part of the image", "side of the image")
KEPT = kept_apart.wordings()


def plainly(text: str, world: str = "chest") -> str | None:
    """How it is asked of an image of a world; "" is one of which nobody knows."""
    return in_plain_words(text, NOUNS).get(world)


@pytest.mark.parametrize(
    "text",
    [
        "What is wrong with the left lung?",
        "pls segment lt lung infiltr",
        "COVID-19 involvement of the left lung",
        "everything abnormal in the left hemithorax",
        "consolidation on the left?",
        "Please draw around the left-sided pneumonia",
        "infection in the left lung",
    ],
)
def test_one_whole_lung_is_asked_for_plainly(text: str) -> None:
    assert plainly(text) == plainly(text, "") == "infection in the left lung"
    assert plainly(mirror_words(text, "horizontal")) == "infection in the right lung"
    assert in_plain_words(text, {"chest": "opacity"})["chest"] == "opacity in the left lung"
    assert in_plain_words(text, {}) == {}


@pytest.mark.parametrize(
    "text",
    ["and the left?", "now only the left side"],
)
def test_where_no_organ_is_named_the_image_tells_which(text: str) -> None:
    assert plainly(text) == "infection in the left lung"
    assert plainly(mirror_words(text, "horizontal"), "chest-ct") == "lung infection in the right lung"
    assert [plainly(text, world) for world in ("", "breast", "colon", "brain", "skin")] == [None] * 5


@pytest.mark.parametrize(
    ("world", "text"),
    [
        ("chest", "Can you find any opacities?"),
        ("chest-ct", "any COVID here"),
        ("chest", "peripheral opacities"),
        ("brain", "a large infiltrating lesion"),
        ("brain", "the shining area"),
        ("skin", "irregular pigmented lesion with blue veil and streaks"),
        ("breast", "spiculated mass with a halo"),
        ("breast", "please draw around this tumour"),
        ("breast", "is there a suspected nodule in the breast?"),
        ("colon", "Where is the polyp?"),
        ("brain", "do we see a glioma"),
        ("brain", "all of the hyperintense area"),
        ("breast", "cyst"),
        ("breast", "is this a fibroadenoma?"),
        ("breast", "irregular, spiculated mass"),
        ("skin", "an irregular mole"),
        ("skin", "outline that mole for me"),
        ("skin", "abnormal skin"),
        ("skin", "dark spot"),
        ("skin", "discoloured area"),
        ("skin", "a brownish patch of skin"),
        ("brain", "bright region of the brain"),
        ("brain", "abnormal T2 signal"),
        ("breast", "dark lump behind the nipple"),
        ("breast", "BI-RADS 4 lesion"),
        ("breast", "space-occupying lesion"),
        ("colon", "neoplasm of the rectum"),
        ("colon", "raised lesion"),
        ("colon", "a bump on the wall"),
        ("colon", "Paris 0-Is lesion"),
        ("chest-ct", "hyperdense area"),
        ("breast", "a large, irregular mass"),
        ("skin", "a small bump"),
        ("skin", "lump on the skin"),
        ("brain", "a solitary mass"),
        ("brain", "an irregular tumour"),
        ("brain", "several lesions"),
        ("brain", "how large is the growth?"),
        ("colon", "how many polyps"),
        ("colon", "a round growth on the fold"),
        ("colon", "pedunculated polyp on a long stalk"),
        ("colon", "polyp arising from the colonic wall"),
        ("colon", "intraluminal soft tissue mass"),
        ("colon", "a projection into the lumen"),
        ("colon", "what is the lump in my gut"),
        ("colon", "is that a ball on the wall of the bowel?"),
        ("breast", "a hard knot in the breast"),
        ("breast", "my wife's breast lump"),
        ("breast", "solid mass w/ irregular margins"),
        ("breast", "hypoechoic mass at 2 o'clock, 3 cm from nipple"),
        ("breast", "simple cyst at 10 oclock, 12 x 8 mm"),
        ("colon", "5-mm polyp at 3 o\u2019clock"),
        ("chest", "consolidation, unchanged since 12/03/2021"),
        ("chest", "2-3 cm opacity (series 3, image 45)"),
        ("breast", "tumour, for biopsy planning"),
        ("breast", "severity of the breast lesion"),
        ("chest", "LRTI?"),
        ("chest", "SOB - any opacities c/w pneumonia"),
        ("chest", "loss of lucency"),
        ("chest-ct", "multilobar infection on HRCT"),
        ("chest-ct", "crazy paving pattern"),
        ("chest-ct", "reversed halo sign"),
        ("brain", "perilesional signal, supratentorial lesion"),
        ("colon", "LST, granular type"),
        ("colon", "lesion suitable for cold snare"),
        ("colon", "mark the polyp for EMR"),
        ("colon", "NICE type 2 polyp"),
        ("colon", "flat lesion in the caecum, Paris IIa"),
        ("colon", "where should I put the snare"),
        ("colon", "is there something to snare?"),
        ("colon", "0-IIa+IIc lesion"),
    ],
)
def test_all_that_such_an_image_was_taught_to_show_is_asked_for_plainly(world: str, text: str) -> None:
    assert plainly(text, world) == NOUNS[world]
    assert world in surely_of(text)


@pytest.mark.parametrize("text", ["3 polyps", "two 5 mm polyps", "polyp 2 of 3"])
def test_a_measure_picks_nothing_and_a_count_does(text: str) -> None:
    assert in_plain_words(text, NOUNS) == {}


@pytest.mark.parametrize(
    "text", ["low lung volumes", "Lung volumes are low", "lungs are not well expanded", "hypoinflated lungs"]
)
def test_a_film_taken_in_poor_inspiration_is_no_question_for_infection(text: str) -> None:
    assert in_plain_words(text, NOUNS) == {} and not surely_of(text)


@pytest.mark.parametrize(
    ("world", "text"),
    [
        ("chest", "is there a mass?"),
        ("chest", "nodules"),
        ("chest-ct", "consolidation"),  # of two that are told apart there
        ("breast", "infection"),
        ("colon", "carcinoma"),
        ("colon", "polyp of the gallbladder"),
        ("brain", "lesion in the thyroid"),
        ("skin", "melanoma"),
        ("chest", "left arm"),
        ("chest", "the right hip, please"),
        ("chest", "photo of a banana on the left"),
    ],
)
def test_what_is_another_thing_is_left_alone(world: str, text: str) -> None:
    assert plainly(text, world) is None
    assert world not in surely_of(text)


@pytest.mark.parametrize(
    ("world", "text"),
    [
        ("chest", "three opacities in the right upper zone"),
        ("chest", "a small infiltrate"),
        ("chest", "solitary opacity"),
        ("brain", "the larger tumour"),
        ("colon", "second biggest polyp from the top"),
        ("brain", "two tumours in the left half"),
        ("brain", "glioma of the left frontal lobe"),
        ("brain", "the brighter lesion"),
        ("brain", "dark lesion"),
        ("breast", "3 masses, BI-RADS 4"),
        ("chest", "bright opacity"),
    ],
)
def test_what_picks_among_targets_is_surely_of_its_world_and_asked_as_it_stands(world: str, text: str) -> None:
    assert plainly(text, world) is None
    assert world in surely_of(text)


@pytest.mark.parametrize(
    ("world", "text", "plain"),
    [
        ("chest", "LLL consolidation", "infection in the lower left lung"),
        ("brain", "abnormal signal of the parietal lobe", "tumor"),
        ("brain", "Is there a mass in the insula?", "tumor"),
        ("chest", "the left mid zone, any opacity?", "infection in the middle left lung"),
        ("chest", "lung infection at the left base", "infection in the lower left lung"),
        ("chest", "viral pneumonia, both lungs", "infection in both lungs"),
        ("chest", "b/l infiltrates", "infection in both lungs"),
        ("chest", "3.4 cm x 2.1 cm opacity in the left mid zone", "infection in the middle left lung"),
        ("chest", "in the right lower lobe consolidation measuring 4.2 by 3.1 cm", "infection in the lower right lung"),
        ("chest", "opacities at the bases", "infection in the lower left lung and lower right lung"),
        ("chest", "infection in the upper zones", "infection in the upper left lung and upper right lung"),
        ("chest", "bibasal infiltrates", "infection in the lower left lung and lower right lung"),
        ("chest", "infection in both lower lung zones", "infection in the lower left lung and lower right lung"),
        ("colon", "a tiny bump at the top", "polyp in the upper part of the image"),
        ("chest-ct", "bilateral COVID infection", "lung infection in both lungs"),
        ("breast", "Can you see a nodule towards the top left?", "breast mass in the upper left of the image"),
        ("breast", "mass at the bottom", "breast mass in the lower part of the image"),
        ("colon", "look for polyps on the left", "polyp on the left"),
        ("colon", "the polyps at the bottom left", "polyp in the lower left of the image"),
        ("brain", "hyperintense lesion in the left hemisphere", "tumor on the left"),
        ("skin", "mole in the upper half", "skin lesion in the upper part of the image"),
    ],
)
def test_a_place_is_asked_plainly_as_training_says_it(world: str, text: str, plain: str) -> None:
    assert plainly(text, world) == plain
    both = "left lung and" in plain  # the order of the two is no matter
    assert plainly(mirror_words(text, "horizontal"), world) == (plain if both else mirror_words(plain, "horizontal"))
    assert world in surely_of(text)


@pytest.mark.parametrize(
    ("world", "text"),
    [
        ("breast", "nodules in the left and the right breast, at the top"),
        ("breast", "mass in the middle of the left half"),
        ("chest-ct", "infection of the left lower lobe"),  # an axial slice has no heights
    ],
)
def test_no_other_place_is(world: str, text: str) -> None:
    assert plainly(text, world) is None


@pytest.mark.parametrize("text", ["mass in the left breast", "left breast: lump?", "a left breast tumour"])
def test_the_side_of_a_breast_is_no_place_in_its_image(text: str) -> None:
    assert plainly(text, "breast") == "breast mass"
    assert plainly(f"{text}, at the top", "breast") == "breast mass in the upper part of the image"


@pytest.mark.parametrize(
    "text",
    [
        "outline it",
        "what is wrong here?",
        "What does the scan show?",
        "mark the target",
        "what can you see in this picture?",
        "anything?",
        "Describe the image.",
        "what is this?",
        "what am I looking at",
        "which bit needs to be removed?",
        "show where to excise",
        "what needs cutting out",
        "target volume",
        "where should I biopsy",
        "the thing that has to come out",
    ],
)
def test_what_names_nothing_asks_for_all_that_the_image_was_taught_to_show(text: str) -> None:
    assert {world: plainly(text, world) for world in NOUNS} == NOUNS
    assert surely_of(text) == set(NOUNS) and plainly(text, "") is None


def test_a_part_of_the_body_in_which_something_is_wrong_is_surely_asked_for() -> None:
    assert surely_of("is something wrong with this brain?") == {"brain"}
    assert surely_of("this brain") == surely_of("what is wrong with the car") == frozenset()


@pytest.mark.parametrize(
    ("text", "world"),
    [
        ("segment the lungs", "chest"),
        ("the breast", "breast"),
        ("brain", "brain"),
        ("Outline the whole colon.", "colon"),
    ],
)
def test_an_organ_that_is_told_to_be_marked_is_not_what_is_wrong_in_it(text: str, world: str) -> None:
    assert plainly(text, world) is None and world not in surely_of(text)
    organ = text.split()[-1].strip(".")
    for asks in (f"{organ}?", f"anything in the {organ}?", f"what is the white stuff in my {organ}"):
        assert plainly(asks, world) == NOUNS[world], asks
    assert plainly(f"the {organ} on the left", "chest") != NOUNS[world]  # a place


@pytest.mark.parametrize(
    "text",
    [
        *(
            "segment the left lung",
            "Can you outline the left lung, please?",
            "where is the left lung?",
            "left lung mask",
            "segment the LLL",
            "where is the RUL?",
        ),
        *(
            "contour of both lungs",
            "both lungs",
            "delineate the left lower lobe",
            "highlight the left lung on this film",
        ),
        *("the left and the right lung", "please trace her whole right lung", "mark the lungs and the heart"),
    ],
)
def test_a_part_of_the_body_that_is_told_to_be_marked_is_asked_for_itself(text: str) -> None:
    assert asks_itself(text) and plainly(text) is None and surely_of(text) == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        *("left lung", "left lung?", "What about the left lung?", "check the left lung", "in the left lung"),
        *("mark what is wrong in the left lung", "show the white part of the left lung", "where in the left lung?"),
        *(
            "is the left lung ok",
            "look at the left lung",
            "segment the left side",
            "outline all infection in the left lung",
        ),
    ],
)
def test_what_is_wrong_in_a_lung_is_asked_for_where_it_is_not_to_be_marked_itself(text: str) -> None:
    assert not asks_itself(text)
    assert plainly(text) in (None, "infection in the left lung")  # "white" picks, where all is asked plainly


@pytest.mark.parametrize(
    ("code", "frame", "asks"),
    [
        ("en", "{} the left lung", "what about the left lung"),
        ("de", "{} die linke Lunge", "was ist mit der linken Lunge"),
        ("es", "{} el pulmón izquierdo", "¿y el pulmón izquierdo?"),
        ("fr", "{} le poumon gauche", "que voit-on dans le poumon gauche"),
        ("zh", "{}左肺", "左肺怎么样"),
    ],
)
def test_every_word_that_marks_does_so_in_its_language(code: str, frame: str, asks: str) -> None:
    words = lexicon(code)
    for row in words.rows("marks"):
        for said in samples(row):
            assert asks_itself(frame.replace("{}", said), words) == {"lung"}, said
    assert not asks_itself(asks, words)
    assert to_model_words(frame.replace("{}", said), code).text in ("segment the left lung", f"{said} the left lung")
    assert to_model_words(asks, code).text.endswith("the left lung")


@pytest.mark.parametrize("text", ["and the left?", "now the right side, please", "what about the left side?"])
def test_a_mere_side_asks_of_a_pair_of_organs(text: str) -> None:
    assert surely_of(text) == {"chest", "chest-ct"}
    assert plainly(text) in ("infection in the left lung", "infection in the right lung")


@pytest.mark.parametrize("row", lexicon().rows("things"))
def test_a_thing_that_lies_at_a_side_is_no_organ(row: str) -> None:
    (thing, *_) = samples(row)
    text = f"the {thing} on the left"
    assert unknown_words(text, lexicon()) or (surely_of(text), in_plain_words(text, NOUNS)) == (frozenset(), {}), text


@pytest.mark.parametrize(
    "text",
    [
        "the left lung",
        "upper",
        "the picturre on the left",
        "the biggest one on the left",
        "left kidney",
    ],
)
def test_nothing_is_sure_where_no_finding_is_named(text: str) -> None:
    assert surely_of(text) == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "infection in the left lung and in the right lower zone",
        "2 opacities in the left lung",
        "one infected area, left lung",
        "unilateral infection of the left lung",
        "pleural effusion, left lung",
        "nodule in the left lung",
        "left pneumothorax",
        "pleural thickening of the left chest",
        "fractured rib, left hemithorax",
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
    # "everything that is infected" stands among the captions, and asks for all there is
    placed = [entry["text"] for group in ("zones", "captions") for entry in KEPT[group]]
    assert [text for text in placed if (plain := plainly(text)) and places(plain) != places(text)] == []
    # "the RUL opacity in the left lung" and its like contradict themselves before
    lost = [text for text in KEPT["contradictions"][1:] if plainly(text) not in (None, NOUNS["chest"])]
    assert len(lost) <= 1, lost


@pytest.mark.data
@pytest.mark.parametrize("name", ["qata_covid19", "breast_us_birads"])
def test_whole_captions_and_descriptors_are_asked_as_they_stand(data_root: Path, name: str) -> None:
    with open(data_root / name / "cases.csv", newline="", encoding="utf-8") as file:
        texts = {row[key] for row in csv.DictReader(file) for key in row if re.fullmatch(r"text\w*", key)}
    assert len(texts) > 100
    assert [text for text in texts if plainly(text)] == []


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Is the left lung clear?", "infection in the left lung"),
        ("Are the lungs normal?", "infection"),
        ("Is the right lung unremarkable ?", "infection in the right lung"),
        ("Is there no infection?", "infection"),
        ("Is it free of pneumonia?", "infection"),
        ("Is pneumonia ruled out on the left?", "infection in the left lung"),
        ("no opacity on the right?", "infection in the right lung"),
        ("is this normal?", "infection"),
        ("Does everything look healthy?", "infection"),
        ("Is the film okay?", "infection"),
    ],
)
def test_who_asks_whether_nothing_is_there_denies_nothing(text: str, plain: str) -> None:
    words, settled = looked_for(text)
    assert words is not None and settled is None
    assert plainly(words, "chest") == plain and "chest" in surely_of(words)
    if affirmed(text) is None:
        assert looked_for(text.rstrip("? ") + ".")[1] == "negated"
        assert asks_whether_not(text)


@pytest.mark.parametrize(
    "text", ["is this normal", "are the lungs clear", "Is there no infection", "does it look healthy"]
)
def test_a_question_is_one_without_its_mark(text: str) -> None:
    assert looked_for(text)[1] is None and looked_for(text + ".")[1] == "negated"
    assert plainly(text, "chest") == plainly(text + "?", "chest") == "infection" and asks_whether_not(text)


@pytest.mark.parametrize(
    "text",
    ["is clear", "no infection", "normal", "The left lung is clear", "Is there any infection?", "are there spots"],
)
def test_what_is_said_or_asked_plainly_does_not_ask_whether_something_is_absent(text: str) -> None:
    assert not asks_whether_not(text)


def test_all_that_can_be_asked_plainly_is_a_few_sentences_whichever_way_round() -> None:
    few = plain_sentences(NOUNS)
    one = {each for each in few if "left lung and" not in each}  # of both, the order is no matter
    assert len(few) == 55 and {mirror_words(each, "horizontal") for each in one} == one
    places_ = [" ".join((*height, *side)) for height in ((), ("upper",), ("middle",), ("lower",)) for side in _SIDED]
    said = [f"{noun} in the {place} {where}" for noun in NOUNS.values() for place in places_ for where in _WHERE]
    said += [f"{noun} {where}" for noun in NOUNS.values() for where in ("", "on both sides", "in both lungs")]
    said += [f"{size} {noun}" for noun in NOUNS.values() for size in ("small", "large", "tiny", "big")]
    found = {plain for text in said for plain in in_plain_words(" ".join(text.split()), NOUNS).values()}
    assert found == {*few}


@pytest.mark.parametrize("text", ["Is the heart not enlarged?", "No effusion?"])
def test_who_asks_whether_something_never_learnt_is_absent_is_not_understood(text: str) -> None:
    words, settled = looked_for(text)
    assert words is not None and settled is None
    assert plainly(words, "chest") is None and "chest" not in surely_of(words)


@pytest.mark.parametrize(
    ("world", "text"),
    [
        ("colon", "One medium white oval polyp, located in right of the image."),
        ("colon", "Two small round polyps, located in bottom of the image."),
        ("breast", "One small round tumor at the top in the breast ultrasound image."),
    ],
)
def test_a_caption_is_asked_as_it_stands(world: str, text: str) -> None:
    """Of its number, size and shape a network has learnt more than the plain words say."""
    assert plainly(text, world) is None


@pytest.mark.parametrize(
    "said",
    ["5 mm", "5-mm", "3-4 x 5 mm", "2.5 cm x 3 cm x 4cm", "2 x 3 x 4 millimetres", "1" * 4000 + " mm", "12/03/2024"],
)
def test_measures_and_dates_count_nothing(said: str) -> None:
    assert Named.of(f"nodule of {said}").picks is False
    assert Named.of(f"3 nodules of {said}").picks is True

import csv
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexseg.language.lexicon import lexicon
from lexseg.language.sides import convert_laterality, mentions_side, mirror_words

LEFT_RIGHT = [
    ("lower left lung opacity", "lower right lung opacity"),
    ("Left-sided effusion", "Right-sided effusion"),
    ("LEFT LUNG, right lung", "RIGHT LUNG, left lung"),
    ("all left lung and all right lung.", "all right lung and all left lung."),
    ("all right lung", "all left lung"),
    ("All right-sided zones", "All left-sided zones"),
    ("all left and all right.", "all right and all left."),
    ("located in right of the image", "located in left of the image"),
    ("top left, bottom right of the image", "top right, bottom left of the image"),
    ("the leftmost nodule, shifted rightwards", "the rightmost nodule, shifted leftwards"),
    ("on the right-hand side", "on the left-hand side"),
    ("left/right", "right/left"),
    ("from left to right", "from right to left"),
    ("opacity, left", "opacity, right"),
    ("RUL and LLL, RML", "LUL and RLL, LML"),
    ("rt. lower lobe, Lt lung", "lt. lower lobe, Rt lung"),
    ("L lung and R breast", "R lung and L breast"),
    ("left_lung", "right_lung"),
    ("rul opacity, Lll opacity", "lul opacity, Rll opacity"),
    ("the mass is left of the heart", "the mass is right of the heart"),
    ("The larger mass is left.", "The larger mass is right."),
    ("there was left lower lobe collapse", "there was right lower lobe collapse"),
    ("on the left over the diaphragm", "on the right over the diaphragm"),
    ("on the right unchanged", "on the left unchanged"),
    ("left angle of the mandible", "right angle of the mandible"),
    ("the patient's left lung", "the patient's right lung"),
    ("the left lung was left untreated", "the right lung was left untreated"),
    ("left lateral ventricle", "right lateral ventricle"),
]

NO_SIDE = [
    "bilateral infiltrates in both lungs",
    "fluid left over, the leftover fluid, left-over fluid",
    "the drain was left in place",
    "Left in situ.",
    "left unchanged",
    "nothing was left.",
    "the patient left the hospital",
    "call right away",
    "all right",
    "The patient is all right.",
    "all right, go on",
    "a right angle, right-angled",
    "right-handed man",
    "upright film, copyright, bright, outright, cleft, Wright",
    "right in the middle",
    "right behind the heart",
    "the right diagnosis at the right time",
    "L4 and R2, grade l, radiotherapy (RT)",
    "after RT. No change",
    "dilated left ventricle, right atrium",
    "left and right ventricles",
    "left hepatic lobe",
    "two-sided",
    "",
]

UP_DOWN = [
    ("Upper left lung", "Lower left lung"),
    ("upper middle lower right lung", "lower middle upper right lung"),
    ("TOP of the image", "BOTTOM of the image"),
    ("in top left, bottom right", "in bottom left, top right"),
    ("superior to the hilum", "inferior to the hilum"),
    ("uppermost, topmost", "lowermost, bottommost"),
    ("above the diaphragm", "below the diaphragm"),
    ("extends upwards", "extends downwards"),
    ("biapical scars, basal opacity", "bibasal scars, apical opacity"),
    ("the left base and both apices", "the left apex and both bases"),
    ("apex of the right lung", "base of the right lung"),
    ("at the bases", "at the apices"),
    ("RUL, LLZ and RML", "RLL, LUZ and RML"),
]

NO_HEIGHT = [
    "left and right lung",
    "lower density than before",
    "upper extremity, upper respiratory tract",
    "heart at the upper limits of normal",
    "superior vena cava, inferior mesenteric artery",
    "base of the polyp, broad base, skull base",
    "bases of the polyps",
    "basal cell, basal ganglia",
    "apical four-chamber view",
    "as above",
    "described above",
    "below 5 mm",
    "laptop, stopped, uppercase",
    "top normal heart",
]


def test_letters_of_other_alphabets_that_are_taken_for_ours() -> None:
    assert mirror_words("r\u0131ght lung, R\u0130GHT \u017fide", "horizontal") == "left lung, LEFT \u017fide"
    assert mirror_words("\u017fuperior zone", "vertical") == "inferior zone"


@pytest.mark.parametrize(("text", "mirrored"), LEFT_RIGHT)
def test_left_and_right_are_swapped(text: str, mirrored: str) -> None:
    assert mirror_words(text, "horizontal") == mirrored
    assert mirror_words(mirrored, "horizontal") == text
    assert mentions_side(text)


@pytest.mark.parametrize("text", NO_SIDE)
def test_words_that_name_no_side_stay(text: str) -> None:
    assert mirror_words(text, "horizontal") == text
    assert not mentions_side(text)


@pytest.mark.parametrize(("text", "mirrored"), UP_DOWN)
def test_up_and_down_are_swapped(text: str, mirrored: str) -> None:
    assert mirror_words(text, "vertical") == mirrored
    assert mirror_words(mirrored, "vertical") == text


@pytest.mark.parametrize("text", NO_HEIGHT)
def test_words_that_name_no_height_stay(text: str) -> None:
    assert mirror_words(text, "vertical") == text


@pytest.mark.parametrize(("text", "_"), LEFT_RIGHT[:10])
def test_axes_do_not_mix(text: str, _: str) -> None:
    both = mirror_words(mirror_words(text, "horizontal"), "vertical")
    assert both == mirror_words(mirror_words(text, "vertical"), "horizontal")


def _vocabulary() -> list[str]:
    """Every plain word in the tables, so that rules meet each other in all orders."""
    extra = [
        "lung",
        "lobe",
        "heart",
        "polyp",
        "image",
        "was",
        "left_lung",
        "5",
        "chamber",
        "🙂",
        "肺",
        "is",
        "all",
        "both",
    ]
    words = set(extra)
    tables = {**lexicon().value("sides"), **lexicon().value("heights")}
    for name, value in tables.items():
        if name != "misspelt":  # they come back well spelt
            words |= set(re.findall(r"[A-Za-z]+", str(value)))
    both_cases = words | {w.upper() for w in words} | {w.capitalize() for w in words}
    return sorted(both_cases)


SENTENCE = st.lists(
    st.tuples(
        st.one_of(
            st.sampled_from(["left", "right", "all", "upper", "base", "the", "and"]), st.sampled_from(_vocabulary())
        ),
        st.sampled_from([" ", " ", " ", ", ", ". ", "-", "/", "\n"]),
    ),
    max_size=12,
).map(lambda parts: "".join(word + gap for word, gap in parts))


@given(SENTENCE, st.sampled_from(["horizontal", "vertical"]))
def test_mirrored_twice_is_the_same_again(text: str, axis: str) -> None:
    once = mirror_words(text, axis)  # type: ignore[arg-type]
    assert mirror_words(once, axis) == text  # type: ignore[arg-type]


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    mirror_words(text, "horizontal")
    mirror_words(text, "vertical")


def test_odd_capitals_are_still_swapped() -> None:
    assert mirror_words("LEft lung", "horizontal") == "right lung"


@pytest.mark.parametrize(
    ("text", "mirrored"),
    [("letf lung", "right lung"), ("RIGTH LUNG, Leftt lung", "LEFT LUNG, Right lung"), ("raised LFT, a leftover", "")],
)
def test_a_misspelt_side_is_swapped_for_the_other(text: str, mirrored: str) -> None:
    assert mirror_words(text, "horizontal") == (mirrored or text)
    assert mentions_side(text) == bool(mirrored)


def test_an_unknown_axis_is_refused() -> None:
    with pytest.raises(ValueError, match="diagonal"):
        mirror_words("left", "diagonal")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("image", "patient", "right lung"),
        ("patient", "image", "right lung"),
        ("image", "image", "left lung"),
        (None, "image", "left lung"),
        ("patient", None, "left lung"),
    ],
)
def test_laterality_is_converted_where_it_differs(source: str | None, target: str | None, expected: str) -> None:
    assert convert_laterality("left lung", source, target) == expected  # type: ignore[arg-type]


def test_an_unknown_laterality_is_refused() -> None:
    with pytest.raises(ValueError, match="viewer"):
        convert_laterality("left", "viewer", "image")  # type: ignore[arg-type]


def _sentences(data_root: Path, folder: str, columns: list[str]) -> set[str]:
    with open(data_root / folder / "cases.csv", newline="", encoding="utf-8-sig") as file:
        return {row[column] for row in csv.DictReader(file) for column in columns}


def _counts(text: str, words: tuple[str, str]) -> tuple[int, int]:
    first, second = (len(re.findall(rf"\b{word}\b", text, re.IGNORECASE)) for word in words)
    return first, second


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "columns"),
    [
        ("qata_covid19", ["text", "text_sgseg"]),
        ("polyp_kvasir", ["text", "text_long", "text_derived"]),
        ("breast_us_birads", ["text", "text_full", "text_derived"]),
        ("busi_subset", ["text", "text_derived"]),
        ("covid_ct", ["text", "text_derived"]),
    ],
)
def test_in_all_published_sentences_every_side_is_swapped(data_root: Path, folder: str, columns: list[str]) -> None:
    sentences = _sentences(data_root, folder, columns)
    assert len(sentences) > 70
    for axis, pairs in (
        ("horizontal", [("left", "right")]),
        ("vertical", [("upper", "lower"), ("top", "bottom")]),
    ):
        for text in sentences:
            mirrored = mirror_words(text, axis)  # type: ignore[arg-type]
            for pair in pairs:
                assert _counts(mirrored, pair) == _counts(text, pair)[::-1], text
            assert mirror_words(mirrored, axis) == text  # type: ignore[arg-type]


@pytest.mark.data
def test_about_half_of_the_qata_sentences_read_the_same_after_a_swap(data_root: Path) -> None:
    with open(data_root / "qata_covid19" / "cases.csv", newline="", encoding="utf-8-sig") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    swapped = [mirror_words(text, "horizontal") for text in texts]

    def clauses(text: str) -> frozenset[str]:
        return frozenset(re.split(r", | and ", text.rstrip(".")))

    same = sum(clauses(a) == clauses(b) for a, b in zip(texts, swapped, strict=True)) / len(texts)
    assert 0.45 < same < 0.6

"""LViT's captions: words for areas that can be drawn by hand, and for real films."""

import csv

import numpy as np
import pytest

from lexseg.datasets.describe.areas import areas_of, number_word
from lexseg.datasets.describe.lvit import heights_of, sentence
from lexseg.language.sides import places
from lexseg.scans.masks import read_mask
from referring import mask_of

SIZE = (200, 200)


def said(*ellipses, min_area=1e-4):
    mask = mask_of(*ellipses, size=SIZE)
    return sentence(areas_of(mask, min_area=min_area), SIZE)


def box(top, bottom, left=20, right=60):
    mask = np.zeros(SIZE, bool)
    mask[round(top * 200) : round(bottom * 200), left:right] = True
    return mask


@pytest.mark.parametrize(
    ("top", "bottom", "heights"),
    [
        (0.05, 0.30, {"upper"}),
        (0.28, 0.50, {"middle"}),
        (0.45, 0.70, {"lower"}),
        (0.35, 0.80, {"middle", "lower"}),
        (0.10, 0.75, {"upper", "middle", "lower"}),
    ],
)
def test_heights_follow_from_where_an_area_begins_and_ends(top, bottom, heights):
    (area,) = areas_of(box(top, bottom), min_area=0)
    assert heights_of(area, 200) == heights


@pytest.mark.parametrize(
    ("ellipses", "expected"),
    [
        ([(120, 50, 20, 15)], "Unilateral pulmonary infection, one infected area, lower left lung."),
        (
            [(40, 50, 15, 15), (120, 150, 20, 15)],
            "Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung.",
        ),
        (
            [(40, 150, 15, 15), (130, 150, 20, 15), (90, 50, 60, 20)],
            "Bilateral pulmonary infection, three infected areas, all left lung and upper lower right lung.",
        ),
        # one area over both lungs is one area of both
        ([(90, 100, 60, 70)], "Bilateral pulmonary infection, one infected area, all left lung and all right lung."),
        # several areas that together take the lung are listed, as "all" is said of one
        (
            [(30, 50, 12, 15), (75, 50, 12, 15), (140, 50, 20, 15)],
            "Unilateral pulmonary infection, three infected areas, upper middle lower left lung.",
        ),
        ([], "No pulmonary infection."),
    ],
)
def test_sentences(ellipses, expected):
    assert said(*ellipses) == expected


def test_strays_are_not_counted_unless_there_is_nothing_else():
    lesion, stray = (120, 50, 20, 15), (20, 150, 0.5, 0.5)
    assert "one infected area, lower left" in said(lesion, stray)
    assert "two infected areas" in said(lesion, stray, min_area=0)
    assert "one infected area, upper right" in said(stray)


def test_numbers():
    assert [number_word(number) for number in (0, 1, 10, 11, 400)] == ["no", "one", "ten", "many", "many"]


def test_qatas_own_captions_as_far_as_masks_determine_them(data_root):
    root = data_root / "qata_covid19"
    with open(root / "cases.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[::24]
    number = sides = exact = 0
    for row in rows:
        mask = read_mask(root / row["mask"])
        ours, own = sentence(areas_of(mask, min_area=1e-4), mask.shape).lower(), row["text"]
        exact += ours == own
        number += ours.split(",")[1] == own.split(",")[1]
        sides += {side for side, _ in places(ours)} == {side for side, _ in places(own)}
    # over all 7,139 films: all, 0.996 and 0.691; the commonest sentence alone would be right for 0.283
    assert number == len(rows)
    assert sides > 0.97 * len(rows)
    assert exact > 0.6 * len(rows)

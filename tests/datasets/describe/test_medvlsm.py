"""The prompts p0 to p9: their form held against the study's own files, their words against drawn areas."""

import json

import numpy as np
import pytest

from lexseg.datasets.describe.areas import areas_of
from lexseg.datasets.describe.medvlsm import Subject, cells_of, phrasings, prompt, shape_of, size_of
from lexseg.scans.masks import read_mask
from referring import mask_of

SIZE = (90, 90)
PROMPTS = [f"p{number}" for number in range(10)]
POLYP = Subject("polyp", "yellow", "{subject} which is a projecting growth of tissue")


def areas(*ellipses, size=SIZE):
    return areas_of(mask_of(*ellipses, size=size), min_area=1e-4)


def test_what_each_prompt_adds():
    found = areas((45, 75, 12, 12), (10, 15, 5, 5))
    assert [prompt(style, Subject("polyp", "yellow"), found, SIZE) for style in PROMPTS[:7]] == [
        "",
        "polyp",
        "round polyp",
        "yellow round polyp",
        "small yellow round polyp",
        "two small yellow round polyp",
        "two small yellow round polyp, located in top left, right of the image",
    ]
    assert [prompt(style, POLYP, found, SIZE) for style in PROMPTS[7:]] == [
        "polyp which is a projecting growth of tissue",
        "two small yellow round polyp which is a projecting growth of tissue",
        "two small yellow round polyp which is a projecting growth of tissue located in top left, right of the image",
    ]
    assert prompt("p3", Subject("polyp"), found, SIZE) == "round polyp"  # no colour is known


def test_nothing_there():
    assert [prompt(style, POLYP, [], SIZE) for style in ("p1", "p5", "p6", "p8", "p9")] == [
        "polyp",
        "no polyp",
        "no polyp in the image",
        "no polyp",
        "no polyp in the image",
    ]


@pytest.mark.parametrize(
    ("half_axes", "size"), [((10, 10), "small"), ((20, 20), "medium"), ((40, 30), "large"), ((6, 40), "small")]
)
def test_sizes(half_axes, size):
    (area,) = areas((45, 45, *half_axes))
    assert size_of(area) == size


def test_shapes():
    found = [areas((45, 45, height, width))[0] for height, width in ((20, 20), (20, 12), (30, 10))]
    assert [shape_of(area) for area in found] == ["round", "oval", "elongated"]
    cross = np.zeros(SIZE, bool)
    cross[40:50, 10:80] = cross[10:80, 40:50] = True
    (area,) = areas_of(cross, min_area=0)
    assert shape_of(area) == "irregular"


def test_cells_are_named_once_from_the_top():
    every = [(row, column, 4, 4) for row in (75, 45, 15) for column in (75, 45, 15)]
    names = ["top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right"]
    assert cells_of(areas(*every), SIZE) == names
    assert cells_of(areas((10, 10, 4, 4), (22, 22, 4, 4)), SIZE) == ["top left"]
    # an area at the very end lies in the last third
    edge = np.zeros(SIZE, bool)
    edge[-1, -1] = True
    assert cells_of(areas_of(edge, min_area=0), SIZE) == ["bottom right"]


def test_one_description_has_five_phrasings_and_several_have_the_studys():
    one = phrasings(["a lump"])
    assert len(set(one)) == 5 and one[0] == "{subject} which is a lump"
    assert all("{subject}" in form and "a lump" in form for form in one)
    assert phrasings(["a", "b", "c"]) == ("{subject} which is a", "{subject} which is b", "{subject} which is c")
    # words of the user's are never taken for our own marks
    assert phrasings(["{x} {0}"])[0].replace("{subject}", "polyp") == "polyp which is {x} {0}"


def test_kvasirs_own_prompts(data_root):
    """Where number, size, shape and places agree, every prompt is the study's own, letter for letter."""
    root = data_root / "polyp_kvasir"
    own = json.loads((root / "medvlsm_val.json").read_text(encoding="utf-8"))
    same = sizes = numbers = seen = 0
    for item in own:
        path = root / "masks" / f"{item['segment_id']}.png"
        if not path.exists():
            continue
        seen += 1
        mask, theirs = read_mask(path), item["prompts"]
        found = areas_of(mask, min_area=1e-4)
        words = theirs["p5"].split()
        ours = prompt("p6", Subject("polyp", words[2]), found, mask.shape)
        numbers += ours.split()[0] == words[0]
        sizes += ours.split()[1] == words[1].strip(",")
        if ours != theirs["p6"]:
            continue
        same += 1
        for style in PROMPTS[:7]:
            assert prompt(style, Subject("polyp", words[2]), found, mask.shape) == theirs[style]
        description = theirs["p7"][0].removeprefix("polyp which is ")
        subject = Subject("polyp", words[2], phrasings([description])[0])
        for style in PROMPTS[7:]:
            assert prompt(style, subject, found, mask.shape) == theirs[style][0]
    assert same >= 15  # 0.86 of the numbers, 0.91 of the sizes, half of the shapes, 0.65 of the places agree
    assert numbers > 0.75 * seen and sizes > 0.8 * seen

"""What a style is said to leak is what of the mask its sentence depends on."""

import re
from pathlib import Path

import pytest

from lexseg.cases.manifest import read_manifest
from lexseg.datasets.describe import STYLES, DescribeSettings, describe
from referring import mask_of

# masks that differ from one another in one thing
ONE = [(20, 30, 9, 9)]
PAIRS = {
    "presence": (ONE, []),
    "shape": (ONE, [(20, 30, 5, 16)]),
    "size": ([(100, 30, 8, 14.5)], [(100, 30, 16, 29)]),
    "number": (ONE, [*ONE, (32, 22, 2, 2)]),
    "places": (ONE, [(100, 30, 9, 9)]),
    "sides": (ONE, [(20, 90, 9, 9)]),
}
# presence is told by whatever is told; a side is one of the places
IMPLIED = {"sides": "places"}


@pytest.mark.parametrize("name", STYLES)
def test_a_style_leaks_what_it_says_and_nothing_else(name, make_films, tmp_path):
    style = STYLES[name]
    films = [film for pair in PAIRS.values() for film in pair]
    options = {"class_name": "polyp"} if style.class_name else {}
    if style.description:
        options["descriptions"] = ("a lump", "a growth")
    path = make_films(*films)
    # all have one id's draw of the description, so that only the mask can change the sentence
    texts = []
    for number in range(len(films)):
        one = path.with_name(f"one{number}.csv")
        one.write_text(
            f"id,image,mask,laterality\nf,images/f{number}.png,masks/f{number}.png,image\n", encoding="utf-8"
        )
        settings = DescribeSettings(name, **options)
        (case,) = read_manifest(describe([one], tmp_path / f"out{number}", settings).manifest)
        assert case.leaks_mask is style.leaks_mask
        texts.append(case.text)
    told = {
        what for what, number in zip(PAIRS, range(0, len(films), 2), strict=True) if texts[number] != texts[number + 1]
    }
    expected = set(style.leaks) | {side for side, place in IMPLIED.items() if place in style.leaks}
    assert told == expected


def test_the_leak_free_styles_are_those_of_the_study():
    assert [name for name, style in STYLES.items() if not style.leaks_mask] == ["p0", "p1", "p7"]


def test_masks_of_the_pairs_differ():
    assert all((mask_of(*a) != mask_of(*b)).any() for a, b in PAIRS.values())


def test_the_reference_page_says_the_same():
    page = Path(__file__).parents[3] / "docs/reference/describe.md"
    rows = re.findall(
        r"^\| `(\w+)` \| .* \| (.*?) ?\| `(true|false)` \|$", page.read_text(encoding="utf-8"), re.MULTILINE
    )
    told = {name: (", ".join(style.leaks), str(style.leaks_mask).lower()) for name, style in STYLES.items()}
    assert {name: (leaks, flag) for name, leaks, flag in rows} == told

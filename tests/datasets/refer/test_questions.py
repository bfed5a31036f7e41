"""Questions beside an image's own expressions: general ones, other images' sentences, foreign words."""

import csv

import pytest

from lexseg.cases.check import check_manifest
from lexseg.cases.manifest import read_manifest
from lexseg.datasets.refer import ReferSettings, refer
from lexseg.errors import ConfigError
from lexseg.language.denial import affirmed
from lexseg.language.sides import places
from referring import LEFT_LOWER, RIGHT_UPPER

WORDINGS = tuple(f"text_{n}" if n > 1 else "text" for n in range(1, 5))

SENTENCE = "Bilateral pulmonary infection, two infected areas, upper left lung and lower right lung."


def rows_of(manifest):
    with open(manifest, encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def films(make_films):
    return make_films([LEFT_LOWER], [LEFT_LOWER, RIGHT_UPPER], [], [])


def made(films, output, **settings):
    return rows_of(refer([films], output, ReferSettings(anatomy="chest", **settings)).manifest)


def of(rows, image, query=None):
    return [r for r in rows if r["image"].endswith(image) and query in (None, r["query"])]


def test_every_image_is_asked_whether_anything_is_there(films, tmp_path):
    rows = made(films, tmp_path / "out", general=3)
    for image, kind in (("f0.png", "one"), ("f1.png", "several"), ("f2.png", "none")):
        asked = of(rows, image, "all")
        assert len(asked) >= 3 and {row["expression_kind"] for row in asked} == {kind}
        assert len({row["text"] for row in asked}) > 1


def test_general_questions_have_both_answers_in_the_same_words(make_films, tmp_path):
    """A wording that only healthy films meet becomes a "no" by itself."""
    pictures = [[LEFT_LOWER]] * 30 + [[]] * 30
    rows = made(make_films(*pictures), tmp_path / "out", general=4, wordings=8)
    words = {True: set(), False: set()}
    for row in rows:
        if row["query"] == "all":
            words[row["expression_kind"] == "none"] |= {row[c] for c in WORDINGS if row.get(c)}
    both = words[True] & words[False]
    singular = {w for w in words[False]}
    assert len(both) > 0.6 * len(singular)


def test_how_much_a_healthy_image_is_asked(films, tmp_path):
    assert len(of(made(films, tmp_path / "few", absent=2), "f2.png")) == 2
    assert len(of(made(films, tmp_path / "many", absent=8, expressions=8), "f2.png")) == 8


def test_healthy_images_are_asked_other_images_sentences(films, tmp_path):
    with open(films, encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    for row, text in zip(
        table, ("opacity, lower left lung", "two opacities", "No infection.", "clear lungs"), strict=True
    ):
        row["text"] = text
    with open(films, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    rows = made(films, tmp_path / "out", captions=True, others=3)
    told = {row["split"]: row["text"] for row in table[:2]}
    for image, split in (("f2.png", "train"), ("f3.png", "val")):
        asked = [row for row in of(rows, image) if "_o0" in row["id"]]
        assert len(asked) == 3 and {row["expression_kind"] for row in asked} == {"none"}
        assert {row["text"] for row in asked} == {told[split]}
    # a denial is answered before a model is asked: nothing is learnt from it
    assert "No infection." not in {row["text"] for row in rows}


def test_captions_in_other_words(films, tmp_path):
    with open(films, encoding="utf-8") as file:
        table = [row | {"text": SENTENCE} for row in csv.DictReader(file)]
    with open(films, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    rows = made(films, tmp_path / "out", captions=True, paraphrases=5)
    captions = [row for row in rows if row["id"].endswith("_caption")]
    assert len(captions) == 4
    said = [[row[f"text_{n}"] for n in range(2, 7)] for row in captions]
    assert all(len(set(texts) - {""}) == 5 for texts in said) and len({tuple(texts) for texts in said}) == 4
    assert all(places(text) == places(table[0]["text"]) for texts in said for text in texts)


def test_foreign_questions_name_nothing_of_the_image(films, tmp_path):
    report = refer([films], tmp_path / "out", ReferSettings(anatomy="chest", foreign=6))
    cases = [c for c in read_manifest(report.manifest, text_columns=WORDINGS) if c.expression_kind == "foreign"]
    assert len(cases) == 4 * 6
    assert all(c.target_ids == () and c.mask is not None for c in cases)
    assert len({c.text for c in cases}) > 20
    assert all(affirmed(c.text) is not None for c in cases)
    assert check_manifest(report.manifest, text_columns=WORDINGS).ok
    assert report.statistics.kinds["foreign"] == 24


def test_an_image_that_is_only_known_to_be_ill(films, tmp_path):
    with open(films, encoding="utf-8") as file:
        table = [row | {"present": "yes" if row["id"].endswith("1") else ""} for row in csv.DictReader(file)]
    table[1]["mask"] = ""
    with open(films, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    manifest = refer([films], tmp_path / "out", ReferSettings(anatomy="chest", general=3, foreign=2)).manifest
    cases = [case for case in read_manifest(manifest, text_columns=WORDINGS) if case.image.name == "f1.png"]
    known = [case for case in cases if case.expression_kind is None]
    assert len(known) == 3 and all(case.mask is None and case.present == "yes" for case in known)
    assert not any("left" in text or "right" in text for case in known for text in case.texts)
    foreign = [case for case in cases if case.expression_kind == "foreign"]
    assert len(foreign) == 2 and all(case.present == "no" and case.mask is None for case in foreign)


@pytest.mark.parametrize(
    "settings", [{"foreign": -1}, {"general": -2}, {"absent": -1}, {"others": 2}, {"paraphrases": 1}]
)
def test_numbers_that_cannot_be(settings):
    with pytest.raises(ConfigError):
        ReferSettings(anatomy="chest", **settings)

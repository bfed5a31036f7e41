"""The whole way: manifests in, a manifest with sentences out, or nothing."""

import csv
import os

import numpy as np
import pytest
from PIL import Image

from lexseg.cases.check import check_manifest
from lexseg.cases.manifest import read_manifest
from lexseg.datasets.describe import DescribeSettings, describe
from lexseg.errors import ConfigError, DataError
from referring import LEFT_LOWER, RIGHT_UPPER, mask_of

LVIT = DescribeSettings("lvit")
P6 = DescribeSettings("p6", class_name="polyp")
P1 = DescribeSettings("p1", class_name="polyp")


def rows_of(path):
    with open(path, encoding="utf-8") as file:
        return list(csv.DictReader(file))


def rewrite(path, change, name=None):
    """The manifest with its rows changed."""
    rows = rows_of(path)
    for number, row in enumerate(rows):
        change(number, row)
    new = path.with_name(name or path.name)
    with open(new, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)), restval="")
        writer.writeheader()
        writer.writerows(rows)
    return new


@pytest.fixture
def films(make_films):
    return make_films([LEFT_LOWER], [LEFT_LOWER, RIGHT_UPPER], [])


class TestTheManifest:
    def test_a_folder(self, films, tmp_path):
        report = describe([films], tmp_path / "out", LVIT)
        assert report.manifest == tmp_path / "out/cases.csv"
        assert (report.cases, report.sentences, report.empty, report.left_out) == (3, 3, 1, 0)
        assert {path.name for path in (tmp_path / "out").iterdir()} == {"cases.csv", "images", "masks"}
        assert os.path.samefile(films.parent / "images/f0.png", tmp_path / "out/images/f0.png")
        assert check_manifest(report.manifest).ok
        cases = read_manifest(report.manifest)
        assert [case.text for case in cases] == [
            "Unilateral pulmonary infection, one infected area, lower left lung.",
            "Bilateral pulmonary infection, two infected areas, lower left lung and upper right lung.",
            "No pulmonary infection.",
        ]
        for case in cases:
            assert (case.extra["text_style"], case.leaks_mask, case.language) == ("lvit", True, "en")
            assert case.extra["text_own"] == "infected lungs"
        assert [(case.id, case.patient, case.split) for case in cases] == [
            ("f0", "p0", "train"),
            ("f1", "p1", "val"),
            ("f2", "p2", "train"),
        ]

    @pytest.mark.parametrize("name", ["films/lvit.csv", "films/lvit.jsonl", "all.csv"])
    def test_a_file_beside_the_images_or_above(self, films, tmp_path, name):
        report = describe([films], tmp_path / name, LVIT)
        cases = read_manifest(report.manifest)
        assert [case.image for case in cases] == [case.image for case in read_manifest(films)]
        assert cases[0].text.startswith("Unilateral")

    def test_a_second_style_keeps_the_first_sentence_of_all(self, films, tmp_path):
        first = describe([films], films.with_name("p6.csv"), P6).manifest
        (case, *_) = read_manifest(describe([first], films.with_name("p1.csv"), P1).manifest)
        assert (case.text, case.extra["text_own"], case.extra["text_style"]) == ("polyp", "infected lungs", "p1")
        assert case.leaks_mask is False

    def test_several_manifests(self, make_films, tmp_path):
        paths = [make_films([LEFT_LOWER], folder="a"), make_films([RIGHT_UPPER], folder="b")]
        cases = read_manifest(describe(paths, tmp_path / "out", P6).manifest)
        assert [case.id for case in cases] == ["a/f0", "b/f0"]
        assert [case.image.name for case in cases] == ["f0.png", "f0_2.png"]
        assert [case.text for case in cases] == [
            "one small oval polyp, located in bottom left of the image",
            "one small round polyp, located in top right of the image",
        ]

    def test_an_organs_mask_stays_in_reach(self, films, tmp_path):
        Image.fromarray(np.full((120, 120), 255, np.uint8)).save(films.parent / "lung.png")
        rewrite(films, lambda number, row: row.update(organ="lung.png" if number else ""))
        into = describe([films], tmp_path / "out", P6).manifest
        above = describe([films], tmp_path / "all.csv", P6).manifest
        assert [row["organ"] for row in rows_of(into)] == ["", "organs/lung.png", "organs/lung.png"]
        assert [row["organ"] for row in rows_of(above)] == ["", "films/lung.png", "films/lung.png"]
        assert (tmp_path / "out/organs/lung.png").is_file()


class TestWords:
    @pytest.mark.parametrize(
        ("laterality", "side", "stated"),
        [("image", "left", "image"), ("patient", "right", "patient"), ("", "left", "image")],
    )
    def test_whose_left(self, make_films, tmp_path, laterality, side, stated):
        path = make_films([LEFT_LOWER], laterality=laterality)
        report = describe([path], tmp_path / "out", P6)
        (case,) = read_manifest(report.manifest)
        assert case.text.endswith(f"bottom {side} of the image") and case.laterality == stated
        assert any("whose left is left" in note.message for note in report.notes) is (laterality == "")

    def test_a_sentence_without_sides_does_not_claim_whose(self, make_films, tmp_path):
        (case,) = read_manifest(describe([make_films([LEFT_LOWER], laterality="")], tmp_path / "out", P1).manifest)
        assert case.laterality is None

    @pytest.mark.parametrize("laterality", ["image", "patient", ""])
    def test_the_users_own_words_are_not_turned(self, make_films, tmp_path, laterality):
        path = make_films([LEFT_LOWER], laterality=laterality)
        for style, end in (("p7", "the left one"), ("p9", "of the image")):
            settings = DescribeSettings(style, class_name="left lung", descriptions=("the left one", "the left one"))
            (case,) = read_manifest(describe([path], tmp_path / style, settings).manifest)
            assert "left lung which is the left one" in case.text and case.text.endswith(end)
            assert case.laterality == (laterality or ("image" if style == "p9" else None))

    def test_classes_and_colours_of_rows(self, films, tmp_path):
        rewrite(
            films,
            lambda number, row: row.update(target=["ggo", "cyst_wall", "ggo"][number], hue=["", "red ", ""][number]),
        )
        settings = DescribeSettings("p3", class_column="target", color_column="hue")
        texts = [case.text for case in read_manifest(describe([films], tmp_path / "out", settings).manifest)]
        assert texts == ["oval ground-glass opacity", "red oval cyst wall", "no ground-glass opacity"]

    def test_descriptions_are_drawn_by_seed_and_case_alone(self, make_films, tmp_path):
        path = make_films(*[[LEFT_LOWER]] * 40)

        def drawn(output, **options):
            settings = DescribeSettings("p7", class_name="polyp", **options)
            return [case.text for case in read_manifest(describe([path], tmp_path / output, settings).manifest)]

        one = drawn("a", descriptions=("a lump",))
        assert len(set(one)) == 5 and all(text.startswith("polyp") and "a lump" in text for text in one)
        assert drawn("b", descriptions=("a lump",)) == one != drawn("c", descriptions=("a lump",), seed=1)
        three = ("a lump", "a growth", "a bump")
        assert set(drawn("d", descriptions=three)) == {f"polyp which is {each}" for each in three}

    def test_labels_and_instances_are_read_as_everywhere(self, make_films, tmp_path):
        values = mask_of(LEFT_LOWER) + 2 * mask_of(RIGHT_UPPER).astype(np.uint8)
        path = make_films(values, values, values)
        rewrite(
            path,
            lambda number, row: row.update({"label": ["1", "2", ""][number], "target_ids": ["", "", "1 2"][number]}),
        )
        texts = [case.text for case in read_manifest(describe([path], tmp_path / "out", LVIT).manifest)]
        assert [text.rsplit(", ", 1)[1] for text in texts] == [
            "lower left lung.",
            "upper right lung.",
            "lower left lung and upper right lung.",
        ]


class TestBadInput:
    def test_no_masks(self, films, tmp_path):
        rewrite(films, lambda number, row: row.update(mask=""))
        with pytest.raises(DataError, match="none of the 3 rows has one; the styles p0, p1 and p7 need none"):
            describe([films], tmp_path / "out", P6)
        assert {path.name for path in tmp_path.iterdir()} == {"films"}
        assert [case.text for case in read_manifest(describe([films], tmp_path / "out", P1).manifest)] == ["polyp"] * 3

    def test_rows_without_a_mask_are_left_out_and_named(self, films, tmp_path):
        rewrite(films, lambda number, row: row.update(mask="" if number == 1 else row["mask"]))
        report = describe([films], tmp_path / "out", P6)
        assert (report.cases, report.left_out) == (2, 1)
        note = report.notes[0]
        assert (note.severity, note.row, note.column) == ("warning", 3, "mask")
        assert [path.name for path in sorted((tmp_path / "out/images").iterdir())] == ["f0.png", "f2.png"]

    def test_all_problems_at_once_and_nothing_written(self, films, tmp_path):
        Image.fromarray(np.zeros((7, 9), np.uint8)).save(films.parent / "masks/f0.png")
        (films.parent / "masks/f2.png").write_bytes(b"no image")
        for output in (tmp_path / "out", films.with_name("new.csv")):
            with pytest.raises(DataError) as caught:
                describe([films], output, P6)
            message = str(caught.value)
            assert "2 problems" in message and "row 2: the mask is 7 x 9 pixels, but the image is 120 x 120" in message
            assert "row 4" in message and "infected" not in message
            assert not output.exists()
        assert {path.name for path in tmp_path.iterdir()} == {"films"}

    def test_a_row_without_its_class(self, films, tmp_path):
        rewrite(films, lambda number, row: row.update(target="" if number == 1 else "cyst"))
        with pytest.raises(DataError, match="1 problem:") as caught:
            describe([films], tmp_path / "out", DescribeSettings("p1", class_column="target"))
        where, message = str(caught.value).splitlines()[1].split(": ", 1)
        assert (where.strip(), message) == (
            f"{films}, row 3",
            "the column 'target' is empty; what does this mask show?",
        )

    def test_expressions_are_not_described(self, films, tmp_path):
        rewrite(films, lambda number, row: row.update(expression_kind="none", target_ids=""))
        with pytest.raises(DataError, match="describe the manifest that they were made from"):
            describe([films], tmp_path / "out", P6)

    def test_what_is_there_is_never_written_over(self, films, tmp_path):
        before = films.read_bytes()
        for output in (films, films.parent):
            with pytest.raises(DataError, match="is there already"):
                describe([films], output, P6)
        assert films.read_bytes() == before

    @pytest.mark.parametrize(
        ("output", "message"),
        [
            ("other/new.csv", "has its images elsewhere; name a folder"),
            ("nowhere/new.csv", "there is no folder"),
            ("new.xlsx", "a manifest ends in .csv or .jsonl"),
        ],
    )
    def test_where_a_manifest_cannot_be(self, films, tmp_path, output, message):
        (tmp_path / "other").mkdir()
        with pytest.raises(DataError, match=message):
            describe([films], tmp_path / output, P6)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"name": "p10"}, "style 'p10' is none of lvit, p0"),
            ({"name": "p1"}, "--class_name polyp, or --class_column"),
            ({"name": "p1", "class_name": " "}, "class name is blank"),
            ({"name": "p1", "class_name": "a", "class_column": "b"}, "not both"),
            ({"name": "p7", "class_name": "a"}, "--description"),
            ({"name": "p7", "class_name": "a", "descriptions": ("x", "")}, "description is blank"),
            ({"name": "p6", "class_name": "a", "descriptions": ("x",)}, "says no description"),
            ({"name": "lvit", "class_name": "a"}, "says no class name"),
            ({"name": "p2", "class_name": "a", "color_column": "b"}, "says no colour"),
            ({"name": "p0", "min_area": 1}, "share of the image"),
        ],
    )
    def test_options_that_do_not_fit(self, options, message):
        with pytest.raises(ConfigError, match=message):
            DescribeSettings(**options)

    def test_a_column_that_is_not_there(self, films, tmp_path):
        for options in ({"class_column": "nix"}, {"class_name": "a", "color_column": "nix"}):
            with pytest.raises(ConfigError, match="no column 'nix' in the manifest"):
                describe([films], tmp_path / "out", DescribeSettings("p3", **options))


def test_real_classes_that_share_images(data_root, tmp_path):
    source = data_root / "covid_ct/cases.csv"
    report = describe([source], tmp_path / "ct", DescribeSettings("p6", class_column="target"))
    own, cases = read_manifest(source), read_manifest(report.manifest)
    assert [case.id for case in cases] == [case.id for case in own]
    assert len(list((tmp_path / "ct/images").iterdir())) == 50 and len(list((tmp_path / "ct/masks").iterdir())) == 150
    empty = [case.text for case in cases if case.extra["empty"] == "1"]
    assert len(empty) == report.empty == 13 and all(text.startswith("no ") for text in empty)
    assert not any(case.text.startswith("no ") for case in cases if case.extra["empty"] == "0")
    assert {case.extra["target"] for case in cases if "ground-glass opacity" in case.text} == {"ggo"}

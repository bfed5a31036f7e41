"""The whole way: manifests in, a referring data set out."""

import csv
import itertools
import json
import os
import shutil
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from lexseg.cases.check import check_manifest
from lexseg.cases.manifest import read_manifest
from lexseg.datasets.refer import ReferSettings, refer
from lexseg.datasets.refer.anatomy import ANATOMIES
from lexseg.datasets.refer.attributes import Referent
from lexseg.datasets.refer.gather import MaskReading
from lexseg.datasets.refer.query import execute, parse_query
from lexseg.errors import ConfigError, DataError
from referring import LEFT_LOWER, RIGHT_MIDDLE, RIGHT_UPPER

WORDINGS = ("text", "text_2", "text_3", "text_4")
CHEST = ReferSettings(anatomy="chest", captions=True)


def rows_of(manifest):
    with open(manifest, encoding="utf-8") as file:
        return list(csv.DictReader(file))


def made(paths, output, settings=CHEST, **options):
    return refer(paths, output, settings, **options)


def by_query(rows, image):
    return {row["query"]: row for row in rows if row["image"].endswith(image) and row["expression_kind"]}


@pytest.fixture
def films(make_films):
    return make_films([LEFT_LOWER], [LEFT_LOWER, RIGHT_UPPER], [LEFT_LOWER, RIGHT_UPPER, RIGHT_MIDDLE], [])


class TestTheSet:
    def test_what_is_written(self, films, tmp_path):
        report = made([films], tmp_path / "out")
        names = {path.name for path in (tmp_path / "out").iterdir()}
        assert names == {
            "cases.csv",
            "images",
            "instances",
            "attributes.json",
            "statistics.json",
            "statistics.md",
            "contact_sheet.png",
        }
        assert report.manifest == tmp_path / "out" / "cases.csv"
        assert check_manifest(report.manifest, text_columns=WORDINGS).ok
        # images are not copied where they can be linked
        assert os.path.samefile(films.parent / "images/f0.png", tmp_path / "out/images/f0.png")
        with Image.open(tmp_path / "out/contact_sheet.png") as sheet:
            assert min(sheet.size) > 300

    def test_rows_carry_what_the_source_knows(self, films, tmp_path):
        cases = read_manifest(made([films], tmp_path / "out").manifest, text_columns=WORDINGS)
        for case in cases:
            number = int(case.image.stem[1:])
            assert (case.patient, case.laterality) == (f"p{number}", "image")
            assert case.split == ("train" if number % 2 == 0 else "val")
            if case.expression_kind is not None and not case.id.endswith("_caption"):
                assert case.extra["leaks_mask"] == "true"
                assert 1 <= len(case.texts) <= 4

    def test_a_unilateral_film_is_asked_for_its_healthy_lung(self, films, tmp_path):
        rows = rows_of(made([films], tmp_path / "out").manifest)
        asked = by_query(rows, "f0.png")
        assert (asked["side=left"]["expression_kind"], asked["side=left"]["target_ids"]) == ("one", "1")
        assert (asked["side=right"]["expression_kind"], asked["side=right"]["target_ids"]) == ("none", "")
        assert asked["side=right"]["region"] == "right"
        none = [r["query"] for r in rows if r["image"].endswith("f0.png") and r["expression_kind"] == "none"]
        assert none.count("side=right") >= len(none) / 2

    def test_a_bilateral_film_is_asked_for_each_lung(self, films, tmp_path):
        rows = rows_of(made([films], tmp_path / "out").manifest)
        asked = by_query(rows, "f1.png")
        assert {asked["side=left"]["target_ids"], asked["side=right"]["target_ids"]} == {"1", "2"}
        assert by_query(rows, "f2.png")["side=right"]["expression_kind"] == "several"

    def test_a_film_without_lesions_has_expressions_that_name_nothing(self, films, tmp_path):
        rows = [r for r in rows_of(made([films], tmp_path / "out").manifest) if r["image"].endswith("f3.png")]
        assert len(rows) == 5 and {row["expression_kind"] for row in rows} == {"none"}
        assert {"all", "side=left", "side=right"} & {row["query"] for row in rows}

    def test_a_set_of_healthy_films_has_the_same_columns(self, make_films, tmp_path):
        rows = rows_of(made([make_films([], [], folder="healthy")], tmp_path / "out").manifest)
        assert {row["target_ids"] for row in rows} == {""}

    def test_captions_are_about_all_targets(self, films, tmp_path):
        rows = rows_of(made([films], tmp_path / "out").manifest)
        captions = {row["id"]: row for row in rows if row["id"].endswith("_caption")}
        assert captions["f2_caption"]["text"] == "infected lungs"
        assert captions["f2_caption"]["target_ids"] == "1 2 3" and not captions["f2_caption"]["expression_kind"]
        # a sentence about lesions of an image without any names nothing
        assert captions["f3_caption"]["expression_kind"] == "none"
        without = rows_of(made([films], tmp_path / "bare", ReferSettings(anatomy="chest")).manifest)
        assert not any(row["id"].endswith("_caption") for row in without)

    def test_a_caption_of_one_side_also_comes_false(self, films, tmp_path):
        with open(films, encoding="utf-8") as file:
            table = list(csv.DictReader(file))
        said = [
            "infection of the lower left lung",
            "infection of both lungs",
            "opacity in the right lung",
            "left opacity",
        ]
        for row, text in zip(table, said, strict=True):
            row["text"] = text
        with open(films, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, table[0])
            writer.writeheader()
            writer.writerows(table)
        false = {r["id"]: r for r in rows_of(made([films], tmp_path / "out").manifest) if "false" in r["id"]}
        # not of both lungs, not where the other lung is ill too, not where nothing is ill
        assert set(false) == {"f0_false_caption"}
        row = false["f0_false_caption"]
        assert row["text"] == "infection of the lower right lung"
        assert (row["expression_kind"], row["target_ids"], row["region"]) == ("none", "", "right")

    @pytest.mark.parametrize(("laterality", "expected"), [("patient", {"infected left lung"}), ("image", set())])
    def test_a_false_caption_is_false_under_the_patients_convention_too(
        self, make_films, tmp_path, laterality, expected
    ):
        manifest = make_films([LEFT_LOWER], text="infected right lung", laterality=laterality)
        rows = rows_of(made([manifest], tmp_path / "out").manifest)
        assert {r["text"] for r in rows if "false" in r["id"]} == expected

    def test_not_into_the_working_directory(self, films, tmp_path, monkeypatch):
        (tmp_path / "empty").mkdir()
        monkeypatch.chdir(tmp_path / "empty")
        with pytest.raises(DataError, match="is the folder you are in"):
            made([films], ".")

    def test_only_wordings_with_a_side_come_false(self, make_films, tmp_path, write_csv):
        manifest = make_films([LEFT_LOWER], text="infection in the left lung")
        write_csv(manifest, [row | {"text_2": "pulmonary infection"} for row in rows_of(manifest)])
        settings = ReferSettings(anatomy="chest", captions=True)
        built = made([manifest], tmp_path / "out", settings, text_columns=("text", "text_2"))
        (false,) = (r for r in rows_of(built.manifest) if "false" in r["id"])
        assert (false["text"], false["text_2"]) == ("infection in the right lung", "")

    def test_a_class_that_nobody_drew_is_not_said_to_be_absent(self, make_films, tmp_path, write_csv):
        path = make_films([LEFT_LOWER])
        (row,) = rows_of(path)
        write_csv(path, [{**row, "id": "a", "target": "liver"}, {**row, "id": "b", "target": "tumor", "mask": ""}])
        settings = ReferSettings(anatomy="abdomen", reading=MaskReading(class_column="target"), captions=True)
        made_rows = rows_of(made([path], tmp_path / "out", settings).manifest)
        assert {row["id"] for row in made_rows if not row["query"]} == {"a_caption"}

    def test_no_more_than_asked_for(self, films, tmp_path):
        settings = ReferSettings(anatomy="chest", expressions=3, wordings=2)
        rows = rows_of(made([films], tmp_path / "out", settings).manifest)
        assert max(Counter(row["image"] for row in rows).values()) <= 3
        assert "text_2" in rows[0] and "text_3" not in rows[0]

    def test_every_row_is_executed_back_from_the_written_attributes(self, films, tmp_path):
        manifest = made([films], tmp_path / "out").manifest
        written = json.loads((tmp_path / "out/attributes.json").read_text())
        assert written["anatomy"] == "chest"
        names = Referent.__slots__
        tables = {
            each["image"]: [Referent(**{name: _tuple(t[name]) for name in names}) for t in each["targets"]]
            for each in written["images"]
        }
        checked = 0
        for row in rows_of(manifest):
            if row["query"]:
                answer = execute(parse_query(row["query"]), tables[row["image"]], ANATOMIES["chest"])
                assert " ".join(map(str, sorted(answer.ids))) == row["target_ids"] and not answer.doubt
                number = len(answer.ids)
                assert row["expression_kind"] == ("none" if not number else "one" if number == 1 else "several")
                checked += 1
        assert checked > 15

    def test_statistics_count_the_rows(self, films, tmp_path):
        report = made([films], tmp_path / "out")
        rows = rows_of(report.manifest)
        numbers = json.loads((tmp_path / "out/statistics.json").read_text())
        assert numbers["rows_by_kind"] == dict(
            sorted(Counter(r["expression_kind"] or "caption" for r in rows).items(), key=lambda i: (-i[1], i[0]))
        )
        assert numbers["images_by_number_of_targets"] == {"0": 1, "1": 1, "2": 1, "3": 1}
        assert sum(numbers["expressions_by_family"].values()) == sum(bool(row["query"]) for row in rows)
        assert "| several |" in (tmp_path / "out/statistics.md").read_text()


def _tuple(value):
    return tuple(value) if isinstance(value, list) else value


class TestChoices:
    def test_the_same_seed_makes_the_same_set(self, films, tmp_path):
        sets = [made([films], tmp_path / name).manifest.parent for name in ("a", "b")]
        for name in ("cases.csv", "attributes.json", "statistics.json"):
            assert (sets[0] / name).read_bytes() == (sets[1] / name).read_bytes()
        other = made([films], tmp_path / "c", ReferSettings(anatomy="chest", captions=True, seed=1)).manifest
        assert other.read_bytes() != (sets[0] / "cases.csv").read_bytes()

    def test_an_image_is_asked_the_same_whatever_stands_beside_it(self, make_films, tmp_path):
        long, short = make_films([LEFT_LOWER], [RIGHT_UPPER], folder="a"), make_films([LEFT_LOWER], folder="b")
        rows = [rows_of(made([path], tmp_path / f"out{i}").manifest) for i, path in enumerate((long, short))]
        columns = ("id", "query", "text", "target_ids")
        alone = [tuple(row[c] for c in columns) for row in rows[1]]
        assert [tuple(row[c] for c in columns) for row in rows[0] if row["id"].startswith("f0")] == alone

    def test_patients_sides_are_said_where_the_case_means_them(self, make_films, tmp_path):
        path = make_films([LEFT_LOWER], laterality="patient")
        rows = by_query(rows_of(made([path], tmp_path / "out").manifest), "f0.png")
        row = rows["side=left"]
        assert row["laterality"] == "patient" and row["region"] == "left"
        said = " ".join(row[column] for column in WORDINGS)
        assert ("right" in said.lower() or "R lung" in said) and "left" not in said.lower()

    def test_an_unknown_laterality_becomes_the_images_with_a_note(self, make_films, tmp_path):
        path = make_films([LEFT_LOWER], laterality="")
        report = made([path], tmp_path / "out")
        assert [note.column for note in report.notes] == ["laterality"]
        rows = rows_of(report.manifest)
        assert {row["laterality"] for row in rows if row["query"]} == {"image"}
        # what the source did not say of its own sentence is not made up
        assert {row["laterality"] for row in rows if not row["query"]} == {""}

    def test_words_of_ones_own(self, films, tmp_path):
        settings = ReferSettings(anatomy="grid", noun="focus,foci")
        rows = rows_of(made([films], tmp_path / "out", settings).manifest)
        assert all("foc" in row["text"].lower() for row in rows)

    def test_lengths_where_the_spacing_is_known(self, make_films, tmp_path):
        ellipses = [(100, 30, 9, 14), (20, 90, 4, 4)]
        path = make_films(*[ellipses] * 6, spacing="1.0,1.0")
        rows = rows_of(made([path], tmp_path / "out", ReferSettings(anatomy="abdomen", expressions=20)).manifest)
        lengths = [row for row in rows if "over=" in row["query"] or "under=" in row["query"]]
        assert lengths and all("mm" in row["text"] or "cm" in row["text"] for row in lengths)
        # 8 and 28 mm long
        limits = {row["query"]: row["target_ids"] for row in lengths}
        assert limits.get("over=20", "2") == "2" and limits.get("under=20", "1") == "1"
        assert limits.get("over=5", "1 2") == "1 2" and limits.get("over=50", "") == ""

    def test_several_manifests(self, make_films, tmp_path):
        paths = [make_films([LEFT_LOWER], folder=name) for name in ("a", "b")]
        report = made(paths, tmp_path / "out")
        assert {row["id"].split("/")[0] for row in rows_of(report.manifest)} == {"a", "b"}
        # images of equal name do not overwrite one another
        assert sorted(path.name for path in (tmp_path / "out/images").iterdir()) == ["f0.png", "f0_2.png"]
        assert check_manifest(report.manifest, text_columns=WORDINGS).ok


class TestTargets:
    def test_instances(self, make_films, tmp_path):
        values = np.zeros((120, 120), np.uint8)
        # two lesions that touch
        values[40:60, 10:30], values[60:80, 10:40] = 3, 9
        path = make_films(values)
        settings = ReferSettings(anatomy="chest", reading=MaskReading("instances"))
        rows = rows_of(made([path], tmp_path / "out", settings).manifest)
        assert by_query(rows, "f0.png")["side=left"]["target_ids"] == "1 2"
        with Image.open(tmp_path / "out/instances/f0.png") as written:
            assert np.unique(np.asarray(written)).tolist() == [0, 1, 2]

    def test_more_targets_than_eight_bits(self, make_films, tmp_path):
        dots = np.zeros((200, 200), bool)
        dots[::8, ::8] = True
        report = made([make_films(dots)], tmp_path / "out", ReferSettings(anatomy="grid", min_area=0))
        with Image.open(tmp_path / "out/instances/f0.png") as written:
            assert np.asarray(written).max() == 625
        rows = rows_of(report.manifest)
        # so many cannot be told apart one by one
        assert not any(word in row["query"] for row in rows for word in ("rank", "count=", "shape", "relation"))
        assert any(len(row["target_ids"].split()) > 100 for row in rows)
        assert check_manifest(report.manifest).ok

    def test_rows_of_one_image_are_its_classes(self, make_films, tmp_path, write_csv):
        path = make_films([LEFT_LOWER, RIGHT_UPPER], [RIGHT_UPPER])
        rows = rows_of(path)
        rows = [
            {**rows[0], "id": "a", "target": "infection"},
            {**rows[0], "id": "b", "target": "ggo", "mask": rows[1]["mask"]},
        ]
        write_csv(path, rows)
        settings = ReferSettings(anatomy="chest-ct", reading=MaskReading(class_column="target"), captions=True)
        made_rows = rows_of(made([path], tmp_path / "out", settings).manifest)
        asked = by_query(made_rows, "f0.png")
        assert len(asked["name=infection; side=left"]["target_ids"].split()) == 1
        assert asked["name=ggo; side=left"]["expression_kind"] == "none"
        assert any(word in asked["name=ggo; side=left"]["text"].lower() for word in ("ground", "hazy", "ggo"))
        captions = {r["id"]: r["target_ids"] for r in made_rows if not r["query"]}
        assert captions == {"a_caption": "1 2", "b_caption": "2"} or captions == {"a_caption": "1 2", "b_caption": "1"}

    def test_other_masks_of_an_image_need_a_column_that_tells_them_apart(self, make_films, tmp_path, write_csv):
        path = make_films([LEFT_LOWER], [RIGHT_UPPER])
        rows = rows_of(path)
        write_csv(path, [rows[0], {**rows[1], "image": rows[0]["image"], "split": "train", "patient": "p0"}])
        with pytest.raises(DataError, match="--class-column"):
            made([path], tmp_path / "out")

    def test_several_sentences_of_an_image_are_one_image(self, make_films, tmp_path, write_csv):
        path = make_films([LEFT_LOWER])
        rows = rows_of(path)
        write_csv(path, [rows[0], {**rows[0], "id": "again", "text": "consolidation"}])
        report = made([path], tmp_path / "out")
        assert report.statistics.images == 1
        assert {row["id"] for row in rows_of(report.manifest) if not row["query"]} == {"f0_caption", "again_caption"}

    def test_zones_of_an_organ(self, make_films, tmp_path):
        # the image's lower third, but the upper third of what is drawn below
        path = make_films([(85, 30, 3, 6)], organ="masks/organ.png")
        organ = np.zeros((120, 120), np.uint8)
        organ[80:, :60] = 255
        Image.fromarray(organ).save(path.parent / "masks/organ.png")
        settings = ReferSettings(anatomy="abdomen", reading=MaskReading(organ_column="organ"), expressions=20)
        rows = by_query(rows_of(made([path], tmp_path / "out", settings).manifest), "f0.png")
        assert rows["zone=upper; column=center"]["target_ids"] == "1"
        # no place of the image, so nothing that the share of a mask in a region could be held against
        assert rows["zone=upper; column=center"]["region"] == ""
        assert "liver" in rows["zone=upper; column=center"]["text"]

    def test_what_is_made_can_be_made_from_again(self, films, tmp_path):
        first = made([films], tmp_path / "first").manifest
        with pytest.raises(DataError, match="--targets instances"):
            made([first], tmp_path / "second")
        settings = ReferSettings(anatomy="chest", reading=MaskReading("instances"), captions=True)
        second = rows_of(made([first], tmp_path / "second", settings).manifest)
        captions = {row["id"]: row["target_ids"] for row in second if not row["query"]}
        assert captions["f2_caption_caption"] == "1 2 3"


class TestBadInput:
    def test_one_component_that_fills_the_image(self, make_films, tmp_path):
        report = made([make_films(np.ones((60, 60), bool))], tmp_path / "out")
        rows = rows_of(report.manifest)
        found = {row["query"] for row in rows if row["expression_kind"] == "one"}
        assert "all" in found and not any("side" in query for query in found)

    def test_thousands_of_specks(self, make_films, tmp_path):
        noise = np.random.default_rng(0).random((400, 400)) < 0.03
        noise[:, 190:210] = False
        noise[300:340, 40:90] = True
        report = made([make_films(noise)], tmp_path / "out", ReferSettings(anatomy="chest", min_area=1e-3))
        rows = rows_of(report.manifest)
        assert all(len(row["target_ids"].split()) != 1 or "rank" in row["query"] for row in rows)
        assert check_manifest(report.manifest).ok

    def test_noise_is_skipped_and_reported(self, make_films, tmp_path):
        noise = np.zeros((600, 600), bool)
        noise[::2, ::2] = True
        report = made([make_films([LEFT_LOWER], noise)], tmp_path / "out")
        assert report.statistics.skipped == {"more targets than can be told apart": ["f1"]}

    def test_no_mask_is_skipped_and_reported(self, make_films, tmp_path, write_csv):
        path = make_films([LEFT_LOWER], [RIGHT_UPPER])
        rows = rows_of(path)
        write_csv(path, [rows[0], {**rows[1], "mask": ""}])
        report = made([path], tmp_path / "out")
        assert report.statistics.skipped == {"no mask": ["f1"]} and report.statistics.images == 2
        assert "f1" not in report.manifest.read_text()

    def test_no_unambiguous_expression(self, make_films, tmp_path):
        # specks in every place: nothing is there to name, and nothing is plainly absent
        specks = np.zeros((100, 100), bool)
        specks[5::10, 5::10] = True
        path = make_films([LEFT_LOWER], specks)
        report = made([path], tmp_path / "out", ReferSettings(anatomy="grid", min_area=1e-3))
        assert set(report.statistics.skipped) <= {"no unambiguous expression"}
        rows = [row for row in rows_of(report.manifest) if row["image"].endswith("f1.png")]
        assert all(row["expression_kind"] == "none" for row in rows)

    def test_nothing_at_all(self, make_films, tmp_path, write_csv):
        path = make_films([LEFT_LOWER])
        write_csv(path, [{**rows_of(path)[0], "mask": ""}])
        with pytest.raises(DataError, match="1 no mask"):
            made([path], tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_all_problems_are_told_at_once_and_nothing_is_left(self, make_films, tmp_path):
        path = make_films([LEFT_LOWER], [RIGHT_UPPER], [RIGHT_MIDDLE])
        (path.parent / "images/f0.png").write_bytes(b"nothing")
        Image.fromarray(np.zeros((5, 5), np.uint8)).save(path.parent / "masks/f2.png")
        with pytest.raises(DataError, match=r"(?s)2 problems.*row 2.*not an image.*row 4.*5 x 5 pixels"):
            made([path], tmp_path / "out")
        assert {each.name for each in tmp_path.iterdir()} == {"films"}

    def test_a_folder_that_holds_something_is_left_alone(self, films, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out/precious").write_text("x")
        with pytest.raises(DataError, match="not empty"):
            made([films], tmp_path / "out")
        assert (tmp_path / "out/precious").read_text() == "x"

    def test_an_organ_outside_the_folder(self, make_films, tmp_path):
        path = make_films([LEFT_LOWER], organ="../secret.png")
        settings = ReferSettings(reading=MaskReading(organ_column="organ"))
        with pytest.raises(DataError, match="leads out"):
            made([path], tmp_path / "out", settings)

    def test_a_problem_tells_its_row_once(self, make_films, tmp_path):
        values = np.zeros((40, 40), np.uint8)
        values[5:15, 5:15], values[20:30, 20:30] = 1, 2
        path = make_films(values, target_ids="1 2", folder="numbered")
        with pytest.raises(DataError, match=r"csv, row 2, column mask: this mask tells instances apart"):
            made([path], tmp_path / "out")

    @pytest.mark.parametrize(
        "settings, message",
        [
            ({"anatomy": "foot"}, "none of chest"),
            ({"expressions": 0}, "at least one"),
            ({"min_area": 2.0}, "from 0 to 1"),
            ({"noun": " "}, "blank"),
        ],
    )
    def test_options_that_make_no_sense(self, settings, message):
        with pytest.raises(ConfigError, match=message):
            ReferSettings(**settings)

    @pytest.mark.parametrize(
        "reading, message",
        [
            (MaskReading(class_column="nowhere"), "no column 'nowhere'"),
            (MaskReading("instances", class_column="patient"), "not with instances"),
            (MaskReading("classes"), "--class-names"),
        ],
    )
    def test_readings_that_do_not_fit(self, films, tmp_path, reading, message):
        with pytest.raises(ConfigError, match=message):
            made([films], tmp_path / "out", ReferSettings(reading=reading))
        assert not (tmp_path / "out").exists()


@pytest.mark.data
class TestRealImages:
    def _some(self, root, name, tmp_path, write_csv, every):
        rows = rows_of(root / name / "cases.csv")[::every]
        folder = tmp_path / name
        for row, column in itertools.product(rows, ("image", "mask")):
            (folder / row[column]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name / row[column], folder / row[column])
        return write_csv(folder / "cases.csv", rows)

    def test_chest_films(self, data_root, tmp_path, write_csv):
        path = self._some(data_root, "qata_covid19", tmp_path, write_csv, 180)
        report = made([path], tmp_path / "out")
        rows = rows_of(report.manifest)
        assert check_manifest(report.manifest, text_columns=WORDINGS).ok and not report.statistics.skipped
        kinds = Counter(row["expression_kind"] for row in rows)
        assert min(kinds[kind] for kind in ("one", "several", "none")) > 20
        # the instance mask is the source's mask, told apart
        for row in rows_of(path)[:10]:
            source = np.asarray(Image.open(path.parent / row["mask"])) > 0
            assert np.array_equal(np.asarray(Image.open(tmp_path / "out/instances" / f"{row['id']}.png")) > 0, source)

    def test_classes_of_lung_ct(self, data_root, tmp_path, write_csv):
        path = self._some(data_root, "covid_ct", tmp_path, write_csv, 1)
        rows = rows_of(path)[:15]
        write_csv(path, rows)
        settings = ReferSettings(anatomy="chest-ct", reading=MaskReading(class_column="target"), captions=True)
        report = made([path], tmp_path / "out", settings)
        source = {row["id"]: row for row in rows}
        captions = [row for row in rows_of(report.manifest) if row["id"].endswith("_caption")]
        assert len(captions) == 15
        for row in captions:
            labels = np.asarray(Image.open(tmp_path / "out" / row["mask"]))
            true = np.asarray(Image.open(path.parent / source[row["id"].removesuffix("_caption")]["mask"])) > 0
            assert np.array_equal(np.isin(labels, [int(i) for i in row["target_ids"].split()]), true)

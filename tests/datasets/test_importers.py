import csv
import json
import re
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from PIL import Image

from lexseg.cases.manifest import read_manifest
from lexseg.datasets.importers import import_layout
from lexseg.errors import ConfigError, DataError
from lexseg.scans.masks import read_mask

SIZE = (24, 32)
ROOT = Path(__file__).parents[2]


def draw(path, seed=None, mask=False, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(str(path).encode()) if seed is None else seed
    values = np.random.default_rng(seed).integers(0, 256, SIZE, dtype=np.uint8)
    if mask:
        values = np.zeros(SIZE, np.uint8)
        values[4:20, 8:24] = 255
    Image.fromarray(values).save(path, **options)


def sheet(path, rows, header=("Image", "Description")):
    path.parent.mkdir(parents=True, exist_ok=True)
    book = openpyxl.Workbook()
    for row in [header, *rows]:
        book.active.append(row)
    book.save(path)


def table(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([("", "Image", "Description"), *[(k, *row) for k, row in enumerate(rows)]])


def by_id(report):
    return {case.id: case for case in read_manifest(report.manifest)}


def refused(*arguments, **options):
    with pytest.raises(DataError) as caught:
        import_layout(*arguments, **options)
    return str(caught.value)


def left_behind(tmp_path):
    return sorted(path.name for path in tmp_path.iterdir() if path.name != "source")


@pytest.fixture
def source(tmp_path):
    return tmp_path / "source"


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def lvit(source):
    """Three splits; masks named as in QaTa-COV19 in train, images of another ending in test."""
    for name in ("a", "b"):
        draw(source / f"Train_Folder/img/{name}.png")
        draw(source / f"Train_Folder/labelcol/mask_{name}.png", mask=True)
    draw(source / "Val_Folder/img/c.png")
    draw(source / "Val_Folder/labelcol/c.png", mask=True)
    draw(source / "Test_Folder/img/d.tif")
    draw(source / "Test_Folder/labelcol/d.png", mask=True)
    sheet(source / "Train_Folder/Train_text.xlsx", [("mask_a.png", "one  area"), ("mask_b.png", None)])
    sheet(source / "Val_Folder/Val_text.xlsx", [("c.png", "two areas")])
    sheet(source / "Test_Folder/Test_text.xlsx", [("d.png", "left, all")])
    return source


class TestLvit:
    def test_splits_sentences_and_pairs(self, lvit, output):
        report = import_layout("lvit", lvit, output, laterality="image")
        cases = by_id(report)
        assert {(c.id, c.split, c.text) for c in cases.values()} == {
            ("a", "train", "one area"),
            ("b", "train", ""),
            ("c", "val", "two areas"),
            ("d", "test", "left, all"),
        }
        assert cases["d"].image.read_bytes() == (lvit / "Test_Folder/img/d.tif").read_bytes()
        assert cases["a"].mask.read_bytes() == (lvit / "Train_Folder/labelcol/mask_a.png").read_bytes()
        assert {case.laterality for case in cases.values()} == {"image"}
        assert {case.extra["leaks_mask"] for case in cases.values()} == {"yes"}
        (warning,) = report.check.problems
        assert "sentence is empty" in warning.message
        assert (warning.source.name, warning.row) == ("Train_text.xlsx", 3)

    @pytest.mark.parametrize("place", ["Train_Folder/Train_Val_text.xlsx", "Train_Val_text.xlsx", "text.xlsx"])
    def test_a_shared_sheet(self, lvit, output, place):
        for name in ("Train_Folder/Train_text.xlsx", "Val_Folder/Val_text.xlsx"):
            (lvit / name).unlink()
        sheet(lvit / place, [("mask_a.png", "A"), ("mask_b.png", "B"), ("c.png", "C")])
        report = import_layout("lvit", lvit, output, laterality="image")
        assert [case.text for case in by_id(report).values()] == ["A", "B", "C", "left, all"]
        assert report.notes == []

    def test_names_without_ending(self, lvit, output):
        sheet(lvit / "Train_Folder/Train_text.xlsx", [("a", "A"), ("mask_b", "B")])
        report = import_layout("lvit", lvit, output)
        assert [by_id(report)[name].text for name in "ab"] == ["A", "B"]

    def test_what_does_not_match_is_told(self, lvit, output):
        sheet(lvit / "Train_Folder/Train_text.xlsx", [("mask_a.png", "A"), ("mask_b.png", "B"), ("mask_z.png", "Z")])
        draw(lvit / "Train_Folder/labelcol/mask_y.png", mask=True)
        draw(lvit / "Train_Folder/img/x.png")
        report = import_layout("lvit", lvit, output)
        notes = [(note.severity, note.source.name, note.row, note.message) for note in report.notes]
        assert notes == [
            ("warning", "x.png", None, "there is no mask of this image; it is imported without"),
            ("warning", "mask_y.png", None, "left out: there is no image 'mask_y' or 'y' of this mask"),
            ("warning", "Train_text.xlsx", 4, "left out: there is no image for 'mask_z.png'"),
        ]
        assert by_id(report)["x"].mask is None
        assert "3 problems" in refused("lvit", lvit, output.with_name("strict"), strict=True)

    def test_the_documented_snippet_gives_the_ids_that_plans_name(self, source, tmp_path, monkeypatch):
        spelt = {
            "sub-S11596_ses-E21420_run-1_bp-chest_vp-ap_dx": "cxr_s11596-e21420-r1",
            "covid_1": "covid_0001",
            "covid_1669": "covid_1669",
        }
        for name in spelt:
            draw(source / f"Train_Folder/img/{name}.png")
            draw(source / f"Train_Folder/labelcol/mask_{name}.png", mask=True)
        sheet(source / "Train_Folder/Train_text.xlsx", [(f"mask_{name}.png", name) for name in spelt])
        report = import_layout("lvit", source, tmp_path / "data/qata_covid19", patient=r"sub-S\d+|covid_\d+")
        page = (ROOT / "docs/reference/data-of-our-numbers.md").read_text(encoding="utf-8")
        (snippet,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
        monkeypatch.chdir(tmp_path)
        exec(snippet, {})
        renamed = {case.text: case for case in by_id(report).values()}
        assert {name: case.id for name, case in renamed.items()} == spelt
        assert renamed["sub-S11596_ses-E21420_run-1_bp-chest_vp-ap_dx"].patient == "sub-S11596"
        lines = (ROOT / "src/lexseg/assets/plans/lists/qata-1000.txt").read_text(encoding="utf-8").splitlines()
        listed = [line for line in lines if not line.startswith("#")]
        assert len(listed) == 1000
        assert all(re.fullmatch(r"cxr_s\d+-e\d+-r\d+|covid_\d{4}", name) for name in listed)

    def test_lock_files_of_spreadsheets_are_passed_over(self, lvit, output):
        (lvit / "Val_Folder/~$Val_text.xlsx").write_bytes(b"lock")
        assert import_layout("lvit", lvit, output).notes == []

    def test_equal_names_in_two_splits(self, lvit, output):
        draw(lvit / "Val_Folder/img/a.png")
        draw(lvit / "Val_Folder/labelcol/a.png", mask=True)
        sheet(lvit / "Val_Folder/Val_text.xlsx", [("c.png", "C"), ("a.png", "other")])
        cases = by_id(import_layout("lvit", lvit, output))
        assert {"train_a", "val_a"} <= set(cases)
        assert cases["val_a"].text == "other"
        assert cases["val_a"].image.read_bytes() == (lvit / "Val_Folder/img/a.png").read_bytes()
        assert cases["train_a"].image.read_bytes() == (lvit / "Train_Folder/img/a.png").read_bytes()

    def test_an_image_in_two_splits_is_refused_and_can_be_divided_anew(self, lvit, output, tmp_path):
        (lvit / "Test_Folder/img/d.tif").write_bytes((lvit / "Train_Folder/img/a.png").read_bytes())
        message = refused("lvit", lvit, output)
        assert "Test_text.xlsx, row 2, column image" in message
        assert left_behind(tmp_path) == []
        report = import_layout("lvit", lvit, output, fractions=(0.5, 0.25, 0.25))
        cases = by_id(report)
        assert cases["a"].split == cases["d"].split
        assert "given up" in report.notes[-1].message

    def test_patients_from_names(self, lvit, output):
        report = import_layout("lvit", lvit, output, patient=r"^.$", fractions=(0.5, 0.25, 0.25))
        assert [case.patient for case in by_id(report).values()] == ["a", "b", "c", "d"]
        message = refused("lvit", lvit, output.with_name("other"), patient="[cd]|(.)")
        assert "no patient in the image's name 'c'" in message  # the group took no part in the match

    @pytest.mark.parametrize(("pattern", "error"), [("(", ConfigError), ("^[a-c]$", DataError)])
    def test_patterns_that_do_not_do(self, lvit, output, tmp_path, pattern, error):
        with pytest.raises(error, match="regular expression" if error is ConfigError else "no patient .* 'd'"):
            import_layout("lvit", lvit, output, patient=pattern)
        assert left_behind(tmp_path) == []

    @pytest.mark.parametrize(
        ("rows", "header", "words"),
        [
            (
                [("mask_a.png", "A")],
                ("Bild", "Text"),
                "expected one column 'Image' and one 'Description', found 'Bild', 'Text'",
            ),
            ([], ("Image", "Description"), "no sentences"),
            (
                [("mask_a.png", "A"), ("mask_a.png", "B")],
                ("Image", "Description"),
                "row 3: 'mask_a.png' has another sentence in row 2",
            ),
            ([(None, "A")], (" image ", "DESCRIPTION"), "row 2: the column 'Image' is empty"),
        ],
    )
    def test_bad_sheets(self, lvit, output, tmp_path, rows, header, words):
        sheet(lvit / "Train_Folder/Train_text.xlsx", rows, header)
        assert words in refused("lvit", lvit, output)
        assert left_behind(tmp_path) == []

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"text"])
    def test_no_workbook(self, lvit, output, content):
        (lvit / "Val_Folder/Val_text.xlsx").write_bytes(content)
        assert "Val_text.xlsx: the workbook cannot be read" in refused("lvit", lvit, output)

    def test_all_problems_at_once(self, lvit, output, tmp_path):
        (lvit / "Train_Folder/img/a.png").write_bytes(b"no image")
        Image.new("L", (5, 5), 255).save(lvit / "Train_Folder/labelcol/mask_b.png")
        (lvit / "Test_Folder/labelcol/d.png").write_bytes((lvit / "Test_Folder/labelcol/d.png").read_bytes()[:60])
        message = refused("lvit", lvit, output)
        assert "3 problems" in message
        assert "Train_text.xlsx, row 2, column image: images/a.png: not an image" in message
        assert "Train_text.xlsx, row 3, column mask: the mask is 5 x 5 pixels" in message
        assert "Test_text.xlsx, row 2, column mask: masks/d.png" in message
        assert left_behind(tmp_path) == []

    def test_real(self, data_root, output):
        report = import_layout("lvit", data_root / "monuseg_lvit_layout", output, patient=r"TCGA-\w+-\w+")
        assert report.check.summary.splits == {"train": 24, "val": 6, "test": 14}
        assert report.check.summary.without_sentence == 0
        assert report.notes == []
        assert {case.image.suffix for case in by_id(report).values() if case.split == "test"} == {".tif"}


class TestLanguide:
    @pytest.fixture
    def languide(self, source):
        for k in range(20):
            draw(source / f"Images/covid_{k}.png")
            draw(source / f"GTs/mask_covid_{k}.png", mask=True)
        rows = [(f"mask_covid_{k}.png", f"area, {k}") for k in range(20)]
        table(source / "prompt/train.csv", rows[:15])
        table(source / "prompt/test.csv", rows[15:])
        return source

    def test_validation_is_drawn_by_the_seed_and_not_the_tail(self, languide, output):
        report = import_layout("languide", languide, output, seed=1)
        cases = by_id(report)
        assert report.check.summary.splits == {"train": 12, "val": 3, "test": 5}
        assert cases["covid_7"].text == "area, 7"
        assert all(cases[f"covid_{k}"].split == "test" for k in range(15, 20))
        drawn = {name for name, case in cases.items() if case.split == "val"}
        assert drawn != {"covid_12", "covid_13", "covid_14"}
        again = by_id(import_layout("languide", languide, output.with_name("again"), seed=1))
        assert {name for name, case in again.items() if case.split == "val"} == drawn
        assert "20% of train, drawn with seed 1" in report.notes[0].message

    def test_a_patient_is_not_divided(self, languide, output):
        report = import_layout("languide", languide, output, patient=r"(covid_\d(?![5-9])|covid_1[5-9])")
        where = {}
        for case in by_id(report).values():
            if case.split != "test":
                where.setdefault(case.patient, set()).add(case.split)
        assert all(len(splits) == 1 for splits in where.values())

    def test_a_patient_in_the_layouts_test_as_well_is_refused(self, languide, output, tmp_path):
        message = refused("languide", languide, output, patient="covid")
        assert "patient 'covid' is in 'test' here, but in 'train'" in message
        assert left_behind(tmp_path) == []

    def test_folders_for_each_split(self, languide, output):
        for split, numbers in (("Train Set", range(15)), ("Test Set", range(15, 20))):
            for k in numbers:
                for folder, new, name in (("Images", "Images", "covid"), ("GTs", "Ground-truths", "mask_covid")):
                    target = languide / split / new / f"{name}_{k}.png"
                    target.parent.mkdir(parents=True, exist_ok=True)
                    (languide / folder / f"{name}_{k}.png").rename(target)
        assert import_layout("languide", languide, output).check.summary.cases == 20

    def test_own_validation_is_kept(self, languide, output):
        table(languide / "prompt/val.csv", [("mask_covid_0.png", "v")])
        table(languide / "prompt/train.csv", [(f"mask_covid_{k}.png", "t") for k in range(1, 15)])
        assert import_layout("languide", languide, output).check.summary.splits == {"train": 14, "val": 1, "test": 5}

    def test_missing_files_are_left_out_and_told(self, languide, output):
        (languide / "GTs/mask_covid_3.png").unlink()
        report = import_layout("languide", languide, output)
        assert report.check.summary.cases == 19
        assert (report.notes[0].row, report.notes[0].message) == (
            5,
            "left out: there is no mask for 'mask_covid_3.png'",
        )

    def test_names_do_not_lead_out(self, languide, output):
        table(languide / "prompt/test.csv", [("../../secret.png", "x")])
        draw(languide.parent / "secret.png")
        assert "left out" in import_layout("languide", languide, output).notes[0].message

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "found nothing"),
            (b"Image,Description\nmask_covid_1.png,caf\xe9\n", "not UTF-8"),
            (b'Image,Description\nmask_covid_1.png,"open\n', "row 2: the CSV cannot be read"),
            (b"Image,Description\nmask_covid_1.png\n", "row 2: 1 fields, fewer than the header"),
        ],
    )
    def test_bad_tables(self, languide, output, content, words):
        (languide / "prompt/train.csv").write_bytes(content)
        assert words in refused("languide", languide, output)

    def test_rows_are_lines(self, languide, output):
        (languide / "prompt/train.csv").write_text('Image,Description\nmask_covid_1.png,"two\nlines"\nnowhere.png,x\n')
        report = import_layout("languide", languide, output)
        assert report.notes[0].row == 4
        assert by_id(report)["covid_1"].text == "two lines"


class TestMedvlsm:
    @pytest.fixture
    def items(self, source):
        for k in range(6):
            draw(source / f"images/p{k}.jpg")
            draw(source / f"masks/p{k}.png", mask=True)
        return [
            {
                "img_name": f"p{k}.jpg",
                "mask_name": f"p{k}.jpg",
                "segment_id": f"p{k}",
                "prompts": {
                    "p0": "",
                    "p5": f"{k} polyps",
                    "p6": f"{k} polyps in the centre",
                    "p7": [f"{k} x", f"{k} y"],
                },
            }
            for k in range(6)
        ]

    def write(self, source, train, val=(), folder="anns", prefix=""):
        (source / folder).mkdir(exist_ok=True)
        (source / folder / f"{prefix}train.json").write_text(json.dumps(train))
        (source / folder / f"{prefix}val.json").write_text(json.dumps(list(val)))

    @pytest.mark.parametrize(("folder", "prefix"), [("anns", ""), (".", "medvlsm_")])
    def test_prompts_become_columns(self, source, items, output, folder, prefix):
        self.write(source, items[:4], items[4:], folder, prefix)
        cases = by_id(import_layout("medvlsm", source, output))
        assert cases["p1"].text == "1 polyps in the centre"
        assert cases["p1"].extra == {
            "text_p0": "",
            "text_p5": "1 polyps",
            "text_p6": "1 polyps in the centre",
            "text_p7": "1 x",
            "text_p7_2": "1 y",
            "source": "source",
            "leaks_mask": "yes",
        }
        assert [case.split for case in cases.values()] == ["train"] * 4 + ["val"] * 2

    def test_another_prompt(self, source, items, output):
        self.write(source, items)
        cases = by_id(import_layout("medvlsm", source, output, prompt="p7", leaks_mask=False))
        assert (cases["p1"].text, cases["p1"].extra["leaks_mask"]) == ("1 x", "no")

    def test_several_masks_of_an_image(self, source, items, output):
        draw(source / "masks/p0b.png", seed=1, mask=True)
        self.write(source, [*items, {**items[0], "mask_name": "p0b.png", "segment_id": "p0b"}])
        report = import_layout("medvlsm", source, output)
        cases = by_id(report)
        assert cases["p0"].image == cases["p0b"].image
        assert cases["p0"].split == cases["p0b"].split
        assert report.check.summary.images == 6

    def test_bad_items_are_all_told(self, source, items, output, tmp_path):
        bad = [
            "text",
            {"img_name": "p0.jpg"},
            {**items[0], "prompts": {}},
            {**items[0], "prompts": {"p1": "x"}},
            {**items[0], "prompts": {"p6": 5}},
        ]
        self.write(source, [*items, *bad])
        message = refused("medvlsm", source, output)
        assert "5 problems" in message
        for number, words in enumerate(
            ("an object", "mask_name", "prompts are missing", "no prompt 'p6'", "no sentence"), 7
        ):
            assert f"train.json, row {number}: " in message
            assert words in message
        assert left_behind(tmp_path) == []

    @pytest.mark.parametrize("content", ["", "{", '{"a": 1}', "[" * 10**5])
    def test_no_json(self, source, items, output, content):
        self.write(source, items)
        (source / "anns/val.json").write_text(content)
        assert "val.json: " in refused("medvlsm", source, output)

    def test_an_ambiguous_name(self, source, items, output):
        draw(source / "masks/p0.bmp", mask=True)
        self.write(source, items)
        assert "'p0.jpg' may be any of p0.bmp, p0.png" in refused("medvlsm", source, output)

    def test_jpeg_masks_are_cut_and_told(self, source, items, output):
        for k in range(6):
            (source / f"masks/p{k}.png").unlink()
            draw(source / f"masks/p{k}.jpg", mask=True, quality=80)
        self.write(source, items)
        report = import_layout("medvlsm", source, output)
        cases = by_id(report)
        expected = np.zeros(SIZE, bool)
        expected[4:20, 8:24] = True
        assert cases["p0"].mask.suffix == ".png"
        assert (read_mask(cases["p0"].mask) != expected).mean() < 0.02
        warnings = [note for note in report.notes if "cut at the middle" in note.message]
        assert len(warnings) == 6
        assert warnings[0].row == 1

    @pytest.mark.slow
    def test_real(self, data_root, output):
        report = import_layout("medvlsm", data_root / "polyp_kvasir", output)
        assert report.check.summary.splits == {"train": 798, "val": 100}
        assert [note.row for note in report.notes] == [449, 766]  # two of the 800 images are not there
        published = {case.id: case for case in read_manifest(data_root / "polyp_kvasir/cases.csv")}
        for case in by_id(report).values():
            assert case.text.lower().rstrip(".") == published[case.id].text.lower().rstrip(".")
            assert case.image.read_bytes() == published[case.id].image.read_bytes()


class TestFolder:
    @pytest.mark.parametrize("name", ["{}.png", "mask_{}.png", "{}_mask.png"])
    def test_images_and_masks(self, source, output, name):
        for k in range(20):
            draw(source / f"Images/{k}.jpg")
            draw(source / "masks" / name.format(k), mask=True)
        report = import_layout("folder", source, output, text="  a polyp ")
        cases = by_id(report)
        assert {case.text for case in cases.values()} == {"a polyp"}
        assert all(case.mask.stem == name.format(case.id).removesuffix(".png") for case in cases.values())
        assert report.check.summary.splits == {"train": 14, "val": 3, "test": 3}
        assert "leaks_mask" not in cases["1"].extra

    def test_all_in_one_folder(self, source, output):
        for name in ("benign (1)", "benign (2)"):
            draw(source / f"{name}.png")
        draw(source / "benign (1)_mask.png", mask=True)
        report = import_layout("folder", source, output)
        cases = by_id(report)
        assert cases["benign (1)"].mask is not None
        assert cases["benign (2)"].mask is None
        assert cases["benign (1)"].split is None
        assert any("no splits were drawn" in note.message for note in report.notes)

    def test_a_part_of_no_mask_is_an_error(self, source, output):
        draw(source / "a.png")
        draw(source / "a_mask.png", mask=True)
        draw(source / "b_mask_1.png", mask=True)
        assert "b_mask_1.png: there is no image of this mask" in refused("folder", source, output)

    def test_images_only(self, source, output):
        draw(source / "images/a.png")
        report = import_layout("folder", source, output, text="x")
        assert by_id(report)["a"].mask is None

    def test_nothing(self, source, output):
        source.mkdir()
        assert "no images" in refused("folder", source, output)

    def test_a_split_that_cannot_be_had_is_refused_if_asked_for(self, source, output, tmp_path):
        draw(source / "images/a.png")
        assert "cannot be divided" in refused("folder", source, output, fractions=(0.5, 0.25, 0.25))
        assert left_behind(tmp_path) == []

    def test_label_maps_are_refused(self, source, output, tmp_path):
        draw(source / "images/a.png")
        draw(source / "images/b.png")
        draw(source / "images/c.png")
        for name, values in (("a", (0, 1, 2)), ("b", (0, 128, 255)), ("c", (0, 40, 90, 130, 255))):
            labels = np.resize(np.array(values, np.uint8), SIZE)
            (source / "masks").mkdir(exist_ok=True)
            Image.fromarray(labels).save(source / f"masks/{name}.png")
        message = refused("folder", source, output)
        assert "3 problems" in message
        assert left_behind(tmp_path) == []

    def test_smoothly_scaled_masks_are_cut(self, source, output):
        draw(source / "images/a.png")
        rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
        smooth = np.clip(10.3 - np.hypot(rows - 12.3, columns - 16.7), 0, 1)
        (source / "masks").mkdir()
        Image.fromarray((255 * smooth).astype(np.uint8)).save(source / "masks/a.png")
        report = import_layout("folder", source, output, text="x")
        np.testing.assert_array_equal(read_mask(by_id(report)["a"].mask), smooth >= 0.5)
        assert "cut at the middle" in report.notes[-1].message or "cut at the middle" in report.notes[0].message


class TestWhole:
    """Whole or not there, whatever goes wrong."""

    def test_a_folder_that_holds_something_is_left_alone(self, lvit, output):
        output.mkdir()
        (output / "precious.txt").write_text("mine")
        assert "not empty" in refused("lvit", lvit, output)
        assert [path.name for path in output.iterdir()] == ["precious.txt"]

    def test_an_empty_folder_is_used(self, lvit, output):
        output.mkdir()
        assert import_layout("lvit", lvit, output).manifest.is_file()

    def test_a_file_in_the_way(self, lvit, output):
        output.write_text("mine")
        assert "is no folder" in refused("lvit", lvit, output)
        assert output.read_text() == "mine"

    def test_folders_above_are_made(self, lvit, tmp_path):
        report = import_layout("lvit", lvit, tmp_path / "new/er/out")
        assert report.manifest == tmp_path / "new/er/out/cases.csv"

    def test_a_full_disk_leaves_nothing(self, lvit, output, tmp_path, monkeypatch):
        import shutil

        real = shutil.copyfile
        copied = []

        def full(source, target):
            if len(copied) == 3:
                raise OSError(28, "No space left on device", str(target))
            copied.append(target)
            return real(source, target)

        monkeypatch.setattr(shutil, "copyfile", full)
        with pytest.raises(OSError, match="No space"):
            import_layout("lvit", lvit, output)
        assert left_behind(tmp_path) == []

    def test_ctrl_c_leaves_nothing(self, lvit, output, tmp_path):
        def stop(done, total):
            if done > total // 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            import_layout("lvit", lvit, output, progress=stop)
        assert left_behind(tmp_path) == []

    def test_the_source_is_not_touched(self, lvit, output):
        before = {path: path.stat().st_mtime_ns for path in lvit.rglob("*")}
        import_layout("lvit", lvit, output)
        assert {path: path.stat().st_mtime_ns for path in lvit.rglob("*")} == before

    @pytest.mark.parametrize(
        ("layout", "options", "words"),
        [
            ("lvti", {}, "none of lvit, languide, medvlsm, folder, coco"),
            ("lvit", {"text": "x"}, "folder"),
            ("folder", {"text": " "}, "blank"),
            ("lvit", {"prompt": "p5"}, "medvlsm"),
        ],
    )
    def test_options(self, lvit, output, layout, options, words):
        with pytest.raises(ConfigError, match=words):
            import_layout(layout, lvit, output, **options)

    @pytest.mark.parametrize("layout", ["lvit", "languide", "medvlsm", "folder"])
    def test_another_layout(self, source, output, layout, tmp_path):
        (source / "something").mkdir(parents=True)
        assert "was not imported" in refused(layout, source, output)
        assert "no such folder" in refused(layout, source / "nowhere", output)
        assert left_behind(tmp_path) == []

    def test_the_result_can_be_moved(self, lvit, output, tmp_path):
        import_layout("lvit", lvit, output)
        moved = output.rename(tmp_path / "moved")
        assert len(read_manifest(moved / "cases.csv")) == 4

"""Referring data sets of others: RefCOCO's form and plain JSON, read whole or refused with every mistake."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image

from lexseg.cases.manifest import read_manifest
from lexseg.cases.truth import read_truth, truth_of
from lexseg.cli.main import main
from lexseg.datasets.importers import import_layout
from lexseg.errors import ConfigError, DataError

SIZE = (20, 30)


def picture(path, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(path.name.encode())
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)).save(path)


def box(top, left, bottom, right):
    mask = np.zeros(SIZE, bool)
    mask[top:bottom, left:right] = True
    return mask


def polygon(top, left, bottom, right):
    return [left, top, right, top, right, bottom, left, bottom]


def counts(mask):
    flat = np.concatenate([[False], mask.T.ravel()])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    return np.diff([0, *changes, mask.size]).tolist()


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def cases_of(report):
    header = report.manifest.read_text(encoding="utf-8").splitlines()[0].split(",")
    texts = [column for column in header if column.startswith("text")]
    return {case.id: case for case in read_manifest(report.manifest, text_columns=texts)}


def refused(layout, source, output, **options):
    with pytest.raises(DataError) as caught:
        import_layout(layout, source, output, **options)
    assert not output.exists()
    assert [path.name for path in output.parent.iterdir() if path.name.startswith(".")] == []
    return str(caught.value)


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out"


LEFT, RIGHT, LOW = (2, 3, 8, 9), (2, 20, 8, 26), (6, 22, 15, 29)  # the last two overlap


@pytest.fixture
def coco(tmp_path):
    """Two images; three annotations of the first as polygon, run lengths and string."""
    source = tmp_path / "source"
    picture(source / "images/a.jpg")
    picture(source / "images/b.png")
    annotations = [
        {"id": 11, "image_id": 1, "segmentation": [polygon(*LEFT)], "bbox": [3, 2, 6, 6], "iscrowd": 0},
        {"id": 12, "image_id": 1, "segmentation": {"size": list(SIZE), "counts": counts(box(*RIGHT))}},
        {"id": 13, "image_id": 1, "segmentation": [polygon(*LOW)]},
        {"id": 14, "image_id": 2, "segmentation": [polygon(*LEFT), polygon(*RIGHT)]},
    ]
    images = [
        {"id": 1, "file_name": "a.jpg", "height": 20, "width": 30},
        {"id": 2, "file_name": "train2014/b.png", "height": 20, "width": 30},
    ]
    write(source / "instances.json", {"images": images, "annotations": annotations, "categories": []})
    references = [
        {"ref_id": 1, "image_id": 1, "ann_id": 11, "split": "train", "file_name": "a_11.jpg",
         "sentences": [{"sent": "the  left one", "raw": "The left one."}, {"sent": "left"}, {"sent": "left"}]},
        {"ref_id": 2, "image_id": 1, "ann_id": [11, 12], "split": "train", "sentences": [{"raw": "both upper"}]},
        {"ref_id": 3, "image_id": 1, "ann_id": [-1], "split": "train", "sentences": [{"sent": "the third"}]},
        {"ref_id": 4, "image_id": 1, "ann_ids": [13], "split": "train", "sentences": ["low"]},
        {"ref_id": 5, "image_id": 2, "ann_id": 14, "split": "testA", "sentences": [{"sent": "it"}]},
        {"ref_id": 6, "image_id": 2, "ann_id": 14, "split": "testA", "no_target": True, "sentences": ["no"]},
    ]  # fmt: skip
    write(source / "refs.json", references)
    return source


class TestRefcoco:
    def test_masks_kinds_and_wordings(self, coco, output):
        report = import_layout("refcoco", coco, output, laterality="image", leaks_mask=False)
        assert report.check.ok
        cases = cases_of(report)
        assert list(cases) == [f"ref_{k}" for k in range(1, 7)]
        expected = {
            1: box(*LEFT),
            2: box(*LEFT) | box(*RIGHT),
            3: box(0, 0, 0, 0),
            4: box(*LOW),
            5: box(*LEFT) | box(*RIGHT),
        }
        for number, mask in expected.items():
            assert np.array_equal(read_truth(cases[f"ref_{number}"]), mask), number
        kinds = [case.expression_kind for case in cases.values()]
        assert kinds == ["one", "several", "none", "one", "one", "none"]
        assert cases["ref_1"].texts == ("the left one", "left")
        assert cases["ref_2"].texts == ("both upper",)
        assert cases["ref_2"].extra["ann_ids"] == "11 12"
        assert [case.split for case in cases.values()] == ["train"] * 4 + ["test"] * 2
        assert {(case.laterality, case.extra["leaks_mask"]) for case in cases.values()} == {("image", "no")}

    def test_targets_that_overlap_get_a_mask_of_their_own(self, coco, output):
        cases = cases_of(import_layout("refcoco", coco, output))
        assert cases["ref_1"].mask == cases["ref_2"].mask == cases["ref_3"].mask
        assert cases["ref_4"].mask != cases["ref_1"].mask
        truth = truth_of(cases["ref_4"])
        low, others = truth.mask, truth.others
        assert np.array_equal(low, box(*LOW))
        assert np.array_equal(others, (box(*LEFT) | box(*RIGHT)) & ~low)
        assert sorted(path.name for path in (output / "masks").iterdir()) == ["a.png", "a_2.png", "b.png"]
        assert sorted(path.name for path in (output / "images").iterdir()) == ["a.jpg", "b.png"]

    def test_two_overlapping_targets_of_one_expression(self, coco, output):
        write(coco / "refs.json", [{"ref_id": 1, "image_id": 1, "ann_id": [12, 13], "sentences": ["both"]}])
        (case,) = cases_of(import_layout("refcoco", coco, output)).values()
        assert case.expression_kind == "several"
        assert np.array_equal(read_truth(case), box(*RIGHT) | box(*LOW))

    def test_a_target_within_another_of_the_same_expression(self, coco, output):
        content = json.loads((coco / "instances.json").read_text())
        content["annotations"].append({"id": 15, "image_id": 1, "segmentation": [polygon(3, 4, 5, 6)]})
        write(coco / "instances.json", content)
        write(coco / "refs.json", [{"ref_id": 1, "image_id": 1, "ann_id": [11, 15], "sentences": ["both"]}])
        report = import_layout("refcoco", coco, output)
        (case,) = cases_of(report).values()
        assert case.expression_kind == "one"
        assert np.array_equal(read_truth(case), box(*LEFT))
        assert "2 targets cover one another; 1 of them can be told apart" in [note.message for note in report.notes]

    def test_every_mistake_is_told_with_its_number(self, coco, output):
        references = json.loads((coco / "refs.json").read_text())
        references[0]["image_id"] = 99
        references[1]["ann_id"] = [11, 77]
        references[2]["sentences"] = []
        references[3]["sentences"] = [{"sent": " ", "raw": ""}]
        references[4]["ann_id"] = 11
        references[5]["split"] = "holdout"
        write(coco / "refs.json", [*references, "x"])
        message = refused("refcoco", coco, output)
        for number, words in enumerate(
            (
                "the image_id 99 is not in instances.json",
                "the ann_id 77 is not in instances.json",
                "the sentence is missing",
                "the sentence is missing",
                "the ann_id 11 belongs to another image than 2",
                "the split 'holdout' is none of train, val, test",
                "expected an object with image_id",
            ),
            start=1,
        ):
            assert f"refs.json, row {number}: {words}" in message
        assert "7 problems" in message

    def test_masks_that_do_not_fit(self, coco, output):
        content = json.loads((coco / "instances.json").read_text())
        content["annotations"][0]["segmentation"] = {"size": [30, 20], "counts": counts(box(*LEFT))}
        content["annotations"][1]["segmentation"]["counts"][-1] += 1
        content["annotations"][2]["segmentation"] = [[1, 1, 2]]
        content["images"][1]["height"] = 21
        write(coco / "instances.json", content)
        message = refused("refcoco", coco, output)
        assert "row 1: annotation 11: the mask is 30 x 20 pixels, but the image is 20 x 30" in message
        assert "row 2: annotation 11" in message
        assert "row 4: annotation 13: a polygon has fewer than three points" in message
        assert (
            "row 5: instances.json says that 'train2014/b.png' is 21 x 30 pixels, but the image is 20 x 30" in message
        )

    def test_a_missing_image_is_left_out_or_refused(self, coco, output):
        (coco / "images/b.png").unlink()
        report = import_layout("refcoco", coco, output)
        assert len(cases_of(report)) == 4
        told = [(note.row, note.message) for note in report.notes if note.severity == "warning"]
        assert told[0] == (5, "left out, with 2 expressions: there is no image 'train2014/b.png'")
        assert "there is no image" in refused("refcoco", coco, output.with_name("strict"), strict=True)

    def test_images_may_lie_elsewhere(self, coco, output, tmp_path):
        (coco / "images").rename(tmp_path / "elsewhere")
        assert (
            len(cases_of(import_layout("refcoco", coco / "refs.json", output, images=str(tmp_path / "elsewhere")))) == 6
        )
        message = refused("refcoco", coco, output.with_name("other"), images=str(tmp_path / "nowhere"))
        assert "there is no such folder of images" in message

    def test_names_do_not_lead_out_of_the_folder(self, coco, output, tmp_path):
        picture(tmp_path / "secret.png")
        content = json.loads((coco / "instances.json").read_text())
        content["images"][1]["file_name"] = "../../secret.png"
        write(coco / "instances.json", content)
        report = import_layout("refcoco", coco, output)
        assert sorted(path.name for path in (output / "images").iterdir()) == ["a.jpg"]
        assert any("there is no image '../../secret.png'" in note.message for note in report.notes)

    def test_pickles_are_never_opened(self, coco, output, tmp_path):
        class Trap:
            def __reduce__(self):
                return (tmp_path.joinpath("opened").touch, ())

        (coco / "refs.json").unlink()
        (coco / "refs(unc).p").write_bytes(pickle.dumps(Trap()))
        for source in (coco, coco / "refs(unc).p"):
            message = refused("refcoco", source, output)
            assert "never opened" in message
            assert "json.dump(pickle.load(open('refs(unc).p', 'rb'))" in message
        assert not (tmp_path / "opened").exists()

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda s: (s / "refs.json").unlink(), "there is no refs*.json or grefs*.json"),
            (lambda s: write(s / "grefs(unc).json", []), "several files of references (grefs(unc).json, refs.json)"),
            (lambda s: write(s / "instances.json", []), "expected a COCO file"),
            (lambda s: write(s / "instances.json", {"images": [{}], "annotations": []}), "no 'id'"),
            (lambda s: (s / "instances.json").unlink(), "cannot be read"),
            (lambda s: (s / "refs.json").write_text("{"), "not a JSON file"),
            (lambda s: write(s / "refs.json", {"a": 1}), "expected a list"),
            (lambda s: write(s / "refs.json", []), "nothing to import"),
        ],
    )
    def test_files_that_do_not_do(self, coco, output, change, words):
        change(coco)
        assert words in refused("refcoco", coco, output)


@pytest.fixture
def plain(tmp_path):
    """A source of one image ``a.png`` and a function that writes records of it."""
    source = tmp_path / "source"
    picture(source / "images/a.png")
    picture(source / "images/b.png")

    def make(*records, name="data.json", wrap=lambda records: records):
        write(source / name, wrap(list(records)))
        return source

    return make


def rle(*corners):
    return {"size": list(SIZE), "counts": counts(box(*corners))}


class TestReferring:
    def test_spellings(self, plain, output):
        """Each record in another project's words; all mean the same."""
        source = plain(
            {"id": "1", "image": "a.png", "rle": rle(*LEFT), "sentence": "the lesion"},
            {"ref_id": 2, "Image_Name": "a", "polygon": polygon(*LEFT), "expressions": ["the lesion", "it"]},
            {"name": "3", "file_name": "images/a.png", "segmentation": [polygon(*LEFT)], "text": "the lesion"},
            {"uid": "4", "img-path": "a.png", "mask": rle(*LEFT), "Sentences": [{"raw": "the lesion"}]},
            {"id": "5", "image_id": "a", "mask_path": "left.png", "caption": " the\n lesion"},
            {"id": "6", "img": "a.png", "mask": "two.png", "lesion_id": 7, "description": "the lesion"},
            {"id": "7", "image": "a.png", "mask": "two.png", "target_ids": "7", "prompt": "the lesion"},
        )
        (source / "masks").mkdir()
        Image.fromarray(box(*LEFT).astype(np.uint8) * 255).save(source / "masks/left.png")
        values = box(*LEFT) * 7 + box(*RIGHT) * 3
        Image.fromarray(values.astype(np.uint8)).save(source / "masks/two.png")
        cases = cases_of(import_layout("referring", source, output))
        assert list(cases) == list("1234567")
        for case in cases.values():
            assert case.texts[0] == "the lesion"
            assert np.array_equal(read_truth(case), box(*LEFT))
            assert (case.expression_kind, case.target_ids) == ("one", (7,))  # the number that one of them gives
        assert cases["2"].texts == ("the lesion", "it")
        assert len({case.mask for case in cases.values()}) == 1

    @pytest.mark.parametrize(
        "wrap",
        [
            lambda records: {"data": records},
            lambda records: {"info": {"version": 1}, "annotations": records},
            lambda records: {str(k): record for k, record in enumerate(records)},
            lambda records: {"train": records[:1], "validation": records[1:]},
        ],
    )
    def test_ways_of_wrapping(self, plain, output, wrap):
        records = [{"image": f"{name}.png", "rle": rle(*LEFT), "sentence": name} for name in "ab"]
        report = import_layout("referring", plain(*records, wrap=wrap), output, fractions=None)
        assert [case.text for case in read_manifest(report.manifest)] == ["a", "b"]

    def test_splits_by_file_by_key_and_by_record(self, plain, output):
        record = {"image": "a.png", "rle": rle(*LEFT), "sentence": "x"}
        plain({**record, "split": "val"}, {**record, "image": "b.png"}, name="liver_train.json")
        source = plain({**record, "subset": "validation"}, name="liver_test.json")
        splits = [case.split for case in read_manifest(import_layout("referring", source, output).manifest)]
        assert sorted(splits) == ["train", "val", "val"]

    def test_an_image_in_two_splits_is_told_with_the_records_numbers(self, plain, output):
        record = {"image": "a.png", "rle": rle(*LEFT), "sentence": "x"}
        source = plain({**record, "split": "train"}, {**record, "split": "val"})
        message = refused("referring", source, output)
        assert "data.json, row 2, column image: image 'a.png' is in 'val' here, but in 'train' in row 1" in message
        assert "--split divides all anew" in message

    def test_jsonl_counts_lines(self, plain, output):
        source = plain()
        (source / "data.json").unlink()
        good = {"image": "a.png", "rle": rle(*LEFT), "sentence": "x"}
        lines = [json.dumps(good), "", "{", json.dumps({**good, "sentence": ""})]
        (source / "data.jsonl").write_text("\n".join(lines), encoding="utf-8-sig")
        message = refused("referring", source, output)
        assert "data.jsonl, row 3: not JSON" in message
        assert "data.jsonl, row 4: the sentence is missing" in message
        (source / "data.jsonl").write_text(lines[0])
        assert len(cases_of(import_layout("referring", source / "data.jsonl", output))) == 1

    def test_several_and_none(self, plain, output):
        both = {"counts": counts(box(*LEFT) | box(*RIGHT))}
        source = plain(
            {"id": "both", "image": "a.png", "rle": both, "sentence": "both", "expression_kind": "several"},
            {"id": "all", "image": "a.png", "rle": both, "sentence": "all of it"},
            {"id": "gone", "image": "a.png", "sentence": "a third", "no_target": True},
            {"id": "void", "image": "a.png", "sentence": "a fourth", "target_ids": []},
            {"id": "minus", "image": "a.png", "sentence": "a fifth", "ann_id": [-1]},
            {"id": "empty", "image": "a.png", "sentence": "a sixth", "rle": {"counts": [SIZE[0] * SIZE[1]]}},
        )
        cases = cases_of(import_layout("referring", source, output))
        kinds = {name: case.expression_kind for name, case in cases.items()}
        assert kinds == {
            "both": "several",
            "all": "one",
            "gone": "none",
            "void": "none",
            "minus": "none",
            "empty": "none",
        }
        assert len(cases["both"].target_ids) == 2
        for name in ("both", "all"):
            assert np.array_equal(read_truth(cases[name]), box(*LEFT) | box(*RIGHT))
        assert not read_truth(cases["gone"]).any()

    def test_truths_written_as_words(self, plain, output):
        good = {"image": "a.png", "rle": {"counts": counts(box(*LEFT))}, "sentence": "left"}
        words = {"false": "one", "No": "one", "0": "one", "": "one", "true": "none", "YES": "none", "1": "none"}
        source = plain(*({**good, "id": f"w{k}", "no_target": word} for k, word in enumerate(words)))
        cases = cases_of(import_layout("referring", source, output))
        assert [cases[f"w{k}"].expression_kind for k in range(len(words))] == list(words.values())
        for record, message in (
            ({"no_target": "maybe"}, "'maybe'; true or false"),
            ({"no_target": True, "target_ids": [1]}, "contradict"),
        ):
            assert message in refused("referring", plain({**good, **record}), output.with_name("other"))

    def test_what_is_known_is_kept(self, plain, output):
        source = plain(
            {"image": "a.png", "rle": rle(*LEFT), "sentence": "x", "case_id": 17, "laterality": "patient",
             "pixel_spacing": [0.5, 0.7]},
            {"image": "b.png", "rle": rle(*LEFT), "sentence": "x", "spacing": 0.5},
        )  # fmt: skip
        first, second = read_manifest(import_layout("referring", source, output).manifest)
        assert (first.patient, first.laterality, first.spacing) == ("17", "patient", (0.5, 0.7))
        assert (second.patient, second.laterality, second.spacing) == (None, None, (0.5, 0.5))
        assert "leaks_mask" not in first.extra

    @pytest.mark.parametrize(
        ("record", "words"),
        [
            ({"sentence": None}, "the sentence is missing"),
            ({"sentence": ["x", ""]}, "a sentence is missing"),
            ({"sentence": {"words": "x"}}, "the sentence is missing"),
            ({"image": None}, "the image is missing; expected its file under one of image, image_path"),
            ({"rle": None}, "the mask is missing"),
            ({"rle": None, "bbox": [1, 2, 3, 4]}, "a box is no mask"),
            ({"rle": {"counts": [1, 2]}}, "the run lengths cover 3 pixels, but the image has 20 x 30 = 600"),
            ({"rle": {"counts": [-5, 605]}}, "the run lengths hold -5"),
            ({"rle": None, "polygon": [[90, 90, 99, 90, 99, 99]]}, "the polygons cover no pixel of the image"),
            ({"mask": "small.png"}, "the mask is 5 x 6 pixels, but the image is 20 x 30"),
            ({"mask": "four.png"}, "the mask holds 3 values"),
            ({"mask": "four.png", "target_ids": [9]}, "does not hold the value 9"),
            ({"mask": "four.png", "target_ids": ["a"]}, "no pixel values of the mask"),
            ({"mask": "four.png", "target_ids": [0]}, "no pixel values of 1 or more"),
            ({"split": "later"}, "the split 'later' is none of"),
            ({"laterality": "mine"}, "neither 'image' nor 'patient'"),
            ({"spacing": [1, 2, 3]}, "is not millimetres"),
            ({"spacing": "wide"}, "is not millimetres"),
        ],
    )
    def test_mistakes(self, plain, output, record, words):
        good = {"image": "a.png", "rle": rle(*LEFT), "sentence": "x"}
        source = plain(good, {**good, **record})
        Image.fromarray(np.zeros((5, 6), np.uint8)).save(source / "small.png")
        Image.fromarray((box(*LEFT) * 2 + box(*RIGHT)).astype(np.uint8)).save(source / "four.png")
        message = refused("referring", source, output)
        assert "1 problem" in message
        assert "data.json, row 2: " in message
        assert words in message

    def test_missing_files_are_left_out_or_refused(self, plain, output):
        good = {"image": "a.png", "rle": rle(*LEFT), "sentence": "x"}
        source = plain(good, {**good, "image": "z.png"}, {**good, "mask": "z.png", "rle": None})
        report = import_layout("referring", source, output)
        told = [(note.row, note.message) for note in report.notes if note.severity == "warning"]
        assert told[:2] == [(2, "left out: there is no image 'z.png'"), (3, "left out: there is no mask 'z.png'")]
        assert "2 problems" in refused("referring", source, output.with_name("strict"), strict=True)

    @pytest.mark.parametrize("content", [{}, {"a": 1}, [1], "x", {"later": []}])
    def test_other_json(self, plain, output, content):
        source = plain(wrap=lambda _: content)
        assert "was not imported" in refused("referring", source, output)

    def test_several_files_that_are_no_splits(self, plain, output):
        plain(name="one.json")
        source = plain(name="two.json")
        assert "there is one.json, two.json; name the file that is meant" in refused("referring", source, output)

    def test_options_of_other_layouts(self, plain, output):
        with pytest.raises(ConfigError, match=r"a window goes with the layout 'nifti' or .*, not with 'referring'"):
            import_layout("referring", plain(), output, window="400,40")


def test_the_command(plain, output, capsys):
    source = plain(*({"image": f"{name}.png", "rle": rle(*LEFT), "sentence": "the left lesion"} for name in "ab"))
    command = ["import", "referring", str(source / "data.json"), "--output", str(output), "--text_encoder", "none"]
    assert main([*command, "--laterality", "image", "--leaks_mask", "yes", "--split", "50/50"]) == 0
    assert f"wrote {output / 'cases.csv'}" in capsys.readouterr().out
    assert main(["check", str(output / "cases.csv"), "--text_encoder", "none"]) == 0
    assert {case.extra["leaks_mask"] for case in read_manifest(output / "cases.csv")} == {"yes"}


def test_the_reference_lists_every_key():
    from pathlib import Path

    from lexseg.datasets.importers.referring import KEYS

    page = (Path(__file__).parents[2] / "docs/reference/referring-json.md").read_text(encoding="utf-8")
    for role, keys in KEYS.items():
        assert ", ".join(f"`{key}`" for key in keys) in page, role

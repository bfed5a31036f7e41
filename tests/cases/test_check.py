import json

import numpy as np
import pytest
from PIL import Image

from lexseg.cases.check import check_manifest
from lexseg.cases.manifest import read_manifest


class Words:
    """Counts words, knows those of the letters a to z, reads at most ten."""

    name = "words"
    max_length = 10

    def count_tokens(self, text):
        return len(text.split())

    def unknown_share(self, text):
        words = text.split()
        return sum(not (word.isascii() and word.isalpha()) for word in words) / len(words)


def found(report):
    return [(p.severity, p.row, p.column) for p in report.problems]


def only(report):
    (problem,) = report.problems
    return problem


def check(path, **options):
    return check_manifest(path, text_encoder=Words(), **options)


GOOD = {"split": "train", "text": "an opacity"}


def test_nothing_wrong(make_set):
    report = check(make_set(GOOD, GOOD))
    assert report.problems == []
    assert report.ok


def test_all_at_once(make_set):
    path = make_set(
        {"split": "train", "patient": "A", "text": "an opacity", "laterality": ""},
        {"split": "train", "patient": "B", "text": "", "laterality": ""},
        {"split": "test", "patient": "A", "text": "in the left lung", "laterality": ""},
        {"split": "train", "patient": "C", "text": "x " * 11, "laterality": "image", "id": "c1"},
        {"split": "train", "patient": "D", "text": "肺炎 seen", "laterality": "image", "mask": "masks/gone.png"},
        {"split": "train", "patient": "E", "text": "fine", "laterality": "image", "mask": ""},
    )
    root = path.parent
    Image.new("L", (11, 8)).save(root / "masks/1.png")
    (root / "images/2.png").write_bytes(b"no image")
    Image.fromarray(np.arange(80, dtype=np.uint8).reshape(8, 10)).save(root / "masks/3.png")
    (root / "images/6.png").write_bytes((root / "images/6.png").read_bytes()[:60])
    report = check(path)
    assert found(report) == [
        ("error", 2, "mask"),
        ("error", 3, "image"),
        ("error", 4, "mask"),
        ("error", 4, "patient"),
        ("error", 5, "id"),
        ("error", 5, "text"),
        ("error", 6, "mask"),
        ("error", 7, "image"),
        ("warning", 3, "text"),
        ("warning", 4, "laterality"),
        ("warning", 6, "text"),
        ("warning", 7, "mask"),
    ]
    assert report.count("error") == 8
    messages = [problem.message for problem in report.problems]
    assert messages[0] == "the mask is 8 x 11 pixels, but the image is 8 x 10 (height x width)"
    assert (
        messages[1]
        == "images/2.png: not an image; expected PNG, JPEG, TIFF, BMP, DICOM, NIfTI, NRRD or MetaImage (.mha)"
    )
    assert messages[2].startswith("masks/3.png: the mask holds 80 values (0 to 79), expected two")
    assert messages[3] == "patient 'A' is in 'test' here, but in 'train' in row 2"
    assert "11 tokens" in messages[5]
    assert "at most 10" in messages[5]
    assert "50% of the tokens" in messages[10]
    assert not report.ok


def test_a_sentence_in_another_language(make_set):
    problem = only(check(make_set(GOOD, {**GOOD, "text": "Keine Verschattung der linken Lunge"})))
    assert (problem.severity, problem.row, problem.column) == ("warning", 3, "text")
    assert "--augment.mirror 0" in problem.message and "German, say so in a column 'language': de" in problem.message


GERMAN = {**GOOD, "language": "de", "text": "Keine Verschattung der linken Lunge"}


def test_a_sentence_that_says_its_language(make_set):
    assert check(make_set(GERMAN)).problems == []


@pytest.mark.parametrize(
    ("values", "severity", "column", "message"),
    [
        ({"text": "Aktinomykose der linken Lunge"}, "warning", "text", "not in the lexicon"),
        ({"language": "tlh"}, "error", "language", "there is no lexicon"),
    ],
)
def test_a_language_that_cannot_be_read(make_set, values, severity, column, message):
    problem = only(check(make_set({**GERMAN, **values})))
    assert (problem.severity, problem.row, problem.column) == (severity, 2, column) and message in problem.message


def test_what_programs_write_for_nothing_is_no_patient_and_no_sentence(make_set):
    row = {**GOOD, "laterality": "image"}
    path = make_set({**row, "patient": "NaN"}, {**row, "patient": "nan", "text": "None"}, {**row, "patient": "Nanette"})
    report = check(path)
    assert found(report) == [("warning", 2, "patient"), ("warning", 3, "patient"), ("warning", 3, "text")]
    assert report.problems[0].message == "'NaN' counts as one patient; where nothing is known, leave the field empty"
    together = check([path, make_set(row, folder="other")])
    assert ("warning", 2, "patient") in found(together)


def test_masks_that_look_like_negatives_are_told_of(make_set):
    path = make_set(*[{**GOOD, "label": label} for label in ("", "", "", "", "0")])
    dark = np.full((8, 10), 255, np.uint8)
    dark[2:5, 3:7] = 0
    for name in "145":
        Image.fromarray(dark).save(path.parent / f"masks/{name}.png")
    problem = only(check(path))
    assert (problem.severity, problem.row, problem.column) == ("warning", 2, "mask")
    assert "in 2 masks the foreground" in problem.message and "--label 0" in problem.message


def test_label_allows_more_values(make_set):
    path = make_set({**GOOD, "label": "2"})
    Image.fromarray(np.arange(80, dtype=np.uint8).reshape(8, 10)).save(path.parent / "masks/1.png")
    report = check(path)
    assert report.problems == []
    assert report.summary.foreground.most == pytest.approx(1 / 80)


class TestLeaks:
    def test_same_image_in_two_splits(self, make_set):
        path = make_set(GOOD, {"split": "test", "text": "x", "image": "images/1.png"})
        problem = only(check(path))
        assert (problem.row, problem.column) == (3, "image")
        assert problem.message == "image '1.png' is in 'test' here, but in 'train' in row 2"

    def test_a_copy_under_another_name(self, make_set):
        path = make_set(GOOD, {"split": "val", "text": "x"})
        (path.parent / "images/2.png").write_bytes((path.parent / "images/1.png").read_bytes())
        problem = only(check(path))
        assert problem.message == "image '2.png' is in 'val' here, but a copy of it in 'train' in row 2"

    def test_copies_in_one_split_are_fine(self, make_set):
        path = make_set(GOOD, GOOD)
        (path.parent / "images/2.png").write_bytes((path.parent / "images/1.png").read_bytes())
        assert check(path).problems == []

    def test_across_manifests(self, make_set):
        first, second = make_set(GOOD, folder="x"), make_set({"split": "test", "text": "x"}, folder="y")
        problem = only(check([first, second]))
        assert problem.source == second
        assert f"{first}, row 2" in problem.message


class TestSentences:
    def test_a_set_without_sentences_is_one_warning(self, make_set):
        problem = only(check(make_set({"split": "train"}, {"split": "val"})))
        assert (problem.severity, problem.row, problem.column) == ("warning", None, "text")

    def test_without_an_encoder_lengths_are_not_known(self, make_set):
        report = check_manifest(make_set({"split": "train", "text": "x " * 99}))
        assert report.problems == []
        assert report.summary.tokens is None

    def test_every_wording_is_read(self, make_set):
        path = make_set({**GOOD, "long": "x " * 11})
        assert check(path).ok
        assert found(check(path, text_columns=["text", "long"])) == [("error", 2, "text")]

    def test_a_column_that_does_not_exist(self, make_set):
        assert found(check(make_set(GOOD), text_columns=["shrot"])) == [("error", None, "shrot")]

    @pytest.mark.parametrize("text", ["nothing was left over", "bilateral opacities"])
    def test_words_that_are_no_sides(self, make_set, text):
        assert check(make_set({**GOOD, "text": text})).problems == []

    def test_a_stated_laterality_is_enough(self, make_set):
        assert check(make_set({**GOOD, "text": "left lung", "laterality": "patient"})).problems == []


def test_a_black_image_is_a_warning(make_set):
    path = make_set(GOOD)
    Image.new("L", (10, 8)).save(path.parent / "images/1.png")
    assert found(check(path)) == [("warning", 2, "image")]


def test_a_missing_image_does_not_hide_the_rest_of_the_row(make_set):
    path = make_set({**GOOD, "image": "images/gone.png", "text": "x " * 11, "split": "trian"})
    Image.fromarray(np.arange(80, dtype=np.uint8).reshape(8, 10)).save(path.parent / "masks/1.png")
    assert sorted(p.column for p in check(path).problems) == ["image", "mask", "split", "text"]


@pytest.mark.parametrize("content", ["", "id,text\n1,x\n", 'id,image\n1,"'])
def test_no_manifest(tmp_path, content):
    path = tmp_path / "cases.csv"
    path.write_text(content)
    report = check(path)
    assert not report.ok
    assert report.summary.cases == 0


def test_a_missing_manifest_is_told_with_the_others(make_set, tmp_path):
    report = check([tmp_path / "no.csv", make_set({**GOOD, "split": "?"})])
    assert next(p.message for p in report.problems) == "there is no such file"
    assert len(report.problems) == 2


def test_summary(make_set):
    path = make_set(
        {"split": "train", "patient": "A", "text": "one two three"},
        {"split": "train", "patient": "A", "text": "one two three"},
        {"split": "val", "patient": "B", "text": "one 2"},
        {"split": "test", "patient": "", "text": "", "mask": ""},
    )
    Image.new("L", (10, 8)).save(path.parent / "masks/2.png")
    Image.new("L", (20, 16), 7).save(path.parent / "images/4.png")
    summary = check(path).summary
    assert (summary.cases, summary.images) == (4, 4)
    assert summary.image_sizes == {"8 x 10": 3, "16 x 20": 1}
    assert summary.splits == {"train": 2, "val": 1, "test": 1}
    assert summary.patients == {"train": 1, "val": 1}
    assert (summary.without_patient, summary.without_mask, summary.empty_masks) == (1, 1, 1)
    assert (summary.foreground.least, summary.foreground.most) == (0.5, 0.5)
    assert (summary.sentences, summary.without_sentence) == (2, 1)
    assert (summary.tokens.least, summary.tokens.median, summary.tokens.most) == (2, 2.5, 3)
    assert summary.unknown_tokens == pytest.approx(0.5 / 3)
    assert summary.token_limit == 10


def test_json_and_progress(make_set):
    told = []
    report = check(make_set(GOOD, {**GOOD, "text": ""}), progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
    plain = json.loads(json.dumps(report.to_dict()))
    assert (plain["errors"], plain["warnings"]) == (0, 1)
    assert plain["problems"][0]["row"] == 3
    assert plain["summary"]["splits"] == {"train": 2}


def test_a_shared_image_is_read_once(make_set, monkeypatch):
    from lexseg.cases import check as module

    path = make_set(GOOD, {**GOOD, "image": "images/1.png"})
    read = []
    real = module.read_image
    monkeypatch.setattr(module, "read_image", lambda path: read.append(path) or real(path))
    assert check(path).ok
    assert len(read) == 1


@pytest.mark.slow
def test_real_sets_are_sound(data_root):
    names = ("qata_covid19", "polyp_kvasir", "breast_us_birads", "busi_subset", "covid_ct")
    report = check_manifest([data_root / name / "cases.csv" for name in names])
    assert report.problems == []
    assert report.summary.cases == 8588
    assert report.summary.empty_masks == 50 + 13


@pytest.mark.parametrize(
    "written, read",
    [("true", True), ("yes", True), ("1", True), (" True ", True), ("no", False), ("false", False), ("", None)],
)
def test_sentences_written_from_the_mask_are_counted_however_it_is_said(make_set, written, read):
    path = make_set({**GOOD, "leaks_mask": written}, GOOD | {"leaks_mask": ""})
    assert [case.leaks_mask for case in read_manifest(path)] == [read, None]
    assert check(path).summary.leaking == (read is True)


UNDRAWN = {**GOOD, "mask": ""}


@pytest.mark.parametrize(
    "rows, told",
    [
        # as training takes them: with a mask, or with an answer; of a split that is only scored, no matter
        ([GOOD, {**GOOD, "present": "yes", "mask": ""}], []),
        ([GOOD, {**UNDRAWN, "present": "no"}], []),
        ([{**GOOD, "split": "train"}, {**GOOD, "split": "val"}, {**UNDRAWN, "split": "test"}], []),
        ([GOOD, UNDRAWN], ["lexseg train refuses it"]),
        ([GOOD, {**UNDRAWN, "present": "unknown"}], ["lexseg train refuses it"]),
        ([{**GOOD, "split": "train"}, {**UNDRAWN, "split": "val", "present": "yes"}], ["the split 'val'"]),
        ([{**UNDRAWN, "split": "", "present": "yes"}], ["the manifests"]),
    ],
)
def test_what_training_would_refuse_is_told(make_set, rows, told):
    report = check(make_set(*({"present": "", **row, "patient": str(n)} for n, row in enumerate(rows))))
    warned = [problem.message for problem in report.problems if problem.severity == "warning"]
    assert len(warned) == len(told) and all(a in b for a, b in zip(told, warned, strict=True)) and report.ok

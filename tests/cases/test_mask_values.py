"""What a mask's value means is decided once for a data set: by import, by check and by the scoring of predictions."""

import csv
import re

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from lexseg.cases.check import check_manifest
from lexseg.cases.manifest import read_manifest
from lexseg.cases.mask_values import Meaning, meaning, values_of
from lexseg.cases.truth import read_truth
from lexseg.cli.main import main
from lexseg.datasets.importers import import_layout
from lexseg.errors import DataError
from lexseg.evaluation.sources import PredictionFolder

A, B = (2, 3), (6, 7)  # rows of one thing and of another


def mask(path, background, **things):
    """A mask of 16 x 16 pixels with things at rows: ``A=2`` writes the value 2 at the rows of A."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.full((16, 16), background, np.uint8)
    for name, value in things.items():
        values[slice(*globals()[name])] = value
    Image.fromarray(values).save(path)
    return path


def image(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (16, 16), dtype=np.uint8)).save(path)
    return path


def folder(root, *masks):
    """The layout ``folder`` with one image for each mask, given as for `mask`."""
    for number, (background, things) in enumerate(masks):
        image(root / f"images/{number}.png", number)
        mask(root / f"masks/{number}.png", background, **things)
    return root


def manifest(root, rows):
    with (root / "cases.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id", "image", "mask", "text", "label"])
        writer.writeheader()
        writer.writerows(rows)
    return root / "cases.csv"


def rows(root, *masks, labels=None):
    folder(root, *masks)
    given = labels or [""] * len(masks)
    return manifest(
        root,
        [
            {"id": f"c{n}", "image": f"images/{n}.png", "mask": f"masks/{n}.png", "text": "polyp", "label": given[n]}
            for n in range(len(masks))
        ],
    )


CLASSES = ((0, {"A": 1}), (0, {"B": 2}), (0, {"A": 1}), (0, {"B": 2}))
OFFSET = ((1, {"A": 2}), (1, {"B": 2}), (1, {}))


class TestTogether:
    @pytest.mark.parametrize(
        "masks, expected",
        [
            (((0, {"A": 1}), (0, {})), Meaning()),
            (((0, {"A": 255}), (0, {}), (255, {})), Meaning()),
            (((0, {"A": 255}), (0, {"B": 254})), Meaning()),
            (OFFSET, Meaning(2)),
            (OFFSET[:2], Meaning()),
        ],
    )
    def test_what_is_plain(self, tmp_path, masks, expected):
        assert meaning(values_of(sorted((folder(tmp_path, *masks) / "masks").iterdir()))) == expected

    @pytest.mark.parametrize("masks", [CLASSES, ((0, {"A": 1}), (0, {"A": 255})), ((1, {}), (2, {}))])
    def test_what_is_open(self, tmp_path, masks):
        assert meaning(values_of(sorted((folder(tmp_path, *masks) / "masks").iterdir()))).open


class TestImport:
    def test_classes_in_different_files_are_not_merged(self, tmp_path):
        with pytest.raises(DataError, match=re.escape("0 (in 4 masks), 1 (in 2), 2 (in 2)")):
            import_layout("folder", folder(tmp_path / "a", *CLASSES), tmp_path / "o", text="polyp")

    @pytest.mark.parametrize("label, found", [(1, [True, False, True, False]), ("any", [True] * 4)])
    def test_the_user_says_which(self, tmp_path, label, found):
        source = folder(tmp_path / "a", *CLASSES)
        report = import_layout("folder", source, tmp_path / "o", text="polyp", label=label)
        assert [bool(read_truth(case).any()) for case in read_manifest(report.manifest)] == found

    def test_a_label_that_no_mask_holds(self, tmp_path):
        with pytest.raises(DataError, match="no mask holds the label 7"):
            import_layout("folder", folder(tmp_path / "a", *CLASSES), tmp_path / "o", text="polyp", label=7)

    def test_a_healthy_image_where_1_is_background(self, tmp_path):
        report = import_layout("folder", folder(tmp_path / "a", *OFFSET), tmp_path / "o", text="polyp")
        assert [int(read_truth(case).sum()) for case in read_manifest(report.manifest)] == [16, 16, 0]

    def test_every_layout_of_mask_files(self, tmp_path):
        for number, (background, things) in enumerate(CLASSES):
            image(tmp_path / f"a/Images/{number}.png", number)
            mask(tmp_path / f"a/GTs/mask_{number}.png", background, **things)
        (tmp_path / "a/prompt").mkdir()
        lines = "".join(f"mask_{number}.png,a polyp\n" for number in range(4))
        (tmp_path / "a/prompt/train.csv").write_text(f"Image,Description\n{lines}")
        with pytest.raises(DataError, match="what the values of the masks mean is open"):
            import_layout("languide", tmp_path / "a", tmp_path / "o")

    def test_referring_records(self, tmp_path):
        folder(tmp_path / "a", *CLASSES)
        records = [
            f'{{"id": "{n}", "image": "{n}.png", "mask": "{n}.png", "sentence": "a polyp"}}'
            for n in range(len(CLASSES))
        ]
        (tmp_path / "a/all.jsonl").write_text("\n".join(records))
        with pytest.raises(DataError, match="what the values of the masks mean is open"):
            import_layout("referring", tmp_path / "a", tmp_path / "o")

    @pytest.mark.parametrize(
        "options, message", [({}, "0 (in 2 masks), 1 (in 1), 2 (in 1)"), ({"lesion": (3,)}, "label 3")]
    )
    def test_volumes(self, tmp_path, options, message):
        for number in range(2):
            labels = np.zeros((20, 20, 4), np.uint8)
            labels[5:15, 5:15] = 1 + number
            for place, values in (("imagesTr", labels.astype("<i2") * 90), ("labelsTr", labels)):
                (tmp_path / "a" / place).mkdir(parents=True, exist_ok=True)
                nib.save(nib.Nifti1Image(values, np.diag([-1.0, -1, 3, 1])), tmp_path / "a" / place / f"c{number}.nii")
        with pytest.raises(DataError, match=re.escape(message)):
            import_layout("nifti", tmp_path / "a", tmp_path / "o", **options)

    def test_the_command(self, tmp_path, capsys):
        source = folder(tmp_path / "a", *CLASSES)
        arguments = ["import", "folder", str(source), "--text", "polyp", "--output", str(tmp_path / "o")]
        assert main(arguments) == 1
        assert "--label N" in capsys.readouterr().err
        assert main([*arguments, "--label", "2"]) == 0


class TestCheck:
    @pytest.mark.parametrize("masks", [CLASSES, OFFSET])
    def test_what_is_open(self, tmp_path, masks):
        report = check_manifest(rows(tmp_path, *masks))
        assert any("name the foreground in a column 'label'" in p.message for p in report.problems) and not report.ok
        assert any("import manifest FILE --label any" in p.message for p in report.problems)

    def test_labels_settle_it(self, tmp_path):
        assert check_manifest(rows(tmp_path, *OFFSET, labels=["2", "2", "2"])).ok

    def test_a_label_that_never_occurs(self, tmp_path):
        report = check_manifest(rows(tmp_path, *CLASSES, labels=["1", "1", "7", "7"]))
        (problem,) = [p for p in report.problems if p.severity == "error"]
        assert problem.column == "label" and "no mask holds the label 7" in problem.message


class TestPredictions:
    def read(self, tmp_path, predicted, labels=("1", "2", "1", "2")):
        cases = read_manifest(rows(tmp_path / "truth", *CLASSES, labels=list(labels) if labels else None))
        given = PredictionFolder(predicted)
        files = given.match(cases)
        given.check(cases, files)
        answers = {index: answer["given"].found for index, answer in given.answers(cases, files)}
        return [float((answers[n] == read_truth(case)).mean()) for n, case in enumerate(cases)]

    def predicted(self, tmp_path, *masks):
        for number, (background, things) in enumerate(masks):
            mask(tmp_path / f"given/c{number}.png", background, **things)
        return tmp_path / "given"

    def test_a_reference_scored_against_itself_is_right(self, tmp_path):
        assert self.read(tmp_path, self.predicted(tmp_path, *CLASSES)) == [1, 1, 1, 1]

    def test_another_class_is_not_what_was_meant(self, tmp_path):
        swapped = self.predicted(tmp_path, (0, {"A": 2}), (0, {"B": 1}), (0, {"A": 1}), (0, {"B": 2}))
        assert self.read(tmp_path, swapped) == [1 - 1 / 16, 1 - 1 / 16, 1, 1]

    def test_masks_of_0_and_255_mean_found(self, tmp_path):
        plain = self.predicted(tmp_path, *((0, {row: 255}) for row in "ABAB"))
        assert self.read(tmp_path, plain) == [1, 1, 1, 1]

    def test_one_class_alone_is_open(self, tmp_path):
        alone = self.predicted(tmp_path, *((0, {row: 1}) for row in "ABAB"))
        with pytest.raises(DataError, match="the values of the predicted masks mean is open"):
            self.read(tmp_path, alone)

    def test_values_that_differ_without_labels_are_open(self, tmp_path):
        with pytest.raises(DataError, match="the values of the predicted masks mean is open"):
            self.read(tmp_path, self.predicted(tmp_path, *CLASSES), labels=None)

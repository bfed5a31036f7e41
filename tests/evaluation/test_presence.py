"""Presence in the report, with films of which only the whole is labelled, worked out by hand."""

import csv
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from lexseg.cases.manifest import read_manifest
from lexseg.cli.main import main
from lexseg.errors import DataError
from lexseg.evaluation.cases import fingerprint
from lexseg.evaluation.evaluate import EvaluationOptions, evaluate, evaluate_to
from lexseg.evaluation.page import build_page

FEW = EvaluationOptions(n_resamples=100)

# id, patient, mask (rows of a 20 x 20 film that it fills), present, what the model says, whether it paints
FILMS = [
    ("ill", "a", 1, "", 0.9, True),
    ("large", "a", 8, "yes", 0.8, True),
    ("faint", "b", 1, "", 0.2, True),  # missed: below the threshold
    ("labelled ill", "c", None, "yes", 0.7, True),
    ("labelled, denied", "d", None, "yes", 0.3, True),
    ("healthy", "e", 0, "", 0.1, True),
    ("labelled healthy", "f", None, "no", 0.6, True),  # a false alarm
    ("healthy too", "g", None, "no", 0.4, True),
]


class Sayer:
    """Paints the upper two rows, and says what it was told to say about each film."""

    name, sha256, threshold, laterality, uses_text = "sayer", "a" * 64, 0.5, "image", True
    notes = ()
    presence_threshold, operating_points = 0.5, {"10": 0.25}

    def segment_batch(self, images, texts, tta=False):
        raise AssertionError

    def answer_batch(self, images, texts, tta=False):
        return [[self.answer(image) for _ in asked] for image, asked in zip(images, texts, strict=True)]

    def answer(self, image):
        film = FILMS[round(float(image[-1, -1]) * 255)]
        found = np.zeros(image.shape, np.float32)
        found[:2] = 0.9
        return SimpleNamespace(probability=found, presence=film[4])


@pytest.fixture
def labelled(tmp_path):
    folder = tmp_path / "films"
    folder.mkdir()
    rows = []
    for number, (name, patient, filled, present, _, _) in enumerate(FILMS):
        image = np.full((20, 20), 90, np.uint8)
        image[-1, -1] = number
        Image.fromarray(image).save(folder / f"{number}.png")
        mask = ""
        if filled is not None:
            mask = f"{number}_mask.png"
            Image.fromarray(np.repeat([[255] * 20] * filled + [[0] * 20] * (20 - filled), 1, 0).astype(np.uint8)).save(
                folder / mask
            )
        rows.append(
            {"id": name, "image": f"{number}.png", "mask": mask, "present": present, "patient": patient,
             "split": "test", "text": "opacity", "source": "here" if number % 2 else "there"}
        )  # fmt: skip
    path = folder / "cases.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def report(labelled):
    return evaluate(Sayer(), read_manifest(labelled), replace(FEW, by=("source", "present")))


def test_what_nobody_has_drawn_is_in_no_score_of_masks(report):
    summary = report.summary
    assert (summary["n"], summary["n_located"], summary["n_foreground"]) == (8, 6, 5)
    # drawn: 1 of 2 rows, 2 of 8, nothing; three healthy films, of which one is painted
    dice = [2 * 20 / 60, 2 * 40 / 200, 0, 1, 0, 1]
    assert summary["per_image"]["dice"]["mean"] == pytest.approx(np.mean(dice))
    assert summary["per_image_foreground"]["dice"]["mean"] == pytest.approx(np.mean(dice[:3]))
    assert summary["pooled"]["dice"] == pytest.approx(2 * 60 / (2 * 60 + 20 + 120 + 20 + 40))
    assert np.isfinite(summary["hd95"]["mean"])


def test_a_film_with_nothing_counts_in_false_alarms_and_an_undrawn_target_in_missed(report):
    assert report.summary["false_alarms"] == 1 and report.summary["missed"] == 2
    assert [s.case.id for s in report.scores if s.false_alarm] == ["labelled healthy"]
    assert [s.case.id for s in report.scores if s.missed] == ["faint", "labelled, denied"]


def test_presence_counts_them_all(report):
    part = report.summary["presence"]
    assert (part["n_present"], part["n_absent"]) == (5, 3)
    # of 15 pairs those in which the ill film is given more: 0.9, 0.8, 0.7 beat all three; 0.2 and 0.3 beat 0.1
    assert part["auroc"] == pytest.approx((9 + 2) / 15)
    assert (part["sensitivity"], part["specificity"]) == (pytest.approx(3 / 5), pytest.approx(2 / 3))
    for name in ("auroc", "sensitivity", "specificity", "ece_equal_mass"):
        low, high = part["ci95"][name]
        assert low <= part[name] <= high or name == "ece_equal_mass"
    assert sum(b["n"] for b in part["reliability"]) == pytest.approx(8) and len(part["reliability"]) == 15
    assert part["ece_equal_mass"] == pytest.approx(
        np.average([abs(b["said"] - b["there"]) for b in part["reliability"]], weights=[8 / 15] * 15)
    )


def test_intervals_are_clustered_by_patient(labelled):
    """Two films of one patient go together: as one patient's, all films leave nothing to resample."""
    cases = [replace(case, patient="p") for case in read_manifest(labelled)]
    assert evaluate(Sayer(), cases, FEW).summary["presence"]["ci95"]["sensitivity"] is None


def test_presence_by_size(report):
    sizes = report.summary["presence"]["by_size"]
    assert {name: one["n_present"] for name, one in sizes.items()} == {
        "2 to 10 %": 2, "10 % and more": 1, "not drawn": 2,
    }  # fmt: skip
    assert sizes["2 to 10 %"]["sensitivity"] == 0.5 and sizes["10 % and more"]["sensitivity"] == 1
    assert sizes["2 to 10 %"]["said"] == pytest.approx(0.55)
    assert sizes["2 to 10 %"]["auroc"] == pytest.approx((3 + 1) / 6)
    assert sizes["not drawn"]["sensitivity"] == 0.5


def test_operating_points_of_the_model_and_of_these_cases(report):
    model, *here = report.summary["presence"]["operating_points"]
    assert (model["point"], model["from"], model["threshold"]) == ("10", "model", 0.25)
    assert model["sensitivity"] == pytest.approx(4 / 5) and model["specificity"] == pytest.approx(1 / 3)
    assert [(one["point"], one["from"]) for one in here] == [(p, "these cases") for p in ("5", "10", "15")]
    # of five targets none may be lost at 15 %: only what lies below 0.2 is denied
    assert {(one["sensitivity"], round(one["specificity"], 3)) for one in here} == {(1.0, 0.333)}


def test_presence_by_group(report):
    by = report.summary["by"]
    assert set(by["source"]) == {"here", "there"} and set(by["present"]) == {"", "no", "yes"}
    here = by["source"]["here"]["presence"]
    # large 0.8 and labelled ill 0.7 against healthy 0.1 and healthy too 0.4
    assert (here["n_present"], here["n_absent"]) == (2, 2)
    assert (here["auroc"], here["sensitivity"], here["specificity"]) == (1, 1, 1)
    assert by["present"]["yes"]["presence"]["auroc"] is None
    assert by["present"]["yes"]["presence"]["sensitivity"] == pytest.approx(2 / 3)
    assert by["present"]["no"]["n_acc"] == 0.5 and by["present"]["yes"]["t_acc"] == pytest.approx(2 / 3)
    assert by["present"]["yes"]["dice"] == pytest.approx(0.4)  # of the one that somebody has drawn


def test_the_name_of_the_folder_is_the_source_where_no_column_says(labelled):
    cases = [replace(case, extra={}) for case in read_manifest(labelled)]
    summary = evaluate(Sayer(), cases, replace(FEW, by=("source",))).summary
    assert list(summary["by"]["source"]) == ["films"]


def test_files(labelled, tmp_path):
    evaluate_to(tmp_path / "out", Sayer(), read_manifest(labelled), replace(FEW, by=("source",)))
    summary = json.loads((tmp_path / "out/report.json").read_text())
    assert summary["presence"]["operating_points"][0]["ci95"]["sensitivity"]
    rows = {row["id"]: row for row in csv.DictReader((tmp_path / "out/cases.csv").open())}
    undrawn, healthy = rows["labelled ill"], rows["labelled healthy"]
    assert (undrawn["present"], undrawn["dice"], undrawn["reference_area"], undrawn["presence"]) == ("1", "", "", "0.7")
    assert undrawn["predicted_area"] == "40" and undrawn["dice_none"] == ""
    assert (healthy["present"], healthy["dice"], healthy["false_alarm"]) == ("0", "0", "1")
    page = (tmp_path / "out/report.html").read_text()
    for words in ("Operating points", "size of the target", "reliability curve in numbers", "presence AUROC"):
        assert words in page, words
    assert "not drawn" in page and "known that the target is there, but not where" in page


def test_only_undrawn_targets(labelled, tmp_path):
    """Nothing can be said of masks, and nothing of what is absent; the rest can."""
    cases = [case for case in read_manifest(labelled) if case.mask is None and case.present == "yes"]
    report = evaluate(Sayer(), cases, FEW)
    assert report.summary["per_image"]["dice"]["mean"] is None and report.summary["pooled"]["dice"] is None
    assert report.summary["presence"]["sensitivity"] == 0.5
    assert report.summary["presence_missing"]["auroc"] == "every case holds its target"
    assert "nobody has drawn" in build_page(report)
    report.write(tmp_path)


def test_the_command(labelled, tmp_path, monkeypatch, capsys):
    from lexseg.predict.segmenter import Segmenter

    monkeypatch.setattr(Segmenter, "from_pretrained", lambda *a, **k: Sayer())
    arguments = ["evaluate", "any", str(labelled), "--by", "source", "--resamples", "50"]
    assert main([*arguments, "--output", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "2 cases of targets that nobody has drawn" in said
    assert "sensitivity 0.6000 [" in said and "10 % lost, the model's" in said
    assert "presence: AUROC 1.0000, sensitivity 1.0000" in said
    only = labelled.with_name("only.csv")
    lines = labelled.read_text().splitlines()
    only.write_text("\n".join([lines[0], *(line for line in lines if ",yes," in line and "_mask" not in line)]))
    assert main(["evaluate", "any", str(only), "--output", str(tmp_path / "only"), "--resamples", "50"]) == 0
    assert "Dice -" in capsys.readouterr().out


def test_what_is_not_known_is_refused(labelled):
    cases = read_manifest(labelled)
    empty = cases[5]
    for wrong in (
        replace(cases[3], present=None),
        replace(cases[3], present="unknown"),
        replace(empty, present="unknown"),
    ):
        with pytest.raises(DataError, match=rf"row {wrong.row}.*no mask to score against, nor 'present'"):
            evaluate(Sayer(), [cases[0], wrong], FEW)
    with pytest.raises(DataError, match=r"row 7.*is empty, but 'present' is 'yes'"):
        evaluate(Sayer(), [replace(empty, present="yes")], FEW)


def test_labels_are_part_of_what_was_scored(labelled):
    cases = read_manifest(labelled)
    turned = [replace(case, present="no") if case.id == "labelled ill" else case for case in cases]
    assert fingerprint(cases) != fingerprint(turned)

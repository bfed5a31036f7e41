"""What a report says about models that listen, models that do not, and masks from elsewhere."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lexseg.cli.evaluate import _lines
from lexseg.errors import ConfigError, DataError, TextError
from lexseg.evaluation.cases import fingerprint, select_cases
from lexseg.evaluation.evaluate import EvaluationOptions, evaluate, evaluate_to
from lexseg.evaluation.page import build_page
from lexseg.evaluation.pictures import PROBE_WORDS
from lexseg.evaluation.probes import PROBES
from lexseg.evaluation.sources import PredictionFolder
from lexseg.evaluation.summary import check_bound
from lexseg.metrics.overlap import dice
from lexseg.metrics.surface import hd95, image_diagonal
from lexseg.scans.masks import read_mask

FEW = EvaluationOptions(n_resamples=50)


def test_a_model_that_listens(cases, listener):
    summary = evaluate(listener, cases, FEW).summary
    assert (summary["n"], summary["resolution"], summary["n_foreground"], summary["n_clusters"]) == (6, "native", 5, 5)
    assert summary["per_image"]["dice"]["mean"] == 1
    assert summary["pooled"]["iou"] == 1
    assert (summary["hd95"]["mean"], summary["hd95"]["unit"]) == (0, "px")
    assert (summary["nsd"]["mean"], summary["nsd"]["tolerance"], summary["nsd"]["unit"]) == (1, 2, "px")
    assert (summary["missed"], summary["false_alarms"]) == (0, 0)
    swapped = summary["text_probes"]["swapped"]
    assert swapped["n_changed"] == 4  # the bilateral and the negative sentence stay what they are
    assert swapped["changed_only"]["given"] == 1
    assert swapped["changed_only"]["swapped"] == 0
    assert swapped["changed_only"]["drop"]["mean"] == 1
    assert swapped["changed_only"]["catastrophic"] == 1
    assert swapped["per_image"]["dice"]["mean"] == pytest.approx(2 / 6)
    # without a sentence both blobs are found: 2/3 where one is meant, 1 where both are, 0 where none is
    assert summary["text_probes"]["none"]["per_image"]["dice"]["mean"] == pytest.approx((4 * 2 / 3 + 1 + 0) / 6)
    assert summary["text_probes"]["shuffled"]["n_changed"] == 6
    assert summary["text_probes"]["shuffled"]["pooled"]["dice"] < 1


def test_a_model_that_does_not_listen(cases, listener):
    listener.deaf = True
    summary = evaluate(listener, cases, FEW).summary
    assert summary["text_probes"]["swapped"]["changed_only"]["drop"]["mean"] == 0
    assert summary["text_probes"]["swapped"]["changed_only"]["catastrophic"] == 0
    assert summary["text_probes"]["none"]["per_image"] == summary["per_image"]
    assert summary["false_alarms"] == 1
    assert summary["hd95"]["n_one_empty"] == 1
    assert summary["per_image_foreground"]["dice"]["mean"] > summary["per_image"]["dice"]["mean"]


def test_scores_are_those_of_the_metrics(cases, listener):
    listener.deaf = True
    report = evaluate(listener, cases, FEW)
    references = [read_mask(case.mask) for case in cases]
    found = [np.asarray(Image.open(case.image)) > 128 for case in cases]
    assert [s.given.dice for s in report.scores] == [dice(f, r) for f, r in zip(found, references, strict=True)]
    assert [s.hd95 for s in report.scores] == [hd95(f, r) for f, r in zip(found, references, strict=True)]
    assert report.summary["per_image"]["dice"]["mean"] == pytest.approx(np.mean([s.given.dice for s in report.scores]))
    pooled = dice(np.stack(found), np.stack(references))
    assert report.summary["pooled"]["dice"] == pooled


def test_misses_are_counted_and_cost_the_diagonal(cases, listener):
    summary = evaluate(listener, cases, EvaluationOptions(threshold=0.95, n_resamples=50)).summary
    assert (summary["missed"], summary["false_alarms"], summary["threshold"]) == (5, 0, 0.95)
    assert summary["hd95"]["mean"] == pytest.approx(5 / 6 * image_diagonal((24, 32)))
    assert summary["per_image"]["dice"]["mean"] == pytest.approx(1 / 6)
    assert summary["per_image_foreground"]["dice"]["mean"] == 0


def test_millimetres_only_if_all_spacings_are_known(cases, listener):
    spaced = [replace(case, spacing=(0.5, 0.25)) for case in cases]
    options = EvaluationOptions(threshold=0.95, n_resamples=50)
    summary = evaluate(listener, spaced, options).summary
    assert summary["hd95"]["unit"] == "mm"
    assert summary["hd95"]["mean"] == pytest.approx(5 / 6 * np.hypot(24 * 0.5, 32 * 0.25))
    assert summary["nsd"]["unit"] == "px"
    assert evaluate(listener, [*spaced[:-1], cases[-1]], options).summary["hd95"]["unit"] == "px"


def test_another_size_is_named_and_its_spacing_scaled(cases, listener):
    spaced = [replace(case, spacing=(0.5, 0.25)) for case in cases]
    summary = evaluate(listener, spaced, EvaluationOptions(threshold=0.95, size=16, n_resamples=50)).summary
    assert summary["resolution"] == "16x16"
    assert summary["hd95"]["mean"] == pytest.approx(5 / 6 * np.hypot(24 * 0.5, 32 * 0.25))
    assert (
        evaluate(listener, cases, EvaluationOptions(size=48, n_resamples=50)).summary["per_image"]["dice"]["mean"]
        > 0.95
    )


def test_image_only_models_are_not_probed(cases, listener):
    listener.uses_text = False
    summary = evaluate(listener, cases, FEW).summary
    assert summary["text_probes"] == dict.fromkeys(PROBES)
    assert summary["text_probes_missing"]["none"] == "the model reads no sentence"
    assert set(listener.asked) == {None}


def test_each_image_is_encoded_once_and_each_sentence_asked_once(cases, listener):
    """Cases of one image are asked together; equal sentences are not asked twice."""
    twin = replace(cases[0], id="twin", texts=("an opacity in the right lung",))
    evaluate(listener, [cases[0], twin, cases[2]], FEW)
    assert listener.calls == 1
    first = [None, "an opacity in the left lung", "an opacity in the right lung"]
    assert sorted(listener.asked[:3], key=str) == sorted(first, key=str)


def test_the_words_follow_the_models_laterality(cases, listener):
    """A model of the other convention hears the words turned round: its answers are those of the swapped sentence."""
    listener.laterality = "patient"
    summary = evaluate(listener, cases, FEW).summary
    assert summary["laterality"] == "patient"
    assert summary["text_probes"]["swapped"]["changed_only"] | {"drop": None} == {
        "given": 0,
        "swapped": 1,
        "drop": None,
        "metric": "dice per_image",
        "catastrophic": None,  # none of them was answered
    }


def test_one_sentence_for_all_gives_null_and_a_reason(cases, listener):
    same = [replace(case, texts=("an opacity",)) for case in cases]
    summary = evaluate(listener, same, FEW).summary
    assert summary["text_probes"]["shuffled"] is None
    assert "only one distinct sentence" in summary["text_probes_missing"]["shuffled"]
    assert summary["text_probes"]["swapped"]["n_changed"] == 0
    assert summary["text_probes"]["swapped"]["changed_only"] is None


def test_equal_seeds_equal_reports(cases, listener):
    one, other = (evaluate(listener, cases, EvaluationOptions(n_resamples=50, seed=3)).summary for _ in range(2))
    assert one | {"date": ""} == other | {"date": ""}


def test_one_patient_has_no_interval(cases, listener):
    summary = evaluate(listener, cases[:2], FEW).summary
    assert summary["n_clusters"] == 1
    assert summary["per_image"]["dice"]["ci95"] is None


def test_the_bound_is_asserted(cases, listener):
    listener.deaf = True
    summary = evaluate(listener, cases, FEW).summary
    check_bound(summary)
    broken = summary | {"per_image": {"dice": {"mean": 0.9207}, "iou": {"mean": 0.8093}}}  # a published row
    with pytest.raises(RuntimeError, match="per_image"):
        check_bound(broken)
    with pytest.raises(RuntimeError, match="pooled"):
        check_bound(summary | {"pooled": {"dice": 0.8366, "iou": 0.7511}})


def test_files(tmp_path, cases, listener):
    report = evaluate_to(tmp_path / "out" / "report", listener, cases, FEW, save_masks=True, notes={"split": "all"})
    folder = tmp_path / "out" / "report"
    assert sorted(path.name for path in folder.iterdir()) == ["cases.csv", "masks", "report.html", "report.json"]
    assert [path.name for path in folder.parent.iterdir()] == ["report"]
    summary = json.loads((folder / "report.json").read_text())
    assert summary == report.summary
    keys = "n resolution empty_rule missed false_alarms per_image per_image_foreground pooled hd95 nsd text_probes"
    keys += " versions model data split threshold laterality seed date"
    assert set(keys.split()) <= summary.keys()
    assert set(summary["versions"]) >= {"lexseg", "torch", "monai", "numpy", "python"}
    assert summary["model"]["sha256"] == "a" * 64
    with (folder / "cases.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [case.id for case in cases]
    assert float(rows[0]["dice"]) == 1 and float(rows[0]["dice_swapped"]) == 0
    assert [row["swapped_changed"] for row in rows] == ["1", "1", "1", "1", "0", "0"]
    assert rows[0]["reference_area"] == "64"
    for case, row in zip(cases, rows, strict=True):
        assert np.array_equal(read_mask(folder / row["mask"]), read_mask(case.mask))


def test_sentences_are_shown_only_if_asked_for(tmp_path, cases, listener):
    report = evaluate(listener, cases, FEW)
    for name, include_text in (("a", False), ("b", True)):
        (tmp_path / name).mkdir()
        report.write(tmp_path / name, include_text=include_text)
    for name in ("cases.csv", "report.html", "report.json"):
        assert "opacity in the" not in (tmp_path / "a" / name).read_text()
    for name in ("cases.csv", "report.html"):
        assert "an opacity in the left lung" in (tmp_path / "b" / name).read_text()


def test_the_page_needs_nothing_else_and_escapes(tmp_path, cases, listener):
    cases[0] = replace(cases[0], texts=("left <script>alert(1)</script>",))
    listener.name = "a<b"
    evaluate_to(tmp_path / "out", listener, cases, FEW, include_text=True)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script" not in page and "a&lt;b" in page
    assert "http://" not in page and "https://" not in page
    assert page.count("data:image/png;base64,") >= 3 * 2 + 5 * 2  # plots for light and dark, best and worst
    assert str(tmp_path) not in page


@pytest.mark.parametrize("deaf", [True, False])
def test_how_often_words_about_nothing_paint_nothing_is_told(cases, listener, deaf):
    listener.deaf = deaf
    report = evaluate(listener, cases, FEW)
    painted_nothing = report.summary["text_probes"]["irrelevant"]["changed_only"]["empty"]
    rows = re.findall(r"<tr>(.*?)</tr>", build_page(report), re.DOTALL)
    (row,) = [row for row in rows if f">{PROBE_WORDS['irrelevant']}<" in row and row.count("<td") > 4]
    assert re.findall(r"<td[^>]*>(.*?)</td>", row)[-1] == f"{painted_nothing:.3f}"
    (line,) = [line for line in _lines(report.summary, Path("report")).splitlines() if line.startswith("  irrelevant")]
    assert line.endswith(f"nothing painted {painted_nothing:.1%}")


def test_the_page_does_not_tell_where_the_model_lies(cases, listener):
    listener.name = "/home/somebody/runs/mine/model"
    page = build_page(evaluate(listener, cases, FEW))
    assert "mine/model on 6 cases" in page and "somebody" not in page


@pytest.mark.parametrize(
    "name_of",
    [
        lambda case: f"{case.id}.png",
        lambda case: f"{case.image.stem}.png",
        lambda case: f"{case.image.stem}_mask.png",
    ],
)
def test_masks_of_another_tool(cases, masks_of, name_of):
    report = evaluate(PredictionFolder(masks_of(name_of)), cases, FEW)
    assert report.summary["pooled"]["dice"] == 1
    assert report.summary["model"]["kind"] == "predictions"
    assert report.summary["text_probes"] == dict.fromkeys(PROBES)
    assert report.summary["threshold"] is None


def test_saved_masks_can_be_scored_again(tmp_path, cases, listener):
    """Ids with a folder in them, or out of it, find their masks again and stay inside the folder."""
    listener.deaf = True
    cases = [replace(case, id=f"../set/{case.id}") for case in cases]
    first = evaluate_to(tmp_path / "out", listener, cases, FEW, save_masks=True)
    second = evaluate(PredictionFolder(tmp_path / "out" / "masks"), cases, FEW)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "out"]
    assert [s.given for s in second.scores] == [s.given for s in first.scores]


def test_all_missing_masks_are_listed(cases, masks_of):
    folder = masks_of(lambda case: f"{case.id}.png", skip=("c1", "c4"))
    with pytest.raises(DataError, match="2 of 6") as error:
        evaluate(PredictionFolder(folder), cases, FEW)
    assert "'c1'" in str(error.value) and "'c4'" in str(error.value) and "'c2'" not in str(error.value)
    assert "row 3" in str(error.value)


def test_of_many_missing_masks_some_are_listed_and_the_rest_is_counted(cases, masks_of):
    folder = masks_of(lambda case: f"{case.id}.png")
    many = [replace(cases[0], id=f"m{k}", row=k) for k in range(500)]
    with pytest.raises(DataError, match="500 of 500 cases") as error:
        evaluate(PredictionFolder(folder), many, FEW)
    assert len(str(error.value).splitlines()) == 12 and "and 490 more" in str(error.value)


def test_an_image_of_several_cases_needs_masks_by_id(cases, masks_of):
    folder = masks_of(lambda case: f"{case.image.stem}.png")
    twins = [cases[0], replace(cases[0], id="twin")]
    with pytest.raises(DataError, match="2 of 2"):
        evaluate(PredictionFolder(folder), twins, FEW)


def test_masks_of_another_size_are_refused(cases, masks_of):
    folder = masks_of(lambda case: f"{case.id}.png")
    Image.new("L", (8, 8)).save(folder / "c2.png")
    with pytest.raises(DataError, match="8 x 8 pixels, but the image is 32 x 24"):
        evaluate(PredictionFolder(folder), cases, FEW)


def test_all_problems_of_the_cases_are_listed_before_anything_is_run(tmp_path, cases, listener):
    Image.new("L", (9, 9)).save(cases[1].mask)
    cases[2].image.write_bytes(cases[2].image.read_bytes()[:60])
    cases[3] = replace(cases[3], mask=None)
    with pytest.raises(DataError, match="3 problems") as error:
        evaluate_to(tmp_path / "out", listener, cases, FEW)
    for row, words in ((3, "9 x 9"), (4, "film2.png"), (5, "no mask")):
        line = next(line for line in str(error.value).splitlines() if f"row {row}," in line)
        assert words in line
    assert listener.calls == 0
    assert not (tmp_path / "out").exists()


def test_sentences_that_the_model_cannot_read_are_listed(cases, listener):
    def check_text(text):
        if "right" in text:
            raise TextError("the sentence is too long")

    listener.check_text = check_text
    with pytest.raises(TextError, match="3 problems"):
        evaluate(listener, cases, FEW)


def test_splits(cases):
    assert [case.id for case in select_cases(cases)] == ["c4", "c5"]
    assert len(select_cases(cases, "val")) == 4
    assert len(select_cases(cases, "all")) == 6
    with pytest.raises(DataError, match=r"test \(2\), val \(4\)"):
        select_cases(cases, "train")
    with pytest.raises(DataError, match=r"'test'.*val \(4\)"):
        select_cases(cases[:4])
    with pytest.raises(DataError, match="--split all"):
        select_cases([replace(case, split=None) for case in cases])


def test_the_hash_is_of_contents(cases):
    first = fingerprint(cases)
    assert fingerprint(cases[::-1]) == first
    assert fingerprint([replace(cases[0], texts=("other",)), *cases[1:]]) != first
    Image.new("L", (32, 24)).save(cases[0].mask)
    assert fingerprint(cases) != first


@pytest.mark.parametrize("options", [{"threshold": 0}, {"threshold": 1.2}, {"size": 0}])
def test_impossible_options(options):
    with pytest.raises(ConfigError):
        EvaluationOptions(**options)


def test_a_threshold_for_masks_is_refused(cases, masks_of):
    with pytest.raises(ConfigError, match="threshold"):
        evaluate(PredictionFolder(masks_of(lambda case: f"{case.id}.png")), cases, EvaluationOptions(threshold=0.4))


def test_the_table_holds_what_a_paired_comparison_needs(cases, listener):
    report = evaluate(listener, cases, EvaluationOptions(n_resamples=20, by=("laterality",)))
    rows = report.rows()
    for row, score in zip(rows, report.scores, strict=True):
        assert row["overlap_area"] == score.given.tp
        assert row["by_laterality"] == score.case.laterality
    patients = {}
    for row in rows:
        patients.setdefault(row["cluster"], set()).add(row["patient"])
    assert sorted(patients) == [1, 2, 3, 4, 5] and all(len(names) == 1 for names in patients.values())


def test_swapped_sides_of_sentences_that_name_none_leave_nothing_to_show(listener, cases):
    plain = [replace(case, texts=("a square",)) for case in cases]
    summary = evaluate(listener, plain, EvaluationOptions(probes=("swapped",), n_resamples=50)).summary
    assert set(summary["text_probes"]) >= {"swapped"}

"""The referring task on a manifest small enough to be scored by hand, with models that listen or do not."""

import csv
import json
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from lexseg.cases.manifest import read_manifest
from lexseg.cases.sentence_columns import sentence_columns
from lexseg.cli.main import main
from lexseg.errors import ConfigError, DataError
from lexseg.evaluation.evaluate import EvaluationOptions, evaluate, evaluate_to
from lexseg.evaluation.expressions import questions_about
from lexseg.evaluation.page import build_page
from lexseg.evaluation.probes import PROBES
from lexseg.evaluation.sources import PredictionFolder

FEW = EvaluationOptions(n_resamples=50)

# top left corners of the blobs, of 16 pixels each, in images of 30 x 40; the instances count from 1
BLOBS = {"film0": [(3, 4), (22, 6), (4, 30)], "film1": [(3, 4), (23, 6)]}

# id, image, kind, targets, region, wordings
EXPRESSIONS = [
    ("right", "film0", "one", "3", "right", "opacity in the right lung", "right-sided opacity"),
    ("left", "film0", "several", "1 2", "left", "opacities in the left lung", "all opacities, left lung"),
    ("upper left", "film0", "one", "1", "left upper", "opacity in the left upper zone", "upper left opacity"),
    ("lower right", "film0", "none", "", "right lower", "opacity in the right lower zone", ""),
    ("all", "film0", "", "1 2 3", "", "opacities in the left and right lung", "three opacities"),
    ("lower left", "film1", "one", "2", "left lower", "opacity in the left lower zone", ""),
    ("no right", "film1", "none", "", "right", "opacity in the right lung", "right-sided opacity"),
    ("top", "film1", "one", "1", "left upper", "opacity in the left upper zone", "the topmost opacity"),
]


@dataclass
class Finder:
    """Finds the bright blobs in the places that the words name, and says whether there are any.

    It knows no hyphens: ``right-sided`` means nothing to it, and it finds all there is.
    """

    name: str = "finder"
    notes: tuple[str, ...] = ()
    sha256: str | None = "a" * 64
    threshold: float = 0.5
    presence_threshold: float | None = 0.5
    laterality: str | None = "image"
    uses_text: bool = True
    deaf: bool = False
    asked: list = field(default_factory=list)

    def segment_batch(self, images, texts, tta=False):
        raise AssertionError("a model that answers presence is asked by answer_batch")

    def answer_batch(self, images, texts, tta=False):
        self.asked.append([list(asked) for asked in texts])
        return [[self.answer(image, text) for text in asked] for image, asked in zip(images, texts, strict=True)]

    def answer(self, image, text):
        if self.deaf or text is None:
            return SimpleNamespace(probability=(image > 0.5) * np.float32(0.9), presence=0.8)
        labels, number = ndimage.label(image > 0.5)
        words = set(text.split())
        found = np.zeros(image.shape, np.float32)
        for part in range(1, number + 1):
            rows, columns = np.nonzero(labels == part)
            side = "left" if columns.mean() < image.shape[1] / 2 else "right"
            zone = "upper" if rows.mean() < image.shape[0] / 2 else "lower"
            if (side in words or not words & {"left", "right"}) and (zone in words or not words & {"upper", "lower"}):
                found[labels == part] = 0.9
        if "topmost" in words:
            found[np.argwhere(found > 0)[0][0] + 4 :] = 0
        # below the threshold the map must not be used: it is left full on purpose
        return SimpleNamespace(
            probability=found if found.any() else np.full_like(found, 0.9), presence=0.9 if found.any() else 0.1
        )


@pytest.fixture
def finder():
    return Finder()


@pytest.fixture
def referring_manifest(tmp_path):
    folder = tmp_path / "referring"
    folder.mkdir()
    for name, corners in BLOBS.items():
        image, mask = np.full((30, 40), 40, np.uint8), np.zeros((30, 40), np.uint8)
        for number, (row, column) in enumerate(corners, start=1):
            image[row : row + 4, column : column + 4] = 220
            mask[row : row + 4, column : column + 4] = number
        Image.fromarray(image).save(folder / f"{name}.png")
        Image.fromarray(mask).save(folder / f"{name}_mask.png")
    rows = ["id,image,mask,split,laterality,text,text_2,expression_kind,target_ids,region,query,group"]
    for name, image, kind, targets, region, *texts in EXPRESSIONS:
        group = "whole side" if region in ("left", "right") else ""
        cells = [name, f"{image}.png", f"{image}_mask.png", "val", "image", *texts, kind, targets, region, "", group]
        rows.append(",".join(f'"{cell}"' for cell in cells))
    path = folder / "cases.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def expressions(referring_manifest):
    return read_manifest(referring_manifest, text_columns=sentence_columns([referring_manifest]))


def numbers(part, *names):
    return {name: part[name] for name in names or part if not isinstance(part[name], dict)}


MEASURES = ("giou", "ciou", "pr50", "pr70", "pr90", "n_acc", "t_acc")


def test_a_model_that_listens(expressions, finder):
    summary = evaluate(finder, expressions, FEW).summary
    part = summary["referring"]
    assert (part["n"], part["n_target"], part["n_none"]) == (7, 5, 2)  # without the sentence about the whole image
    assert numbers(part, *MEASURES, "dice") == dict.fromkeys((*MEASURES, "dice"), 1.0)
    assert all(ends == [1, 1] for ends in part["ci95"].values())
    listening = summary["listening"]
    assert (listening["follow_rate"], listening["switch_score"]) == (1, 1)
    # only "right-sided opacity" is not understood: all three blobs instead of one, Dice 1/2 instead of 1
    assert listening["paraphrase_spread"] == pytest.approx(0.125**0.5 / 4)
    assert listening["n"] == {"follow_rate": 5, "switch_score": 2, "paraphrase_spread": 4}
    assert listening["n_pairs"] == 3 + 1
    assert summary["presence"]["auroc"] == 1
    assert summary["presence"]["ece"] == pytest.approx(0.1)
    assert numbers(summary["presence"], "n", "n_present", "n_absent", "threshold") == {
        "n": 8,
        "n_present": 6,
        "n_absent": 2,
        "threshold": 0.5,
    }
    for name in ("referring", "listening", "presence"):
        assert summary[f"{name}_missing"] == {}


def test_a_model_that_does_not_listen(expressions, finder):
    """It finds every blob, always: each image's mask is full but for the blobs' own overlap with the targets."""
    finder.deaf = True
    summary = evaluate(finder, expressions, FEW).summary
    expected = {
        "giou": (1 / 3 + 2 / 3 + 1 / 3 + 1 / 2 + 1 / 2) / 7,
        "ciou": 6 / 18,
        "pr50": 1 / 5,
        "pr70": 0,
        "pr90": 0,
    }
    assert numbers(summary["referring"], *MEASURES) == pytest.approx(expected | {"n_acc": 0, "t_acc": 1})
    listening = summary["listening"]
    assert listening["follow_rate"] == pytest.approx((1 / 3 + 2 / 3 + 1 / 3 + 1 / 2 + 1 / 2) / 5)
    assert listening["switch_score"] == pytest.approx(0, abs=1e-12)
    assert listening["paraphrase_spread"] == 0
    assert summary["presence"]["auroc"] == 0.5
    assert summary["presence"]["ece"] == pytest.approx(0.05)


def test_below_the_presence_threshold_the_mask_is_empty(expressions, finder):
    """What a user gets is judged: a threshold that nothing reaches empties every mask."""
    finder.presence_threshold = 0.95
    summary = evaluate(finder, expressions, FEW).summary
    assert numbers(summary["referring"], "n_acc", "t_acc", "giou") == pytest.approx(
        {"n_acc": 1, "t_acc": 0, "giou": 2 / 7}
    )
    assert summary["listening"]["follow_rate"] == 0
    assert summary["missed"] == 6
    finder.presence_threshold = 0.05
    summary = evaluate(finder, expressions, FEW).summary
    assert numbers(summary["referring"], "n_acc", "t_acc") == {"n_acc": 0, "t_acc": 1}


def test_kinds_sides_and_groups(expressions, finder):
    finder.deaf = True
    summary = evaluate(finder, expressions, replace(FEW, by=("group", "expression_kind"))).summary
    kinds = summary["referring"]["by_kind"]
    assert {kind: kinds[kind]["n"] for kind in kinds} == {"one": 4, "several": 1, "none": 2}
    assert kinds["several"]["dice"] == pytest.approx(0.8)
    assert kinds["none"]["dice"] is None and kinds["none"]["n_acc"] == 0
    # both sides of film0 are asked for as a whole; of film1 the right one, which is clear
    sides = summary["listening"]["sides"]
    assert (sides["one_of_both"]["n"], sides["clear_side"]["n"]) == (2, 1)
    assert sides["one_of_both"]["follow_rate"] == pytest.approx((1 / 3 + 2 / 3) / 2)
    assert sides["clear_side"]["empty"] == 0
    group = summary["by"]["group"]["whole side"]
    assert (group["n"], group["n_target"]) == (3, 2)
    assert group["dice"] == pytest.approx((0.5 + 0.8) / 2)
    assert set(summary["by"]["expression_kind"]) == {"", "none", "one", "several"}
    assert summary["by"]["expression_kind"]["one"]["giou"] == kinds["one"]["giou"]
    sides = evaluate(Finder(), expressions, FEW).summary["listening"]["sides"]
    assert (sides["one_of_both"]["follow_rate"], sides["one_of_both"]["empty"]) == (1, 0)
    assert sides["clear_side"]["empty"] == 1


def test_another_target_and_an_absent_one(expressions, finder):
    summary = evaluate(finder, expressions, FEW).summary
    other, absent = (summary["text_probes"][name] for name in ("other", "absent"))
    assert other["n_changed"] == absent["n_changed"] == 5
    assert (other["changed_only"]["given"], other["changed_only"]["other"]) == (1, 0)
    assert other["changed_only"]["drop"]["mean"] == 1
    assert (absent["changed_only"]["absent"], absent["changed_only"]["empty"]) == (0, 1)
    finder.deaf = True
    probes = evaluate(finder, expressions, FEW).summary["text_probes"]
    assert probes["other"]["changed_only"]["drop"]["mean"] == 0
    assert probes["absent"]["changed_only"]["empty"] == 0


def test_what_is_asked(expressions, finder):
    """Once an image, each sentence once: given, probes and wordings; fewer where fewer are wanted."""
    evaluate(finder, expressions, FEW)
    ((first, _),) = finder.asked
    assert len(set(first)) == len(first) and None in first
    assert {"right-sided opacity", "upper left opacity"} <= set(first)
    assert "three opacities" not in first  # wordings of a sentence about the whole image are not asked
    finder.asked.clear()
    summary = evaluate(finder, expressions, replace(FEW, probes=(), wordings=1)).summary
    assert finder.asked == [[[c.text for c in expressions if c.image.stem == name] for name in ("film0", "film1")]]
    assert set(summary["text_probes_missing"].values()) == {"left out on request"}
    assert summary["listening"]["paraphrase_spread"] is None
    assert "two wordings" in summary["listening_missing"]["paraphrase_spread"]
    finder.asked.clear()
    summary = evaluate(finder, expressions, replace(FEW, probes=("other",), wordings=1)).summary
    assert [name for name, probe in summary["text_probes"].items() if probe] == ["other"]
    assert len(finder.asked[0][0]) == 5  # asking for another target costs nothing: that one is asked anyway


def test_the_other_target_shares_nothing_where_that_can_be(expressions):
    for seed in range(5):
        questions = questions_about(expressions, "image", seed=seed)
        assert questions.probes["other"][1] == "opacity in the right lung"
        assert questions.probes["other"][0] in ("opacities in the left lung", "opacity in the left upper zone")
        assert questions.probes["absent"][0] == "opacity in the right lower zone"
        assert questions.probes["other"][3] == questions.given[3]  # names nothing: there is no target to lose


def test_the_words_follow_the_models_laterality_and_the_regions_do_not(expressions, finder):
    patient = [replace(case, laterality="patient", texts=tuple(map(turned, case.texts))) for case in expressions]
    summary = evaluate(finder, patient, FEW).summary
    assert (summary["referring"]["giou"], summary["listening"]["follow_rate"]) == (1, 1)


def turned(text):
    return text.replace("left", "*").replace("right", "left").replace("*", "right")


def test_at_another_size(expressions, finder):
    summary = evaluate(finder, expressions, replace(FEW, size=80)).summary
    assert summary["referring"]["giou"] > 0.8
    assert (summary["listening"]["follow_rate"], summary["referring"]["n_acc"]) == (1, 1)
    assert summary["listening"]["switch_score"] > 0.8


def test_masks_of_another_tool(tmp_path, expressions):
    """Perfect masks by id, in an order that takes the images in turn: no presence, no wordings, all the rest."""
    folder = tmp_path / "masks"
    folder.mkdir()
    for case in expressions:
        values = np.asarray(Image.open(case.mask))
        Image.fromarray(np.isin(values, case.target_ids).astype(np.uint8) * 255).save(folder / f"{case.id}.png")
    summary = evaluate(PredictionFolder(folder), expressions[::2] + expressions[1::2], FEW).summary
    assert (summary["referring"]["giou"], summary["listening"]["switch_score"]) == (1, 1)
    assert summary["presence"] is None and "nothing was said" in summary["presence_missing"]["auroc"]
    assert set(summary["text_probes"]) == {*PROBES, "other", "absent"}


def test_a_model_without_presence(expressions, finder):
    finder.presence_threshold = None
    summary = evaluate(finder, expressions, FEW).summary
    assert summary["presence"] is None
    assert summary["referring"]["n_acc"] == 0  # its full maps count, for nothing says that they should not


def test_what_cannot_be_measured_says_why(expressions, finder):
    summary = evaluate(finder, expressions[:3], FEW).summary
    assert summary["referring"]["n_acc"] is None
    assert summary["referring_missing"] == {"n_acc": "no expression is without a target"}
    assert summary["presence_missing"]["auroc"] == "every case holds its target"
    assert summary["text_probes_missing"]["absent"].startswith("no image has an expression without a target")
    summary = evaluate(finder, [expressions[3]], FEW).summary
    assert set(summary["referring_missing"]) >= {"t_acc", "pr50", "dice", "ciou"}
    assert set(summary["listening_missing"]) == {"follow_rate", "switch_score", "paraphrase_spread"}
    captions = [case for case in expressions if case.expression_kind is None]
    summary = evaluate(finder, captions, FEW).summary
    assert summary["referring"] is None and summary["listening"] is None
    assert set(summary["text_probes"]) == set(PROBES)


def test_regions_that_are_none_are_found_before_anything_is_run(expressions, finder):
    expressions[1] = replace(expressions[1], extra={"region": "west"})
    with pytest.raises(DataError, match=r"row 3.*region.*'west' names no place"):
        evaluate(finder, expressions, FEW)
    assert not finder.asked


def test_groups_must_be_there_and_be_few(expressions, finder):
    with pytest.raises(DataError, match=r"'hospital'; there are .*expression_kind, group"):
        evaluate(finder, expressions, replace(FEW, by=("hospital",)))
    with pytest.raises(DataError, match="250 values"):
        many = [replace(expressions[0], id=str(i), extra={"group": str(i)}) for i in range(250)]
        evaluate(finder, many, replace(FEW, by=("group",)))


@pytest.mark.parametrize("wrong", [{"wordings": 0}, {"probes": ("other", "elsewhere")}])
def test_impossible_options(wrong):
    with pytest.raises(ConfigError):
        EvaluationOptions(**wrong)


def test_files(tmp_path, expressions, finder):
    options = replace(FEW, by=("group",))
    report = evaluate_to(tmp_path / "out", finder, expressions, options, save_masks=True, include_text=True)
    summary = json.loads((tmp_path / "out" / "report.json").read_text())
    assert summary == report.summary
    with (tmp_path / "out" / "cases.csv").open(newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert (rows["right"]["kind"], rows["right"]["region"]) == ("one", "right")
    assert (rows["right"]["presence"], rows["right"]["follow"]) == ("0.9", "1")
    assert (rows["right"]["wordings"], rows["right"]["wordings_sd"]) == ("2", "0.353553")
    assert (rows["all"]["kind"], rows["all"]["follow"], rows["lower right"]["follow"]) == ("", "", "")
    assert rows["right"]["dice_other"] == "0" and rows["right"]["other_changed"] == "1"
    assert not np.asarray(Image.open(tmp_path / "out" / rows["lower right"]["mask"])).any()
    page = (tmp_path / "out" / "report.html").read_text()
    for words in ("gIoU", "switch score", "calibration error", "side by side", "whole side", "right-sided"):
        assert (words in page) == (words != "right-sided")
    assert "opacities in the left lung" in page
    plain = build_page(report)
    assert "opacities in the left lung" not in plain and "several: left" in plain


def test_the_command(tmp_path, referring_manifest, expressions, capsys, monkeypatch):
    from lexseg.predict.segmenter import Segmenter

    monkeypatch.setattr(Segmenter, "from_pretrained", classmethod(lambda cls, model, **_: Finder()))
    arguments = ["evaluate", "finder", str(referring_manifest), "--split", "val", "--output", str(tmp_path / "out")]
    assert main([*arguments, "--resamples", "20", "--by", "group", "--probes", "none,other"]) == 0
    printed = capsys.readouterr().out
    for words in ("gIoU 1.0000", "follow rate 1.0000", "AUROC 1.0000", "whole side", "one side of two asked for"):
        assert words in printed
    summary = json.loads((tmp_path / "out" / "report.json").read_text())
    assert summary["text_column"] == "text,text_2"
    assert summary["listening"]["n"]["paraphrase_spread"] == 4
    assert main([*arguments, "--probes", "elsewhere"]) == 1
    assert "'elsewhere'" in capsys.readouterr().err


def test_columns_of_sentences(tmp_path, referring_manifest):
    assert sentence_columns([referring_manifest]) == ("text", "text_2")
    assert sentence_columns([referring_manifest], ("text_2",)) == ("text_2",)
    plain = tmp_path / "plain.csv"
    plain.write_text("id,image,text,text_2\n1,1.png,,\n")
    assert sentence_columns([plain]) == ("text",)
    many = tmp_path / "many.csv"
    many.write_text("id,image,text_10,text_2,text,text_9,text_no,expression_kind\n1,1.png,,,,,,\n")
    assert sentence_columns([many]) == ("text", "text_2", "text_9", "text_10")

"""The floor of words alone: whose masks are averaged, where they are cut, and that a plan can ask for it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lexseg.comparison.cells import cells_of
from lexseg.comparison.datasets import read_datasets
from lexseg.comparison.floor import LEAST, WordFloor
from lexseg.comparison.job import job_of
from lexseg.comparison.plan import Plan
from lexseg.comparison.worker import main
from lexseg.errors import ConfigError


def two_kinds(n: int = LEAST) -> WordFloor:
    """n masks on the left, called so, and n on the right."""
    masks = np.zeros((2 * n, 8, 8), np.float32)
    masks[:n, :, :4] = 1
    masks[n:, :, 4:] = 1
    return WordFloor(["left lung"] * n + ["right lung"] * n, masks)


@pytest.mark.parametrize(
    ("sentence", "left", "right"), [("left lung", 1, 0), ("Right lung.", 0, 1), (None, 0.5, 0.5), ("tea", 0.5, 0.5)]
)
def test_a_sentence_is_answered_with_the_masks_of_its_words(sentence: str | None, left: float, right: float) -> None:
    mean = two_kinds().mean(sentence)
    assert (mean[:, :4] == left).all() and (mean[:, 4:] == right).all()


def test_a_sentence_that_is_new_takes_those_of_the_nearest() -> None:
    mean = two_kinds().mean("left lower lung zone")
    assert (mean[:, :4] == 1).all() and not mean[:, 4:].any()


def test_few_of_one_sentence_are_averaged_with_the_next() -> None:
    mean = two_kinds(LEAST // 2).mean("left lung")
    assert (mean == 0.5).all()


def test_the_cut_is_the_best_of_the_training_cases() -> None:
    """Three masks of four are the whole image: painted, three cases are right; with the masks turned round, one is."""
    masks = np.zeros((40, 8, 8), np.float32)
    masks[:30] = 1
    assert WordFloor(["lung"] * 40, masks).threshold <= 0.75
    assert WordFloor(["lung"] * 40, 1 - masks).threshold > 0.25


def test_the_image_changes_nothing_and_gives_the_size() -> None:
    floor = two_kinds()
    rng = np.random.default_rng(0)
    (one,), (other,) = floor.segment_batch([rng.random((16, 24)), rng.random((16, 24))], [["left lung"], ["left lung"]])
    assert one.shape == (16, 24) and np.array_equal(one, other)
    assert one[:, :9].min() > 0.9 and one[:, 15:].max() < 0.1


def test_a_plan_scores_it_with_probes(make: Callable[[], Plan], values: dict, tmp_path: Path) -> None:
    values["methods"] = {"floor": {"kind": "floor"}}
    values["datasets"]["squares"] |= {"probes": ["none", "mirrored"], "texts": ["own", None]}
    plan, output = make(), tmp_path / "out"
    (cell,) = cells_of(plan)  # without words there is one answer, and the probe gives it
    job_of(plan, cell, read_datasets(plan, output)["squares"]).write(cell.folder(output))
    assert main(cell.folder(output)) == 0, (cell.folder(output) / "cell.json").read_text()
    report = json.loads((cell.folder(output) / "report/report.json").read_text())
    assert {name for name, probe in report["text_probes"].items() if probe} == {"none", "swapped"}
    assert json.loads((cell.folder(output) / "cell.json").read_text())["train"]["steps"] == 0


@pytest.mark.parametrize("extra", [{"recipe": "tiny.yaml"}, {"align": {"size": 64}}, {"set": {"model.dim": 8}}])
def test_it_trains_nothing(make: Callable[[], Plan], values: dict, extra: dict) -> None:
    values["methods"]["floor"] = {"kind": "floor", **extra}
    with pytest.raises(ConfigError, match=r"trains no recipe|of the kinds zero-shot and weak"):
        make()


def test_a_data_set_can_have_sentence_variants_of_its_own(make: Callable[[], Plan], values: dict) -> None:
    values["texts"] = ["own"]
    values["datasets"]["squares"]["texts"] = ["own", None]
    assert make().texts_of("squares") == ["text", "null"]
    values["datasets"]["squares"]["texts"] = ["text", "text"]
    with pytest.raises(ConfigError, match=r"datasets\.squares\.texts: a variant stands twice"):
        make()

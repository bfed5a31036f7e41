"""Methods that see no training mask, in a plan and as cells."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lexseg.comparison.cells import cells_of
from lexseg.comparison.datasets import read_datasets
from lexseg.comparison.job import job_of
from lexseg.comparison.plan import Plan
from lexseg.comparison.worker import main
from lexseg.errors import ConfigError

ALIGN = {"size": 32, "batch": 4, "encoder_lr": 0}


@pytest.mark.parametrize(
    ("method", "wrong"),
    [
        ({}, "recipe is missing"),
        ({"kind": "weak"}, "recipe is missing"),
        ({"kind": "zero-shot", "recipe": "tiny.yaml"}, "trains no recipe"),
        ({"recipe": "tiny.yaml", "align": {"size": 64}}, "of the kinds zero-shot and weak"),
        ({"kind": "zero-shot", "masks": {"sams": True}}, "no setting 'sams'"),
        ({"kind": "oneshot"}, "kind"),
    ],
)
def test_what_a_method_cannot_be(make: Callable[[], Plan], values: dict, method: dict, wrong: str) -> None:
    values["methods"]["odd"] = method
    with pytest.raises(ConfigError, match=wrong):
        make()


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [({"budget": {"minutes": 1}}, "needs a budget of steps"), ({"select_on": "train-part"}, "none can select")],
)
def test_what_a_plan_cannot_ask_of_them(make: Callable[[], Plan], values: dict, changed: dict, wrong: str) -> None:
    values["methods"]["maps"] = {"kind": "zero-shot"}
    values.update(changed)
    with pytest.raises(ConfigError, match=wrong):
        make()


def test_without_words_they_are_not_run(make: Callable[[], Plan], values: dict) -> None:
    values["methods"] |= {"maps": {"kind": "zero-shot"}, "weak": {"kind": "weak", "recipe": "tiny.yaml"}}
    values["texts"] = [None, "text"]
    found = {(cell.method, cell.text) for cell in cells_of(make())}
    assert found == {("wide", "null"), ("wide", "text"), ("maps", "text"), ("weak", "text")}


def test_cells_are_aligned_labelled_trained_and_scored_with_controls(
    make: Callable[[], Plan], values: dict, tmp_path: Path
) -> None:
    values["methods"] = {
        "maps": {"kind": "zero-shot", "align": ALIGN},
        "weak": {"kind": "weak", "recipe": "tiny.yaml", "align": ALIGN, "masks": {"keep": 2}},
    }
    plan, output = make(), tmp_path / "out"
    states = read_datasets(plan, output)
    for cell in cells_of(plan):
        folder = cell.folder(output)
        job_of(plan, cell, states[cell.dataset]).write(folder)
        assert main(folder) == 0, (folder / "cell.json").read_text()
        record = json.loads((folder / "cell.json").read_text())
        assert record["status"] == "done"
        summary = json.loads((folder / "report/report.json").read_text())
        assert {"none", "class-free"} <= set(summary["text_probes"])
        towers = json.loads((folder / "towers/encoder.json").read_text())
        assert towers["how"]["settings"]["steps"] == (6 if cell.method == "maps" else 3)
        assert record["train"]["steps"] == (6 if cell.method == "maps" else 3)
    with (folder / "labelled/cases.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(row["mask_origin"] for row in rows if row["split"] == "train")
    assert not any(row["mask_origin"] for row in rows if row["split"] == "val")

"""The files of a comparison, from real images and answers of known quality, against what the cells' tables say."""

import csv
import itertools
import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from compared import Painter, fill, write_cell
from lexseg.cases.manifest import read_manifest
from lexseg.comparison import cost as costs
from lexseg.comparison.benchmark import Cost
from lexseg.comparison.cells import Cell, CellRecord, cells_of, read_record
from lexseg.comparison.comparison import gather
from lexseg.comparison.labels import row_label
from lexseg.comparison.page_tables import _of_few, few_patients, papers, probed, rules
from lexseg.comparison.pictures import scores_plot
from lexseg.comparison.plan_file import parse_plan
from lexseg.comparison.results import write_results
from lexseg.comparison.table import cell_rows
from lexseg.errors import LexSegError

REASON = "the loss is no longer a number: bce is nan at step 3"
VALUES = {
    "title": "A <trial>",
    "budget": {"steps": 10},
    "seeds": [0],
    "methods": {
        "tmca": {"recipe": "tmca-lite", "label": "TMCA (lite)", "seeds": [0, 1]},
        "near": {"recipe": "lsms-lite", "label": "A|B <near> $^$"},
        "far": {"recipe": "unet-lite"},
        "broken": {"recipe": "tmca-lite"},
    },
    "datasets": {"breast": {"cases": ["cases.csv"], "by": ["classification"], "label": "Breast"}},
    "texts": ["text", None],
    "reference": "tmca",
    "papers": [
        {
            "method": "SAM paper",
            "dataset": "breast",
            "dice": 0.7772,
            "aggregation": "not stated",
            "kind": "SAM-style",
            "source": "elsewhere",
            "beside": "far",
        },
        {
            "method": "Paper",
            "dataset": "breast",
            "dice": 0.8366,
            "aggregation": "pooled",
            "source": "somewhere",
            "beside": "near",
            "command": "lexseg train --config lsms",
        },
        {"method": "Other", "dataset": "breast", "dice": 0.7, "aggregation": "per image", "source": "somewhere"},
    ],
}
# pixels that each method is off, and more with other words
QUALITY = {"tmca": (3, 9), "near": (3, 9), "far": (14, 0), "broken": (1, 0)}
FAILS = {"broken__breast__text__s0": REASON}
WAITS = ("broken__breast__null__s0",)


@pytest.fixture(scope="module")
def cases(data_root):
    chosen = [c for c in read_manifest(data_root / "breast_us_birads" / "cases.csv") if c.split == "val"][:20]
    # two films of each patient, so that clusters differ from cases
    return [replace(c, patient=f"p{at // 2}") for at, c in enumerate(chosen)]


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return parse_plan(VALUES, tmp_path_factory.mktemp("plan") / "plan.yaml")


@pytest.fixture(scope="module")
def output(plan, cases, tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    fill(plan, folder, {"breast": cases}, QUALITY, fail=FAILS, skip=WAITS)
    cost = {"gmacs": 0.9, "relative_latency": 1.3, "latency_ms": 60.0, "peak_memory_mb": 500.0, "reads_words": True}
    methods = {"tmca": cost, "near": cost | {"gmacs": 2.0}, "far": {"failed": "MemoryError: too large"}}
    (folder / "cost.json").write_text(json.dumps({"yardstick": "", "methods": methods}))
    write_results(plan, folder)
    (folder / "index.html").rename(folder / "whole.html")  # tests that write again leave it
    return folder


def _rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _scored(output, key, column="dice"):
    return np.array([float(row[column]) for row in _rows(output / "cells" / key / "report" / "cases.csv")])


def _one(rows, **wanted):
    (found,) = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return found


def test_every_cell_has_a_row_whatever_became_of_it(plan, output):
    rows = _rows(output / "table.csv")
    assert len(rows) == len(cells_of(plan)) == 9  # tmca 2 x 2, near 2, far 1 as it reads no words, broken 2
    status = {(row["method"], row["text"], row["seed"]): (row["status"], row["reason"]) for row in rows}
    assert status["broken", "text", "0"] == ("failed", REASON)
    assert status["broken", "null", "0"] == ("waiting", "")
    assert sum(state == "done" for state, _ in status.values()) == 7
    failed = _one(rows, method="broken", text="text")
    assert failed["dice_per_image"] == "" and failed["train_steps"] == "3"


def test_the_tables_scores_are_those_of_the_cases(output):
    row = _one(_rows(output / "table.csv"), method="near", text="text")
    key = "near__breast__text__s0"
    assert float(row["dice_per_image"]) == pytest.approx(_scored(output, key).mean(), abs=1e-5)
    tp, areas = (
        _scored(output, key, "overlap_area").sum(),
        (_scored(output, key, "reference_area") + _scored(output, key, "predicted_area")).sum(),
    )
    assert float(row["dice_pooled"]) == pytest.approx(2 * tp / areas, abs=1e-5)
    assert float(row["iou_pooled"]) == pytest.approx(tp / (areas - tp), abs=1e-5)
    assert float(row["dice_per_image_low"]) < float(row["dice_per_image"]) < float(row["dice_per_image_high"])
    assert (row["macs"], row["relative_latency"], row["peak_memory_mb"]) == ("2000000000", "1.3", "812")
    assert float(row["none_gap"]) > 0.05 and row["swapped_gap"] != ""


def test_all_cells_have_the_same_columns_whatever_became_of_the_first(plan, output):
    rows = cell_rows(plan, gather(plan, output).outcomes, {})
    assert len({tuple(row) for row in rows}) == 1  # or a comparison that waits for its first cell could not be written


def test_lost_answers_and_irrelevant_words_are_the_cases_own(plan, output):
    rows = _rows(output / "cells" / "near__breast__text__s0" / "report" / "cases.csv")
    changed = [r for r in rows if r["shuffled_changed"] == "1" and float(r["dice"]) >= 0.5]
    lost = np.mean([float(r["dice_shuffled"]) < 0.1 for r in changed])
    head, *body = probed(gather(plan, output), "breast")
    near = next(row for row in body if row[0].startswith("A|B <near> $^$"))
    assert near[head.index("... lost")] == f"{lost:.3f}"
    shuffled = np.mean([float(r["dice_shuffled"]) for r in rows])
    assert near[head.index("another case's words: Dice")] == f"{shuffled:.3f}"


def test_papers_stand_by_their_averaging_and_ours_by_the_same(plan, output):
    head, *body = papers(gather(plan, output), "breast")
    assert [row[head.index("averaged")] for row in body] == ["per image", "pooled", "not stated"]
    pooled = _one(_rows(output / "summary.csv"), method="near", text="text")["dice_pooled"]
    ours = [row[head.index("ours, not a reproduction")] for row in body]
    assert ours[0] == ours[2] == "-"  # no architecture of ours, and no averaging to go by
    assert ours[1].startswith(f"A|B <near> $^$: {float(pooled):.3f} [")
    assert body[1][head.index("what would reproduce it")] == "`lexseg train --config lsms`"


def test_pairs_are_those_of_brute_force(output, cases):
    """Seeds averaged case by case, whole patients drawn: in plain Python, with draws of its own."""
    pair = _one(_rows(output / "pairs.csv"), first="far", second="tmca", metric="dice_per_image")
    seeds = [_scored(output, f"tmca__breast__text__s{seed}") for seed in (0, 1)]
    each = _scored(output, "far__breast__text__s0") - np.mean(seeds, axis=0)
    assert float(pair["difference"]) == pytest.approx(each.mean(), abs=1e-5)
    patients = sorted({c.patient for c in cases})
    members = [[at for at, c in enumerate(cases) if c.patient == name] for name in patients]
    rng = np.random.default_rng(123)
    drawn = []
    for _ in range(4000):
        chosen = list(itertools.chain(*(members[i] for i in rng.integers(0, len(members), len(members)))))
        drawn.append(each[chosen].mean())
    low, high = np.percentile(drawn, [2.5, 97.5])
    width = high - low
    assert float(pair["difference_low"]) == pytest.approx(low, abs=0.08 * width)
    assert float(pair["difference_high"]) == pytest.approx(high, abs=0.08 * width)
    assert float(pair["difference_high"]) < 0 and float(pair["p_holm"]) < 0.01  # far is far off


def test_each_family_is_a_data_set_and_a_metric(output):
    rows = [row for row in _rows(output / "pairs.csv") if row["metric"] == "dice_per_image"]
    # near and far against the reference with words, near without; tmca and near with words against without
    assert [(r["question"], r["first"], r["first_text"], r["second_text"]) for r in rows] == [
        ("methods", "near", "text", "text"),
        ("methods", "far", "text", "text"),
        ("methods", "near", "null", "null"),
        ("words", "tmca", "text", "null"),
        ("words", "near", "text", "null"),
    ]
    assert {r["family"] for r in rows} == {"5"}
    p = sorted((float(r["p"]), float(r["p_holm"])) for r in rows)
    assert p[0][1] == pytest.approx(min(1, 5 * p[0][0]), rel=1e-3)
    assert all(corrected >= plain for plain, corrected in p)


def test_words_are_worth_what_they_are_worth(output):
    pair = _one(_rows(output / "pairs.csv"), question="words", first="near", metric="dice_per_image")
    with_words, without = (_scored(output, f"near__breast__{text}__s0").mean() for text in ("text", "null"))
    assert float(pair["difference"]) == pytest.approx(with_words - without, abs=1e-5) and with_words > without


def test_what_other_words_cost_is_that_of_the_altered_sentences(plan, output):
    drops = gather(plan, output).drops["breast"]
    rows = _rows(output / "cells" / "near__breast__text__s0" / "report" / "cases.csv")
    altered = [float(r["dice"]) - float(r["dice_none"]) for r in rows if r["none_changed"] == "1"]
    found = drops["near", "text", "none"]
    assert found.value == pytest.approx(np.mean(altered), abs=1e-5)
    assert 0 < found.low < found.value < found.high
    assert ("near", "null", "none") not in drops or drops["near", "null", "none"].value == 0  # nothing to lose
    assert float(_one(_rows(output / "table.csv"), method="near", text="text")["none_gap_changed"]) == pytest.approx(
        found.value, abs=1e-5
    )


def test_seeds_are_averaged_and_their_spread_stands_apart(output):
    table = [
        float(r["dice_per_image"]) for r in _rows(output / "table.csv") if (r["method"], r["text"]) == ("tmca", "text")
    ]
    row = _one(_rows(output / "summary.csv"), method="tmca", text="text")
    assert float(row["dice_per_image"]) == pytest.approx(np.mean(table), abs=1e-5)
    assert float(row["dice_per_image_seed_sd"]) == pytest.approx(np.std(table, ddof=1), rel=1e-3)
    assert (row["seeds"], row["n_seeds"], row["seeds_not_done"]) == ("0 1", "2", "0")
    assert _one(_rows(output / "summary.csv"), method="far")["dice_per_image_seed_sd"] == ""


def test_sizes_are_thirds_of_the_targets(output):
    rows = [r for r in _rows(output / "groups.csv") if (r["method"], r["column"]) == ("far", "size")]
    assert [r["value"] for r in rows] == ["small", "middle", "large"]
    assert sum(int(r["n"]) for r in rows) == 20 and max(int(r["n"]) for r in rows) <= 7
    share = _scored(output, "far__breast__text__s0", "reference_area") / _scored(
        output, "far__breast__text__s0", "pixels"
    )
    smallest = np.argsort(share)[: int(rows[0]["n"])]
    expected = _scored(output, "far__breast__text__s0")[smallest].mean()
    assert float(rows[0]["dice_per_image"]) == pytest.approx(expected, abs=1e-5)
    assert float(rows[0]["dice_per_image"]) < float(
        rows[2]["dice_per_image"]
    )  # so many pixels off hurts small ones more


def test_groups_are_those_of_the_column(output, cases):
    rows = [r for r in _rows(output / "groups.csv") if (r["method"], r["column"]) == ("far", "classification")]
    values = np.array([c.extra["classification"] for c in cases])
    dice = _scored(output, "far__breast__text__s0")
    assert {r["value"]: float(r["dice_per_image"]) for r in rows} == pytest.approx(
        {value: dice[values == value].mean() for value in set(values)}, abs=1e-5
    )


def test_the_page_says_what_failed_and_shows_no_number_without_its_averaging(output):
    page = (output / "whole.html").read_text()
    assert REASON in page and "1 failed" in page and "1 to come" in page
    assert "A &lt;trial&gt;" in page and "<trial>" not in page and "&lt;near&gt;" in page
    assert re.search(r"Paper</td><td>network</td><td>pooled</td><td>0\.8366", page)
    assert "MemoryError: too large" in page
    assert "://" not in page.replace("http://www.w3.org", "")  # nothing from outside
    assert page.count('<picture class="plot">') == 5
    assert not any(
        row["id"] in page for row in _rows(output / "cells" / "far__breast__text__s0" / "report" / "cases.csv")
    )


def test_markdown_tables_are_whole(output):
    text = (output / "comparison.md").read_text()
    assert REASON in text and "A\\|B <near>" in text
    for block in text.split("\n\n"):
        if block.startswith("|"):
            widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
            assert len(widths) == 1, block


def test_plots_lie_beside_for_papers(output):
    names = {path.name for path in (output / "plots").iterdir()}
    kinds = ("scores", "differences", "cost", "size", "by_classification")
    assert names == {f"breast_{kind}.{end}" for kind in kinds for end in ("png", "svg")}
    svg = (output / "plots" / "breast_differences.svg").read_text()
    assert "TMCA (lite)" in svg  # letters stay letters


def test_equal_results_give_equal_files(plan, output):
    before = {path.name: path.read_bytes() for path in [*output.glob("*.csv"), output / "comparison.md"]}
    write_results(plan, output, plots=False)
    assert {path.name: path.read_bytes() for path in [*output.glob("*.csv"), output / "comparison.md"]} == before
    again = scores_plot(plan, gather(plan, output).statistics["breast"])
    assert again.svg == (output / "plots" / "breast_scores.svg").read_bytes()


def test_nothing_done_is_shown_as_nothing_done(plan, tmp_path):
    write_results(plan, tmp_path)
    rows = _rows(tmp_path / "table.csv")
    assert {row["status"] for row in rows} == {"waiting"}
    assert "0 of 9 cells done" in (tmp_path / "index.html").read_text()
    assert _rows(tmp_path / "pairs.csv") == [] and _rows(tmp_path / "summary.csv") == []


def test_a_cell_that_scored_other_cases_is_no_part_of_the_comparison(plan, cases, tmp_path):
    methods = {"tmca": cases[:6], "near": cases[:5], "far": cases[:6]}
    for name, chosen in methods.items():
        write_cell(Cell(name, "breast", "text", 0), tmp_path, chosen, Painter(4))
    write_results(plan, tmp_path, plots=False)
    row = _one(_rows(tmp_path / "table.csv"), method="near", text="text")
    assert (row["status"], row["dice_per_image"]) == ("failed", "")
    assert row["reason"] == "scored other cases: 0 that most cells have not, and 1 are missing"
    assert {r["first"] for r in _rows(tmp_path / "pairs.csv")} == {"far"}


def test_equal_answers_do_not_differ(plan, cases, tmp_path):
    for name in ("tmca", "near"):
        write_cell(Cell(name, "breast", "text", 0), tmp_path, cases[:14], Painter(4))
    write_results(plan, tmp_path, plots=False)
    pair = _one(_rows(tmp_path / "pairs.csv"), first="near", metric="dice_per_image")
    assert (float(pair["difference"]), float(pair["p"])) == (0, 1)


def test_a_half_written_report_fails_its_cell_alone(plan, cases, tmp_path):
    for name in ("tmca", "near"):
        write_cell(Cell(name, "breast", "text", 0), tmp_path, cases[:4], Painter(4))
    broken = tmp_path / "cells" / "near__breast__text__s0" / "report" / "report.json"
    broken.write_text(broken.read_text()[:200])
    write_results(plan, tmp_path, plots=False)
    rows = _rows(tmp_path / "table.csv")
    assert _one(rows, method="near", text="text")["reason"] == "its report is missing or cannot be read"
    assert _one(rows, method="tmca", text="text", seed="0")["status"] == "done"


def test_costs_are_measured_once_and_again_when_the_model_changes(plan, tmp_path, monkeypatch):
    asked = []

    def measure(folder, kind, *, threads, repeats):
        asked.append(folder)
        if "near__" in folder:
            raise LexSegError("no memory\nleft")
        return Cost(folder, kind, True, (64, 64), 5, 0, 1.5, 20.0, 300.0, 400.0, 1.2, 50.0)

    monkeypatch.setattr(costs, "measure_apart", measure)
    for name in ("tmca", "near"):
        folder = Cell(name, "breast", "text", 0).folder(tmp_path)
        (folder / "run" / "model").mkdir(parents=True)
        (folder / "run" / "model" / "model.safetensors").touch()
        CellRecord("", "done", fingerprint="a").write(folder)
    costs.measure_costs(plan, tmp_path)
    found = costs.read_costs(tmp_path)
    assert found["tmca"]["gmacs"] == 1.5 and found["near"]["failed"] == "LexSegError: no memory left"
    assert str(tmp_path) not in (tmp_path / "cost.json").read_text()
    costs.measure_costs(plan, tmp_path)
    assert len(asked) == 2
    folder = Cell("tmca", "breast", "text", 0).folder(tmp_path)
    replace(read_record(folder), fingerprint="b").write(folder)
    costs.measure_costs(plan, tmp_path)
    assert len(asked) == 3 and asked[-1].startswith(str(folder))


def test_numbers_are_written_as_people_read_them():
    from lexseg.comparison.labels import amount, number, p_value, signed

    assert [amount(v) for v in (4_512_345, 8.3e8, 1.2e9, 12_345, 812.4, None)] == [
        "4.51 M",
        "830 M",
        "1.2 G",
        "12.3 k",
        "812",
        "-",
    ]
    assert [signed(v) for v in (0.0123, -0.0123, -0.0001, math.nan)] == ["+0.012", "\N{MINUS SIGN}0.012", "0.000", "-"]
    assert [p_value(v) for v in (0.0002, 0.04, math.nan)] == ["<\N{NO-BREAK SPACE}0.001", "0.040", "-"]
    assert number(None) == "-"


@pytest.mark.parametrize(
    ("leaks", "said"), [(True, "an upper bound"), (False, "do not come from the masks"), (None, "is not said")]
)
def test_says_where_the_sentences_come_from(plan, output, leaks, said):
    breast = VALUES["datasets"]["breast"] | {"leaks": leaks}
    lines = rules(gather(parse_plan(VALUES | {"datasets": {"breast": breast}}, plan.path), output))
    assert [line for line in lines if said in line and line.startswith("Breast: ")]


def test_the_headline_of_leaking_sentences_is_what_is_asked_without_them(plan, output):
    breast = VALUES["datasets"]["breast"] | {"leaks": True}
    whole = parse_plan(VALUES | {"datasets": {"breast": breast}, "texts": []}, plan.path)
    (line,) = (line for line in rules(gather(whole, output)) if line.startswith("Breast: "))
    assert "headline is asked without words" in line and "`text` were written from the masks" in line
    labels = {text: row_label(whole, "tmca", "breast", text) for text in ("null", "text")}
    assert labels["null"].endswith(", no words") and labels["text"].endswith(", text")


def test_few_patients_are_cautioned_of(plan, output):
    (caution,) = [line for line in rules(gather(plan, output)) if line.startswith("Caution")]
    assert "Breast has 10 patients" in caution and "too narrow" in caution
    given = "no p is given"
    assert given in _of_few("breast", 5) and given not in _of_few("breast", 19) and not _of_few("breast", 20)


def test_parts_and_probes_of_few_patients_are_cautioned_of(plan, output, monkeypatch):
    found = gather(plan, output)
    assert not few_patients(found, "breast")  # the data set as a whole has so few, which is said once
    monkeypatch.setattr("lexseg.comparison.page_tables.FEW", 8)
    rows = _rows(output / "cells" / "near__breast__text__s0" / "report" / "cases.csv")
    known = {f"classification {row['by_classification']}": set() for row in rows} | {"left and right swapped": set()}
    for row in rows:
        known[f"classification {row['by_classification']}"].add(row["cluster"])
        if row["swapped_changed"] == "1":
            known["left and right swapped"].add(row["cluster"])
    thin = few_patients(found, "breast")
    for name, patients in known.items():
        assert thin.get(name) == (len(patients) if 0 < len(patients) < 8 else None)
    (caution,) = [line for line in rules(found) if line.startswith("Caution: Breast")]
    assert "size small" in thin and f"size small ({thin['size small']})" in caution

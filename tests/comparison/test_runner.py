"""Cells run in processes of their own; what one suffers, the others do not; a plan that was ended goes on."""

import csv
import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from lexseg.cli.main import main
from lexseg.comparison.cells import cells_of, read_record
from lexseg.comparison.plan_file import read_plan, with_budget
from lexseg.comparison.results import write_results
from lexseg.comparison.runner import Progress, Runner, RunOptions
from lexseg.errors import ConfigError, DataError

from .conftest import write_set


def table(output, runner) -> dict[str, list[str]]:
    """The scores of every case of every cell that is done."""
    found = {}
    for cell in runner.cells:
        report = cell.folder(output) / "report" / "cases.csv"
        found[cell.key] = report.read_text(encoding="utf-8").splitlines() if report.is_file() else []
    return found


def curves(run: Path) -> list[dict[str, str]]:
    with (run / "curves.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_cells_are_trained_for_the_budget_and_evaluated(make, values, launch, tmp_path) -> None:
    values["texts"] = ["text", None]
    plan, told = make(), []
    runner = Runner(plan, tmp_path / "out", launch=launch)
    records = runner.run(told.append)
    assert [record.status for record in records] == ["done", "done"], records
    assert [(p.done, p.total) for p in told] == [(1, 2), (2, 2)]
    for cell, record in zip(runner.cells, records, strict=True):
        folder = cell.folder(tmp_path / "out")
        rows = curves(folder / "run")
        assert float(rows[-1]["step"]) == 6 == record.train["steps"]
        assert sum(bool(row["val/dice_per_image"]) for row in rows) == 2
        assert bool(rows[-1]["val/dice_per_image"])
        assert not (folder / "run" / "checkpoints").exists()
        assert not (folder / "run" / "text_cache").exists()  # states of sentences
        assert record.train["images_per_s"] > 0
        assert record.peak_memory_mb > 0
        report = json.loads((folder / "report" / "report.json").read_text())
        assert report["n"] == 4
        assert (report["text_probes"]["none"] is None) == (cell.text == "null"), report["text_probes"]
        assert "bright square" not in "".join(p.read_text(errors="replace") for p in folder.glob("*.*"))


def test_a_rerun_keeps_what_is_done_and_gives_the_same(make, values, launch, tmp_path) -> None:
    plan = make()
    first = Runner(plan, tmp_path / "one", launch=launch)
    first.run()
    other = Runner(plan, tmp_path / "two", launch=launch)
    other.run()
    assert table(tmp_path / "one", first) == table(tmp_path / "two", other)
    assert len(table(tmp_path / "one", first)[first.cells[0].key]) == 5

    assert Runner(plan, tmp_path / "one", launch=launch).waiting() == []
    values["methods"]["wide"]["label"] = "another name is no other result"
    assert Runner(make(), tmp_path / "one", launch=launch).waiting() == []
    values["methods"]["narrow"] = {"recipe": "tiny.yaml", "set": {"model.width": 4}}
    assert [c.method for c in Runner(make(), tmp_path / "one", launch=launch).waiting()] == ["narrow"]
    values["train"]["optimizer.lr"] = 0.01
    assert len(Runner(make(), tmp_path / "one", launch=launch).waiting()) == 2


def test_a_plan_killed_in_the_middle_ends_in_the_same_table(make, values, launch, tmp_path) -> None:
    values["seeds"], values["budget"]["steps"] = [0, 1], 48
    plan = make()
    whole = Runner(plan, tmp_path / "whole", launch=launch)
    whole.run()

    output, started = tmp_path / "killed", []

    def launch_and_keep(folder, environment):
        started.append(launch(folder, environment))
        return started[-1]

    class KillAmidCell(Exception):
        pass

    def stop_after_some_epochs(cell) -> None:
        if len(started) == 1:  # the first is done, the second begins: it is stopped where it is in a thread's stead
            raise KillAmidCell

    runner = Runner(plan, output, launch=launch_and_keep)
    with pytest.raises(KillAmidCell):
        runner.run(started=stop_after_some_epochs)
    first, second = runner.cells
    assert read_record(first.folder(output)).status == "done"
    assert read_record(second.folder(output)) is None

    # now the second is killed without a word, half-way
    process = runner._start(second, 0)
    checkpoint = second.folder(output) / "run" / "checkpoints" / "last.ckpt"
    end = time.monotonic() + 60
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = len(curves(second.folder(output) / "run"))
    assert 0 < done < 12, "it was to be killed half-way"

    again = Runner(plan, output, launch=launch)
    assert again.waiting() == [second]
    again.run()
    assert "48 steps" in (second.folder(output) / "log.txt").read_text()
    assert table(output, again) == table(tmp_path / "whole", whole)
    assert all(len(lines) == 5 for lines in table(output, again).values())


def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(make, values, launch, tmp_path) -> None:
    values["budget"]["steps"] = 60_000  # far more than two seconds' worth
    plan, output = make(), tmp_path / "out"
    runner = Runner(plan, output, launch=launch)
    pids: list[int] = []

    def launch_and_interrupt(folder, environment):
        process = launch(folder, environment)
        pids.append(process.process.pid)
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
        signal.setitimer(signal.ITIMER_REAL, 2.0)
        return process

    runner._launch = launch_and_interrupt
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            runner.run()
    finally:
        signal.signal(signal.SIGINT, earlier)
    assert read_record(runner.cells[0].folder(output)) is None
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
    values["budget"]["steps"] = 6
    assert [r.status for r in Runner(make(), output, launch=launch).run()] == ["done"]


def test_one_cell_that_diverges_leaves_the_others_alone(make, values, launch, tmp_path) -> None:
    values["methods"]["wild"] = {"recipe": "tiny.yaml", "set": {"optimizer.lr": 1e30, "optimizer.clip": 0}}
    values["budget"]["steps"] = 12
    plan, output = make(), tmp_path / "out"
    records = {r.key: r for r in Runner(plan, output, RunOptions(jobs=2), launch=launch).run()}
    wild, wide = records["wild__squares__text__s0"], records["wide__squares__text__s0"]
    assert wide.status == "done"
    assert wild.status == "failed"
    assert "not finite" in wild.reason and "\n" not in wild.reason
    assert Runner(plan, output, launch=launch).waiting() == []
    again = Runner(plan, output, RunOptions(retry_failed=True), launch=launch).waiting()
    assert [cell.method for cell in again] == ["wild"]


def test_a_process_that_ends_without_a_word_has_failed(make, launch, tmp_path) -> None:
    def killed(folder, environment):
        process = launch(folder, environment)
        process.kill()
        return process

    told: list[Progress] = []
    Runner(make(), tmp_path / "out", launch=killed).run(told.append)
    assert told[0].record.status == "failed"
    assert told[0].record.reason == "its process was ended by SIGKILL (too little memory?)"


def test_missing_data_set(make, values, launch, tmp_path) -> None:
    values["datasets"]["gone"] = {"cases": "nowhere/cases.csv"}
    plan = make()
    with pytest.raises(DataError, match=r"(?s)plan\.yaml: datasets\.gone: .*nowhere/cases\.csv.*no such file") as error:
        Runner(plan, tmp_path / "out", launch=launch)
    assert "--skip-missing" in str(error.value)
    assert not (tmp_path / "out").exists()
    values["datasets"]["gone"]["cases"] = "${NOWHERE}/cases.csv"
    with pytest.raises(DataError) as error:
        Runner(make(), tmp_path / "out", launch=launch)
    assert str(error.value).count("plan.yaml: datasets.gone") == 1
    values["datasets"]["gone"]["cases"] = "nowhere/cases.csv"
    runner = Runner(plan, tmp_path / "out", RunOptions(skip_missing=True), launch=launch)
    records = {record.key: record for record in runner.run()}
    assert records["wide__squares__text__s0"].status == "done"
    assert records["wide__gone__text__s0"].status == "failed"
    assert "data set missing" in records["wide__gone__text__s0"].reason
    del values["datasets"]["squares"]
    with pytest.raises(DataError, match=r"datasets\.gone"):
        Runner(make(), tmp_path / "out", RunOptions(skip_missing=True), launch=launch)


def test_what_is_done_stays_while_its_data_are_away(make, values, launch, tmp_path) -> None:
    values["datasets"]["other"] = {"cases": str(write_set(tmp_path / "other")), "probes": ["none"]}
    plan, output = make(), tmp_path / "out"
    assert [record.status for record in Runner(plan, output, launch=launch).run()] == ["done", "done"]
    (tmp_path / "other").rename(tmp_path / "away")
    records = Runner(plan, output, RunOptions(skip_missing=True), launch=launch).run()
    assert [record.status for record in records] == ["done", "done"]
    (tmp_path / "away").rename(tmp_path / "other")
    assert Runner(plan, output, launch=launch).waiting() == []


def test_cells_of_another_budget_wait_in_the_tables(make, values, launch, tmp_path) -> None:
    values["methods"]["narrow"] = {"recipe": "tiny.yaml", "set": {"model.width": 4}}
    output = tmp_path / "out"
    Runner(make(), output, launch=launch).run()
    longer = with_budget(make(), steps=8)
    runner = Runner(longer, output, RunOptions(only=["wide__*"]), launch=launch)
    runner.run()
    write_results(longer, output, fingerprints=runner.fingerprints, plots=False)
    with (output / "table.csv").open(newline="", encoding="utf-8") as file:
        assert {row["method"]: row["status"] for row in csv.DictReader(file)} == {"wide": "done", "narrow": "waiting"}


def test_a_plan_in_the_folder_of_its_comparison_is_not_written_over(make, values, launch, tmp_path) -> None:
    make()
    output = tmp_path / "cmp"
    output.mkdir()
    shutil.copy(tmp_path / "tiny.yaml", output)
    text = "# mine\n" + (tmp_path / "plan.yaml").read_text()
    (output / "plan.yaml").write_text(text)
    Runner(with_budget(read_plan(output / "plan.yaml"), steps=2), output, launch=launch).run()
    assert (output / "plan.yaml").read_text() == text


def test_the_record_of_a_plan_can_be_run_again(make, values, launch, tmp_path) -> None:
    values["datasets"]["squares"]["cases"] = "set/cases.csv"
    output = tmp_path / "elsewhere" / "out"
    Runner(make(), output, launch=launch).run()
    assert Runner(read_plan(output / "plan.yaml"), output, launch=launch).waiting() == []


def test_sentences_that_would_share_a_folder_are_refused(make, values, launch, tmp_path) -> None:
    values["texts"] = ["text", "caption_1", "caption-1"]
    with pytest.raises(ConfigError, match="would share the folder wide__squares__caption-1__s0"):
        Runner(make(), tmp_path / "out", launch=launch)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"recipe": "magic-lite"}, r"methods\.wide\.recipe: .*magic-lite.*neither a shipped recipe"),
        ({"recipe": "tiny.yaml", "set": {"model.colour": 1}}, r"methods\.wide: tiny has no keyword model\.colour"),
        ({"recipe": "tiny.yaml", "set": {"method": "magic"}}, r"unknown method 'magic'; choose one of"),
        ({"recipe": "tiny.yaml", "set": {"data.sise": 1}}, r"methods\.wide\.set\.data\.sise: .*mean data\.size\?"),
        ({"recipe": "tiny.yaml", "set": {"data.size": "x"}}, r"methods\.wide on squares: .*data\.size"),
        ({"recipe": "tiny.yaml", "set": {"data.size": 50}}, r"data\.size is 50; sides divisible by 32"),
        ({"recipe": "tiny.yaml", "set": {"trainer.epochs": 3}}, r"trainer\.epochs is the same for all"),
        ({"recipe": "tiny.yaml", "as_published": True}, r"tiny has no variant as published"),
    ],
)
def test_a_method_that_cannot_be_used(change, expected, make, values, launch, tmp_path) -> None:
    values["methods"]["wide"] = change
    with pytest.raises(ConfigError, match=expected) as error:
        Runner(make(), tmp_path / "out", launch=launch)
    assert str(error.value).startswith(str(tmp_path / "plan.yaml"))
    assert not (tmp_path / "out").exists()


def test_listed_cases_and_a_part_of_training_that_selects(make, values, launch, tmp_path) -> None:
    (tmp_path / "ids.txt").write_text("# six\n" + "".join(f"c{i}\n" for i in range(6)), encoding="utf-8")
    values["datasets"]["squares"] |= {"ids": "ids.txt", "by": ["zone"], "clusters": "image"}
    values["select_on"] = "train-part"
    plan, output = make(), tmp_path / "out"
    assert [record.status for record in Runner(plan, output, launch=launch).run()] == ["done"]
    folder = cells_of(plan)[0].folder(output)
    record = json.loads((folder / "run" / "run.json").read_text())
    assert record["cases"] == {"train": 5, "val": 1, "test": 8}
    report = json.loads((folder / "report" / "report.json").read_text())
    assert report["n"] == 4  # what was scored had no part in training or selection
    assert set(report["by"]["zone"]) == {"left", "right"}
    (tmp_path / "ids.txt").write_text("c1\nc99\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"datasets\.squares: .*ids\.txt: 1 of 2 ids .*\n.*line 2: 'c99'"):
        Runner(plan, output, launch=launch)


def test_minutes_become_steps_that_stay(make, values, launch, tmp_path) -> None:
    values["budget"], values["select"] = {"minutes": 0.01}, "last"
    plan, output = make(), tmp_path / "out"
    (record,) = Runner(plan, output, launch=launch).run()
    assert record.status == "done", record
    folder = cells_of(plan)[0].folder(output)
    timed = json.loads((folder / "timing.json").read_text())["seconds_per_step"]
    assert record.train["steps"] == max(1, round(0.6 / timed))
    assert float(curves(folder / "run")[-1]["step"]) == record.train["steps"]
    assert json.loads((folder / "run" / "model" / "metrics.json").read_text())["monitor"] == "last"


def test_command_line(make, values, tmp_path, capsys) -> None:
    make()
    plan, output = str(tmp_path / "plan.yaml"), tmp_path / "out"
    assert main(["compare", plan, "--output", str(output), "--dry-run", "--steps", "9"]) == 0
    said = capsys.readouterr().out
    assert "wide__squares__text__s0  waits" in said
    assert "1 cells, 1 to run; each 9 steps" in said
    assert main(["compare", plan, "--output", str(output), "--only", "tmca*"]) == 1
    assert "no cell of" in capsys.readouterr().err
    assert main(["compare", "nowhere.yaml", "--output", str(output)]) == 1
    assert (
        "neither a shipped plan (ablate-lsms, ablate-tmca, few-labels, leaders, main, referring, words) nor a file"
        in capsys.readouterr().err
    )
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("mine")
    assert main(["compare", plan, "--output", str(tmp_path / "mine")]) == 1
    assert "holds no comparison" in capsys.readouterr().err
    assert main(["compare", plan, "--output", str(output), "--devices", "gpu"]) == 1
    assert "a device 'gpu'" in capsys.readouterr().err
    assert not output.exists()

"""What a user may ask for, and what is said where it cannot be had."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lexseg.cli.main import main
from lexseg.errors import ConfigError
from lexseg.training import folder
from lexseg.training.augment import AugmentConfig
from lexseg.training.config import DataConfig, OptimizerConfig, TrainConfig, TrainerConfig, seconds, size_at
from lexseg.training.recipe import read_recipe, recipe_path, settings_parser, to_config
from lexseg.training.settings import check, differences, settled

from .conftest import read_rows, write_rows

Fail = Callable[..., str]


@pytest.fixture
def fail(capsys: pytest.CaptureFixture[str]) -> Fail:
    """Run ``lexseg train``, which must be refused, and give the message."""

    def run(*arguments: str | Path, status: int = 1) -> str:
        assert main(["train", *map(str, arguments)]) == status
        said = capsys.readouterr()
        assert "Traceback" not in said.err + said.out
        assert said.err.startswith("error: ")
        return said.err.removeprefix("error: ")

    return run


def test_unknown_key_of_a_recipe(tmp_path: Path, fail: Fail) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("method: tmca\ntrainer: {epocs: 3}\ndatas: {size: 64}\n")
    message = fail("--config", path, "--output", tmp_path / "run")
    assert message.splitlines() == [
        f"{path}: there is no setting trainer.epocs; did you mean trainer.epochs?",
        f"{path}: there is no setting datas; did you mean data?",
    ]


@pytest.mark.parametrize("content", ["method: [tmca\n", "just words\n", "\x00", ""])
def test_recipe_that_is_none(content: str, tmp_path: Path, fail: Fail) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    assert str(path) in fail("--config", path, "--output", tmp_path / "run")


def test_value_of_the_wrong_kind(tmp_path: Path, fail: Fail) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("data: {batch_size: many}\n")
    message = fail("--config", path, "--output", tmp_path / "run")
    assert str(path) in message
    assert "data.batch_size" in message
    message = fail("--data.batch_size", "many", "--output", tmp_path / "run", status=2)
    assert "data.batch_size" in message
    assert "lexseg train --help" in message


def test_time_that_yaml_takes_for_a_number(tmp_path: Path, fail: Fail) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("trainer: {max_time: 10:00:00:00}\n")
    assert "must stand in quotation marks" in fail("--config", path, "--output", tmp_path / "run")
    path.write_text("trainer: {max_time: '10:00:00:00'}\n")
    assert read_recipe(path).trainer.max_time == "10:00:00:00"


def test_one_keyword_of_the_model_leaves_the_recipes_others() -> None:
    parser = settings_parser(exit_on_error=False)
    settings = parser.parse_args(["--config", str(recipe_path("tmca-lite")), "--model.gate", "0.25"])
    assert to_config(parser, settings).model == read_recipe("tmca-lite").model | {"gate": 0.25}


def test_a_keyword_deep_in_the_model_leaves_the_others_beside_it(tmp_path: Path, fail: Fail) -> None:
    parser, recipe = settings_parser(exit_on_error=False), read_recipe("lsms-lite").model
    asked = "--model.decoder_args.width 48 --model.decoder_args.part=12 --model.encoder_args.a.b 1e-3 --model.gate 0.25"
    settings = parser.parse_args(["--config", str(recipe_path("lsms-lite")), *asked.split()])
    model = to_config(parser, settings).model
    assert len(recipe["decoder_args"]) > 2 and recipe["decoder_args"]["width"] != 48
    assert model["decoder_args"] == recipe["decoder_args"] | {"width": 48, "part": 12}
    assert model["encoder_args"] == recipe["encoder_args"] | {"a": {"b": 0.001}}
    assert model["gate"] == 0.25
    assert read_recipe("lsms-lite").model == recipe
    option = "--model.decoder_args.width"
    assert f"{option}: a value was expected" in fail("--output", tmp_path / "run", option, status=2)


def test_unknown_option_and_no_output(tmp_path: Path, fail: Fail) -> None:
    assert "--colour" in fail("--output", tmp_path / "run", "--colour", "red", status=2)
    assert "output" in fail("--config", "tmca-lite", status=2)
    assert "tmca-lite" in fail("--config", "tmca-light", "--output", tmp_path / "run")


def test_values_out_of_range_are_told_together() -> None:
    config = TrainConfig(
        data=DataConfig(size=100, grow={64: 0.8, 32: 0.3}, batch_size=0, repeat=[-1]),
        augment=AugmentConfig(mirror=1.5, zoom=(1.2, 0.9), gamma=(0.0, 1.0)),
        optimizer=OptimizerConfig(lr=0.0, warmup=2.0, loss_warmup={"dice": -1}),
        trainer=TrainerConfig(epochs=0, ema=1.0, precision="bf8", max_time="1h", patience=-1),
        seed=-1,
    )
    with pytest.raises(ConfigError) as caught:
        check(config)
    named = [line.split(" is ")[0] for line in str(caught.value).splitlines()]
    assert named == [
        "data.size", "data.grow", "data.repeat", "data.batch_size", "augment.mirror", "augment.zoom", "augment.gamma",
        "optimizer.warmup", "optimizer.lr", "optimizer.loss_warmup", "trainer.epochs", "trainer.patience",
        "trainer.ema", "trainer.precision", "trainer.max_time", "seed",
    ]  # fmt: skip
    check(TrainConfig())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--trainer.max_time", "90"], "max_time is '90'; DD:HH:MM:SS was expected, such as 00:01:30:00"),
        (["--data.size", "50"], "data.size is 50; sides divisible by 32 were expected"),
        (["--data.repeat", "[1, 2]"], "a number for each of 1 manifests was expected"),
        (["--data.repeat", "[0]"], "leaves no training case"),
        (["--data.split", "50/60"], "data.split: '50/60' is no split"),
        (["--data.text_column", "caption"], "column caption: there is no such column"),
        (["--optimizer.loss_warmup", "{contrast: 2}"], "names contrast; the losses are dice, bce, small"),
        (["--model.colour", "red"], "tiny: .*colour"),
        (["--method", "magic"], "unknown method 'magic'; choose one of"),
        (["--trainer.accelerator", "abacus"], "trainer settings cannot be used here .*abacus"),
        (["--trainer.strategy", "hope"], "trainer settings cannot be used here .*hope"),
        (["--text", "{kind: tea leaves}"], "text encoder of kind 'tea leaves'"),
        (["--init", "nobody"], "no such model"),
    ],
)
def test_refused_before_anything_is_written(
    arguments: list[str], expected: str, tmp_path: Path, recipe: Path, cases: Path, fail: Fail
) -> None:
    run = tmp_path / "run"
    message = fail("--config", recipe, "--data.cases", cases, "--output", run, *arguments)
    assert re.search(expected, message), message
    assert not run.exists()


def test_manifests_that_cannot_be_used(tmp_path: Path, recipe: Path, cases: Path, fail: Fail) -> None:
    run = tmp_path / "run"
    arguments = ["--config", recipe, "--output", run, "--data.cases"]
    assert "data.cases is empty" in fail("--config", recipe, "--output", run)
    assert "nowhere.csv: there is no such file" in fail(*arguments, tmp_path / "nowhere.csv")
    assert "names a manifest twice" in fail(*arguments, f"{cases},{cases}")

    rows = read_rows(cases)
    write_rows(cases, [row | {"split": "train"} for row in rows])
    assert "no case of the split 'val'" in fail(*arguments, cases)
    write_rows(cases, [row | {"split": "" if i == 3 else row["split"]} for i, row in enumerate(rows)])
    assert re.search(r"row 5.*no split, but other rows have one", fail(*arguments, cases))
    write_rows(cases, [row | {"patient": "p"} for row in rows])
    assert re.search(r"row 12.*patient 'p' is in 'val' here, but in 'train'", fail(*arguments, cases))
    write_rows(cases, [row | {"mask": "" if i in (2, 12) else row["mask"]} for i, row in enumerate(rows)])
    assert re.search(
        r"needs a mask for every case, or .present. yes or no; neither is given in:\n.*row 4\n.*row 14\n"
        r"draw the masks.*--regime",
        fail(*arguments, cases).strip(),
    )
    write_rows(cases, [row | {"text": "word " * 300 if i == 5 else row["text"]} for i, row in enumerate(rows)])
    assert re.search(r"row 7: the sentence has 300 tokens, at most 256 can be read", fail(*arguments, cases))
    assert not run.exists()


@pytest.mark.parametrize("workers", ["0", "1"])
def test_damaged_image_is_named_with_its_row(
    workers: str, tmp_path: Path, recipe: Path, cases: Path, fail: Fail
) -> None:
    image = cases.parent / "images" / "12.png"
    image.write_bytes(image.read_bytes()[:100])
    message = fail("--config", recipe, "--data.cases", cases, "--output", tmp_path / "run", "--data.workers", workers)
    assert re.match(r".*cases\.csv, row 14: .*12\.png.*\n$", message), message


def test_output_that_is_taken(tmp_path: Path, recipe: Path, cases: Path, fail: Fail) -> None:
    arguments = ["--config", recipe, "--data.cases", cases, "--output"]
    (tmp_path / "file").write_text("mine")
    assert "is a file" in fail(*arguments, tmp_path / "file")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    assert "is not empty; no run began there" in fail(*arguments, tmp_path / "full")
    (tmp_path / "full" / "config.yaml").write_text("method: tiny")
    assert "go on with its run by --resume" in fail(*arguments, tmp_path / "full")


def test_sentence_states_of_an_earlier_run_may_stay(tmp_path: Path) -> None:
    (tmp_path / "run" / "text_cache" / "0123").mkdir(parents=True)
    folder.check_new(tmp_path / "run")
    (tmp_path / "run" / "mine").write_text("mine")
    with pytest.raises(ConfigError, match="is not empty"):
        folder.check_new(tmp_path / "run")


def test_resume_holds_to_its_settings(
    tmp_path: Path, recipe: Path, cases: Path, fail: Fail, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    assert "holds no run that could go on" in fail("--config", recipe, "--output", run, "--resume")
    begin = ["train", "--config", str(recipe), "--data.cases", str(cases), "--output", str(run)]
    assert main([*begin, "--trainer.max_time", "00:00:00:00"]) == 0

    message = fail("--output", run, "--resume", "--seed", "4", "--data.batch_size", "2", "--init", "default")
    assert "began with other values of data.batch_size, init, seed;" in message
    recipe.write_text(recipe.read_text().replace("ema: 0.9", "ema: 0.8"))
    assert "other values of trainer.ema;" in fail("--config", recipe, "--output", run, "--resume")
    recipe.write_text(recipe.read_text().replace("ema: 0.8", "ema: 0.9"))

    # the same said again, from elsewhere and by another spelling, is no contradiction
    monkeypatch.chdir(cases.parent)
    again = ["--config", str(recipe), "--data.cases", "./cases.csv", "--resume", "--trainer.max_time", "00:00:00:00"]
    assert main(["train", "--output", str(run), *again]) == 0

    rows = read_rows(cases)
    write_rows(cases, [row | {"text": f"{row['text']} there"} for row in rows])
    assert "have changed since the run" in fail("--output", run, "--resume")
    for changed in (rows[::-1], [row | {"laterality": "patient"} for row in rows]):
        write_rows(cases, changed)
        assert "have changed since the run" in fail("--output", run, "--resume")
    write_rows(cases, rows)
    (run / "config.yaml").write_text((run / "config.yaml").read_text() + "colour: red\n")
    assert "no setting colour" in fail("--output", run, "--resume")


def test_settled_whatever_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bert").mkdir()
    (tmp_path / "mscan_t.pth").write_bytes(b"")
    config = TrainConfig(
        text={"kind": "huggingface", "name": "bert"},
        model={"encoder_args": {"pretrained": "mscan_t.pth"}},
        data=DataConfig(cases="a.csv, b.csv", text_column="one,two"),
    )
    out = settled(config)
    assert out.data.cases == [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    assert out.data.text_column == ["one", "two"]
    assert out.text["name"] == str(tmp_path / "bert")
    assert out.model["encoder_args"]["pretrained"] == str(tmp_path / "mscan_t.pth")
    assert settled(out) == out
    assert differences(out, replace(out, seed=1, text={"kind": "minilm"})) == ["seed", "text.kind", "text.name"]
    assert settled(replace(config, text={"kind": "huggingface", "name": "some/bert"})).text["name"] == "some/bert"


def test_written_and_read_again(tmp_path: Path, recipe: Path) -> None:
    import yaml

    from lexseg.training.settings import plain

    config = settled(read_recipe(recipe))
    config = replace(config, optimizer=replace(config.optimizer, lr=1e-5, final_lr=1 / 3))
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(plain(config)))
    assert read_recipe(tmp_path / "config.yaml") == config


@pytest.mark.parametrize(("text", "expected"), [("00:00:00:00", 0), ("01:02:03:04", 93784), (None, None)])
def test_seconds(text: str | None, expected: float | None) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "1:00", "00:00:00:-1", "00:00:00:00:00", "a:b:c:d", "00:00:00:1.5"])
def test_seconds_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="DD:HH:MM:SS was expected"):
        seconds(text)


def test_size_grows() -> None:
    data = DataConfig(size=224, grow={128: 0.5, 160: 0.25})
    assert [size_at(data, epoch, 8) for epoch in range(8)] == [128] * 4 + [160] * 2 + [224] * 2
    assert [size_at(DataConfig(size=224), epoch, 3) for epoch in range(3)] == [224] * 3


def test_a_smaller_size_than_the_recipe_begins_with_is_the_size_of_all_epochs() -> None:
    recipe = read_recipe("tmca-lite")
    assert list(recipe.data.grow) == [128, 160]
    for size, grow in ((64, {}), (160, {128: 0.6}), (224, {128: 0.6, 160: 0.2})):
        data = settled(replace(recipe, data=replace(recipe.data, size=size))).data
        assert data.grow == grow
        assert size_at(data, 9, 10) == size

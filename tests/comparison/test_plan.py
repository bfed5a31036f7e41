"""What a plan may say, what it then means, and what is said where it cannot be used."""

from pathlib import Path

import pytest

from lexseg.cases.manifest import read_manifest
from lexseg.comparison.ablations import GRIDS, ablation
from lexseg.comparison.cells import cells_of
from lexseg.comparison.configuration import train_config, within
from lexseg.comparison.plan_file import (
    locate,
    parse_plan,
    plan_yaml,
    read_plan,
    shipped_lists,
    shipped_plans,
    with_budget,
    with_text_column,
)
from lexseg.errors import ConfigError
from lexseg.models import model_class
from lexseg.training.recipe import read_recipe

WHERE = Path("some/plan.yaml")


def refused(values) -> list[str]:
    with pytest.raises(ConfigError) as error:
        parse_plan(values, WHERE)
    lines = str(error.value).splitlines()
    assert all(line.startswith(f"{WHERE}: ") for line in lines)
    return [line.removeprefix(f"{WHERE}: ") for line in lines]


@pytest.mark.parametrize(
    ("keys", "value", "expected"),
    [
        (["sed"], [1], "there is no key sed; did you mean seeds?"),
        (["budget", "stps"], 3, "there is no key budget.stps; did you mean budget.steps?"),
        (["methods", "wide", "lable"], "x", "there is no key methods.wide.lable; did you mean methods.wide.label?"),
        (["datasets", "squares", "colour"], 1, "there is no key datasets.squares.colour; known are cases, label, "),
        (["budget", "minutes"], 3, "budget: one of steps and minutes was expected, and not both"),
        (["budget", "steps"], "many", "budget.steps: Input should be a valid integer"),
        (["select"], "luck", "select: Input should be 'best' or 'last', not 'luck'"),
        (["reference"], "tmca", "reference: there is no method tmca; known are wide"),
        (["seeds"], [1, 1], "seeds: a seed stands twice"),
        (["datasets", "squares", "probes"], ["truth"], "datasets.squares.probes: there is no probe truth; choose"),
        (["methods", "a__b"], {"recipe": "tiny.yaml"}, "methods.a__b: letters, digits and single _"),
        (["methods", "../up"], {"recipe": "tiny.yaml"}, "methods.../up: letters, digits and single _"),
        (
            ["papers"],
            [{"method": "LViT", "dataset": "squares", "dice": 0.8, "source": "x"}],
            "papers.0.aggregation is ",
        ),
        (["path"], "x", "there is no key path; known are title"),
        (["methods"], {}, "methods: "),
    ],
)
def test_mistakes_are_named_with_file_and_key(keys, value, expected, values) -> None:
    inner = values
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    (line,) = refused(values)
    assert line.startswith(expected)


def test_all_mistakes_at_once_and_files_that_are_no_plan(values, tmp_path) -> None:
    assert len(refused(values | {"sed": 1, "valdations": 2})) == 2
    assert refused(["a"]) == ["a plan was expected, with budget, methods and datasets"]
    (tmp_path / "plan.yaml").write_text("title: [x")
    with pytest.raises(ConfigError, match=r"plan\.yaml: cannot be read as YAML"):
        read_plan(tmp_path / "plan.yaml")


def test_places_are_found_from_the_plan_and_the_environment(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("SETS", "/data/sets")
    assert locate("${SETS}/a.csv", "k", tmp_path / "plan.yaml") == Path("/data/sets/a.csv")
    assert locate("a.csv", "k", tmp_path / "plan.yaml") == tmp_path / "a.csv"
    monkeypatch.delenv("SETS")
    with pytest.raises(ConfigError, match=r"plan\.yaml: k names \$\{SETS\}, which is not set"):
        locate("${SETS}/a.csv", "k", tmp_path / "plan.yaml")


def test_cells(make, values) -> None:
    values["methods"]["image"] = {"recipe": "unet-lite"}
    values["methods"]["wide"]["seeds"] = [3, 5]
    values["texts"] = ["text", None]
    assert [cell.key for cell in cells_of(make())] == [
        "wide__squares__text__s3",
        "wide__squares__null__s3",
        "image__squares__text__s0",  # reads no sentence, so there is one variant
        "wide__squares__text__s5",
        "wide__squares__null__s5",
    ]


def test_what_does_not_leak_is_the_headline(make, values) -> None:
    assert make().texts_of("squares") == ["text"]
    values["datasets"]["squares"]["leaks"] = True
    assert make().texts_of("squares") == ["null", "text"]
    values["datasets"]["squares"]["leak_free"] = "finding"
    assert make().texts_of("squares") == ["finding", "text"]
    values["texts"] = ["own", None, "text"]
    assert make().texts_of("squares") == ["text", "null"]


def test_configuration_of_a_cell(make, values) -> None:
    values["train"] |= {"optimizer.lr": 1, "model.width": 2}
    values["datasets"]["squares"]["set"] = {"optimizer.lr": 2, "model.width": 3}
    values["methods"]["wide"]["set"] = {"optimizer.lr": 0.5, "optimizer.loss_warmup.small": 3}
    values["texts"], values["seeds"], values["val_limit"] = ["zone", None], [7], 9
    plan = make()
    words, silent = (train_config(plan, cell) for cell in cells_of(plan))
    assert words.optimizer.lr == 0.5  # the method's own, over the data set's, over the plan's
    assert words.model["width"] == 3
    assert (words.seed, words.data.val_limit, words.data.size) == (7, 9, 32)
    assert (words.data.text_column, words.data.words) == (["zone"], True)
    assert (silent.data.text_column, silent.data.words) == (["text"], False)
    assert words.trainer.patience == 0
    assert words.trainer.max_time is None


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 100, 301])
@pytest.mark.parametrize("looks", [1, 2, 3, 5])
def test_a_budget_is_divided_so_that_looks_are_as_many_as_asked_for(steps, looks, make) -> None:
    plan = make()
    config = within(train_config(plan, cells_of(plan)[0]), steps, looks)
    epochs, each = config.trainer.epochs, config.trainer.validate_every
    assert epochs <= min(steps, 12)
    assert epochs / each == min(looks, steps)
    assert config.trainer.steps == steps
    assert config.optimizer.loss_warmup["small"] / epochs == pytest.approx(2 / 4)  # as in the recipe


def test_the_last_model_needs_one_look(make, values) -> None:
    values["select"] = "last"
    plan = make()
    config = within(train_config(plan, cells_of(plan)[0]), 100, 3)
    assert config.trainer.keep == "last"
    assert config.trainer.epochs == config.trainer.validate_every == 12


def test_another_budget(make) -> None:
    plan = make()
    assert with_budget(plan) is plan
    assert with_budget(plan, steps=9).budget.steps == 9
    assert with_budget(plan, minutes=2).budget.steps is None
    for wrong in ({"steps": 1, "minutes": 1}, {"steps": 0}, {"minutes": -1}):
        with pytest.raises(ConfigError, match="budget"):
            with_budget(plan, **wrong)


def test_other_columns_of_sentences(make, values) -> None:
    values["datasets"]["more"] = {**values["datasets"]["squares"], "texts": ["own", "null"]}
    plan = make()
    assert with_text_column(plan, ()) is plan
    other = with_text_column(plan, ("wording", "text"))
    assert (other.texts_of("squares"), other.texts_of("more")) == (["wording,text"], ["wording,text", "null"])
    assert train_config(other, cells_of(other)[0]).data.text_column == ["wording", "text"]
    values["texts"], values["datasets"]["more"]["texts"] = ["text"], ["null"]
    with pytest.raises(ConfigError, match="never be asked"):
        with_text_column(make(), ("wording",))


@pytest.mark.parametrize("name", list(shipped_plans()))
def test_shipped_plans_can_be_run(name, monkeypatch) -> None:
    monkeypatch.setenv("LEXSEG_DATA", "/data")
    monkeypatch.setenv("LEXSEG_REFERRING", "/referring")
    plan = read_plan(name)
    for cell in {(c.method, c.dataset): c for c in cells_of(plan)}.values():
        config = train_config(plan, cell)
        assert config.data.size == 128
        if config.method in ("tmca", "lsms"):
            arguments = dict(config.model) | {"text_width": 384, "encoder_args": {"pretrained": False}}
            losses = model_class(config.method)(**arguments).loss_names
            assert set(config.optimizer.loss_warmup) <= set(losses), cell


def test_the_main_plan_has_every_lite_recipe_under_its_right_name() -> None:
    plan = read_plan("main")
    from lexseg.training.recipe import shipped_recipes

    trained = {name: method for name, method in plan.methods.items() if method.kind == "train"}
    assert set(plan.methods) - set(trained) == {"floor"}
    assert {m.recipe for m in trained.values()} == {r for r in shipped_recipes() if r.endswith("-lite")}
    ours = {"tmca", "lsms", "unet"}
    for name, method in trained.items():
        method_name = name.removesuffix("-plain")  # as reconstructed, without what is ours
        assert read_recipe(method.recipe).method == method_name
        assert method.label.endswith(" (lite)" if method_name in ours else "-style (lite)")


@pytest.mark.parametrize("method", list(GRIDS))
def test_shipped_ablations_are_what_the_command_writes(method) -> None:
    made = parse_plan(ablation(method), WHERE)
    shipped = read_plan(f"ablate-{method}")
    assert plan_yaml(made) == plan_yaml(shipped)
    settings = [tuple(sorted(map(repr, m.set.items()))) for m in made.methods.values()]
    assert len(set(settings)) == len(settings)


def test_kernels_are_ablated_where_they_can_be_chosen() -> None:
    lite, mscan = ablation("lsms")["methods"], ablation("lsms", recipe="lsms-tiny")["methods"]
    assert "kernels-5" in lite and "language-stage" not in lite
    assert "kernels-5" not in mscan and "language-stage" in mscan
    with pytest.raises(ConfigError, match="unet-lite is a recipe of unet, not of lsms"):
        ablation("lsms", recipe="unet-lite")


def test_the_list_of_qata_is_of_different_patients_in_training(data_root) -> None:
    lines = shipped_lists()["qata-1000"].read_text(encoding="utf-8").splitlines()
    ids = [line for line in lines if not line.startswith("#")]
    cases = {c.id: c for c in read_manifest(data_root / "qata_covid19" / "cases.csv") if c.split == "train"}
    assert len(set(ids)) == 1000
    assert set(ids) <= set(cases)
    assert len({cases[name].patient for name in ids}) == 1000

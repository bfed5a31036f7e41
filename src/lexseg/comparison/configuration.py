"""The training configuration of a cell: its recipe, what the plan changes in it, and what the budget decides."""

import difflib
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

from lexseg.comparison.cells import Cell, recipe_name
from lexseg.comparison.plan import NULL, Plan
from lexseg.comparison.plan_file import locate, shipped_lists
from lexseg.errors import ConfigError
from lexseg.training.config import TrainConfig
from lexseg.training.published import as_published
from lexseg.training.recipe import from_values, read_recipe
from lexseg.training.settings import check, plain, settled

OURS = (
    "seed", "data.cases", "data.text_column", "data.words", "data.ids", "data.split_file", "data.folds", "data.fold",
    "data.val_limit", "data.epoch_images", "trainer.epochs", "trainer.steps", "trainer.max_time",
    "trainer.validate_every", "trainer.patience", "trainer.keep", "trainer.samples",
)  # fmt: skip
"""Settings that the plan decides by keys of its own."""

PARTS = 12
"""Epochs that a budget is divided into, about. At their ends runs can be resumed; losses warm up in steps of them."""


def train_config(plan: Plan, cell: Cell, *, split_file: Path | None = None) -> TrainConfig:
    """How a cell is trained, but for the number of steps (`within`).

    Args:
        plan: the plan.
        cell: one of its cells.
        split_file: the data set's splits, where a part of the training cases selects the model.

    Raises:
        ConfigError: a recipe or a setting cannot be used; with the plan's file and the key.
    """
    method, dataset = plan.methods[cell.method], plan.datasets[cell.dataset]
    where = f"{plan.path}: methods.{cell.method}"
    try:
        recipe = read_recipe(recipe_name(plan, cell.method))
    except ConfigError as error:
        raise ConfigError(f"{where}.recipe: {error}") from error
    values = plain(recipe)
    sources = (
        ("train", plan.train),
        (f"datasets.{cell.dataset}.set", dataset.set),
        (f"methods.{cell.method}.set", method.set),
    )
    for key, settings in sources:
        for name, value in settings.items():
            put(values, name, value, f"{plan.path}: {key}.{name}")
    try:
        config = from_values(values)
        if method.as_published:
            config = as_published(config)
    except ConfigError as error:
        raise ConfigError(f"{where} on {cell.dataset}: {error}") from error
    data = replace(
        config.data,
        cases=[str(path) for path in manifests(plan, cell.dataset)],
        text_column=list(dataset.text_column) if cell.text == NULL else cell.text,
        words=cell.text != NULL,
        # a part of the training cases that selects is cut off from the listed ones, and the splits say all
        ids="" if plan.select_on == "train-part" else str(id_list(plan, cell.dataset) or ""),
        split_file=str(split_file or ""),
        folds=0,
        fold=0,
        val_limit=plan.val_limit,
        epoch_images=0,
    )
    trainer = replace(config.trainer, max_time=None, patience=0, keep=plan.select, samples=0)
    config = settled(replace(config, data=data, trainer=trainer, seed=cell.seed))
    try:
        check(within(config, plan.budget.steps or PARTS, plan.validations))
    except ConfigError as error:
        raise ConfigError(f"{where} on {cell.dataset}: {error}") from error
    return config


def within(config: TrainConfig, steps: int, validations: int) -> TrainConfig:
    """The configuration for a number of steps, with so many validations, the last of them at the end.

    The budget is divided into epochs, whatever passes over the data that makes. What the recipe counts in its own
    epochs, the warm-up of losses, keeps its share of the run.

    Args:
        config: of a cell.
        steps: of the run.
        validations: how often one looks; once where the last model is kept.
    """
    looks = min(1 if config.trainer.keep == "last" else validations, steps)
    each = max(1, min(PARTS // looks, steps // looks))
    epochs = looks * each
    share = epochs / config.trainer.epochs
    warmup = {name: value * share for name, value in config.optimizer.loss_warmup.items()}
    return replace(
        config,
        trainer=replace(config.trainer, steps=steps, epochs=epochs, validate_every=each),
        optimizer=replace(config.optimizer, loss_warmup=warmup),
    )


def manifests(plan: Plan, dataset: str) -> list[Path]:
    """The manifests of a data set.

    Raises:
        ConfigError: the environment lacks a name of theirs.
    """
    return [locate(name, f"datasets.{dataset}.cases", plan.path) for name in plan.datasets[dataset].cases]


def id_list(plan: Plan, dataset: str) -> Path | None:
    """The file of a data set's training cases; ``None`` where all are used.

    Raises:
        ConfigError: there is neither a shipped list nor a file of that name.
    """
    name = plan.datasets[dataset].ids
    if not name:
        return None
    shipped = shipped_lists()
    if name in shipped:
        return shipped[name]
    path = locate(name, f"datasets.{dataset}.ids", plan.path)
    if not path.is_file():
        known = ", ".join(shipped) or "none"
        raise ConfigError(f"{plan.path}: datasets.{dataset}.ids: {name} is neither a shipped list ({known}) nor a file")
    return path


def put(values: dict[str, Any], name: str, value: Any, where: str) -> None:
    """Set one setting by its dotted name.

    Args:
        values: of a configuration; changed in place.
        name: such as ``data.size`` or ``model.text_adapter.dim``.
        value: replaces what is there, as a whole.
        where: file and key, for messages.

    Raises:
        ConfigError: there is no such setting, or the plan decides it elsewhere.
    """
    if any(name == ours or name.startswith(f"{ours}.") for ours in OURS):
        raise ConfigError(f"{where}: {name} is the same for all and follows from the plan's own keys; leave it out")
    *groups, last = name.split(".")
    inner, kind = values, TrainConfig
    for depth, group in enumerate([*groups, last]):
        if kind is not None and group not in (known := [field.name for field in fields(kind)]):
            raise ConfigError(f"{where}: there is no setting {name}; {_meant(group, known, name, depth)}")
        if depth == len(groups):
            break
        hint = get_type_hints(kind)[group] if kind is not None else None
        kind = hint if hint is not None and is_dataclass(hint) else None  # type: ignore[assignment]
        below = inner.get(group)
        if kind is None and below is None:
            below = inner[group] = {}
        if not isinstance(below, dict):
            raise ConfigError(f"{where}: {'.'.join(groups[: depth + 1])} holds no further settings")
        inner = below
    inner[last] = value


def _meant(wrong: str, known: list[str], name: str, depth: int) -> str:
    near = difflib.get_close_matches(wrong, known, 1)
    prefix = "".join(f"{part}." for part in name.split(".")[:depth])
    return f"did you mean {prefix}{near[0]}?" if near else f"known are {', '.join(prefix + k for k in known)}"

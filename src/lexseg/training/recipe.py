"""Recipes: YAML files of :class:`TrainConfig`, by name (shipped) or by path."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, get_type_hints

import yaml
from jsonargparse import ArgumentParser, Namespace

from lexseg.errors import ConfigError
from lexseg.training.config import TrainConfig


def recipe_path(name: str) -> Path:
    """The file of a recipe.

    Raises:
        ConfigError: if there is neither a shipped recipe nor a file of that name.
    """
    shipped = shipped_recipes()
    if name in shipped:
        return shipped[name]
    if Path(name).is_file():
        return Path(name)
    raise ConfigError(f"{name}: neither a shipped recipe ({', '.join(shipped)}) nor a file")


def shipped_recipes() -> dict[str, Path]:
    """The recipes that come with the package, by name."""
    folder = Path(str(files("lexseg") / "assets" / "recipes"))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def settings_parser(**options: Any) -> ArgumentParser:
    """A parser that knows every setting of :class:`TrainConfig`, and ``--config``."""
    parser = ArgumentParser(**options)
    parser.add_argument("--config", action="config", help="a recipe's name (see `lexseg models`) or a YAML file")
    parser.add_class_arguments(TrainConfig, None)
    return parser


def to_config(parser: ArgumentParser, settings: Namespace) -> TrainConfig:
    """The settings as a :class:`TrainConfig`; others that the parser knows are left out."""
    values = {k: v for k, v in settings.items(branches=True) if k in TrainConfig.__dataclass_fields__}
    known = Namespace(values)  # type: ignore[no-untyped-call]
    return TrainConfig(**parser.instantiate(known).as_dict())


def read_recipe(name: str | Path) -> TrainConfig:
    """A recipe, given by name or path, over the defaults.

    Raises:
        ConfigError: if there is none, or it holds what no recipe may hold; with the file's name and the key.
    """
    path = recipe_path(str(name))
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, Mapping):
        raise ConfigError(f"{path}: settings such as `method: tmca` were expected")
    if problems := list(_unknown_keys(values, TrainConfig)):
        raise ConfigError("\n".join(f"{path}: {problem}" for problem in problems))
    trainer = values.get("trainer")
    if isinstance(trainer, Mapping) and isinstance(trainer.get("max_time"), int):
        # 10:00:00:00 is a number to the base of 60 in YAML 1.1
        raise ConfigError(f"{path}: trainer.max_time must stand in quotation marks: '10:00:00:00'")
    parser = settings_parser(exit_on_error=False)
    try:
        return to_config(parser, parser.parse_path(str(path)))
    except Exception as error:  # jsonargparse: ArgumentError, of argparse or its own
        raise ConfigError(f"{path}: {error}") from error


def from_values(values: Mapping[str, Any]) -> TrainConfig:
    """A configuration from plain values, over the defaults.

    Raises:
        ConfigError: a value cannot be used.
    """
    if problems := list(_unknown_keys(values, TrainConfig)):
        raise ConfigError("\n".join(problems))
    parser = settings_parser(exit_on_error=False)
    try:
        return to_config(parser, parser.parse_object(dict(values)))
    except Exception as error:  # jsonargparse: ArgumentError, of argparse or its own
        raise ConfigError(str(error)) from error


def _unknown_keys(values: Mapping[Any, Any], kind: type, prefix: str = "") -> Iterator[str]:
    """What a mapping holds that its dataclass lacks: jsonargparse names neither the file nor what was meant."""
    hints, known = get_type_hints(kind), [field.name for field in fields(kind)]
    for key, value in values.items():
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            meant = f"did you mean {prefix}{near[0]}?" if near else f"known are {', '.join(known)}"
            yield f"there is no setting {prefix}{key}; {meant}"
        elif is_dataclass(hints[key]) and isinstance(value, Mapping):
            yield from _unknown_keys(value, hints[key], f"{prefix}{key}.")

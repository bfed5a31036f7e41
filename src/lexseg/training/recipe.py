"""Recipes: YAML files of :class:`TrainConfig`, by name (shipped) or by path."""

import difflib
import re
import sys
from argparse import ArgumentError
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, get_origin, get_type_hints

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
    parser = _SettingsParser(**options)
    parser.add_argument("--config", action="config", help="a recipe's name (see `lexseg models`) or a YAML file")
    parser.add_class_arguments(TrainConfig, None)
    return parser


class _SettingsParser(ArgumentParser):
    """Takes ``--model.encoder_args.pretrained DIR``: jsonargparse would forget all else that ``encoder_args`` holds."""

    def parse_args(self, args: Sequence[str] | None = None, *others: Any, **how: Any) -> Namespace:  # type: ignore[override]
        rest, deep = _deep_values(sys.argv[1:] if args is None else args)
        settings = super().parse_args(rest, *others, **how)
        for (root, *path, last), value in deep:
            place = settings[root] = dict(settings[root])
            for key in path:
                inner = place.get(key)
                place[key] = place = dict(inner) if isinstance(inner, Mapping) else {}
            place[last] = value
        return settings


def _deep_values(args: Sequence[str]) -> tuple[list[str], list[tuple[list[str], Any]]]:
    """The arguments without those that set what lies deep in a mapping of free keys, and these: path and value."""
    hints = get_type_hints(TrainConfig)
    free = [f.name for f in fields(TrainConfig) if get_origin(hints[f.name]) is dict]
    rest, deep, words = [], [], iter(args)
    for word in words:
        name, sign, value = word.partition("=")
        path = name.removeprefix("--").split(".")
        if not name.startswith("--") or len(path) < 3 or path[0] not in free:
            rest.append(word)
            continue
        said = value if sign else next(words, None)
        if said is None:
            raise ArgumentError(None, f"{name}: a value was expected after it")
        deep.append((path, _value(said)))
    return rest, deep


def _value(said: str) -> Any:
    """What stands on a command line, as YAML reads it; of numbers also 1e-3."""
    try:
        return float(said) if re.fullmatch(r"[-+]?\d+(\.\d*)?e[-+]?\d+", said, re.IGNORECASE) else yaml.safe_load(said)
    except yaml.YAMLError:
        return said


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

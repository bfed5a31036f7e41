"""Settings of a run, checked, compared and written down."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

from lexseg.cases.case import ExpressionKind
from lexseg.errors import ConfigError
from lexseg.training.config import CAPTION, DataConfig, TrainConfig, as_list, seconds
from lexseg.training.loggers import LOGGERS
from lexseg.training.regimes import NONE, REGIMES

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")

_FILES = ("split_file", "ids")


def settled(config: TrainConfig) -> TrainConfig:
    """The same settings, whatever the working directory and however they were written: manifests as absolute paths.

    Sizes to begin with that are not below ``data.size`` are left out: a recipe's own, where less was asked for.
    """
    manifests = [str(Path(p).expanduser().resolve()) for p in as_list(config.data.cases)]
    lists: dict[str, Any] = {k: str(Path(v).expanduser().resolve()) for k in _FILES if (v := getattr(config.data, k))}
    labels = str(config.data.labels).strip()
    if Path(labels).expanduser().is_file():
        labels = str(Path(labels).expanduser().resolve())
    data = replace(
        config.data,
        cases=manifests,
        text_column=as_list(config.data.text_column),
        grow={side: share for side, share in config.data.grow.items() if side < config.data.size},
        labels=labels,
        unlabelled=[str(Path(p).expanduser().resolve()) for p in as_list(config.data.unlabelled)],
        **lists,
    )
    text, model = dict(config.text), dict(config.model)
    if isinstance(name := text.get("name"), str) and Path(name).expanduser().is_dir():
        text["name"] = str(Path(name).expanduser().resolve())
    arguments = dict(model.get("encoder_args") or {})
    if isinstance(weights := arguments.get("pretrained"), str) and Path(weights).expanduser().exists():
        model["encoder_args"] = arguments | {"pretrained": str(Path(weights).expanduser().resolve())}
    return replace(config, data=data, text=text, model=model)


def check(config: TrainConfig) -> None:
    """Refuse values that cannot be used, all at once.

    Raises:
        ConfigError: naming each setting, its value and what was expected.
    """
    if problems := [f"{name} is {value!r}; {wanted}" for name, value, wanted in _problems(config)]:
        raise ConfigError("\n".join(problems))


def plain(config: TrainConfig) -> dict[str, Any]:
    """The settings as JSON values, to be written and compared."""

    def simple(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {k: simple(v) for k, v in value.items()}
        return [simple(v) for v in value] if isinstance(value, list | tuple) else value

    values: dict[str, Any] = simple(asdict(config))
    return values


def changed(config: TrainConfig) -> dict[str, Any]:
    """The settings that are not at their defaults, by their dotted names."""
    values, defaults = _flat(plain(config)), _flat(plain(TrainConfig()))
    return {name: value for name, value in sorted(values.items()) if name not in defaults or defaults[name] != value}


def differences(one: TrainConfig, other: TrainConfig) -> list[str]:
    """Dotted names of the settings in which two configurations differ."""
    a, b = _flat(plain(one)), _flat(plain(other))
    return sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))


def _problems(config: TrainConfig) -> Iterator[tuple[str, Any, str]]:
    data, augment, optimizer, trainer = config.data, config.augment, config.optimizer, config.trainer
    for name, value in (("data.size", data.size), *(("data.grow", side) for side in data.grow)):
        if value <= 0 or value % 32:
            yield name, value, "sides divisible by 32 were expected"
    if data.batch_size == 1 and min([data.size, *data.grow]) < 64:
        yield "data.batch_size", 1, "2 or more were expected at 32 px, where one image leaves batch norm a single value"
    if any(share < 0 for share in data.grow.values()) or sum(data.grow.values()) > 1 + 1e-9:
        yield "data.grow", data.grow, "shares of the epochs, of 1 together at most, were expected"
    if any(n < 0 for n in data.repeat):
        yield "data.repeat", data.repeat, "numbers of 0 or more were expected"
    yield from _mixture_problems(data)
    manifests, worlds = len(as_list(data.cases)), config.scope.worlds
    if worlds and len(worlds) != manifests:
        yield "scope.worlds", worlds, f"the world of each of {manifests} manifests was expected"
    if unknown := sorted(set(config.scope.terms) - set(worlds)):
        yield "scope.terms", unknown, f"terms of the worlds {sorted(set(worlds))} were expected"
    if data.folds == 1:
        yield "data.folds", 1, "2 or more, or 0 for none, was expected"
    if data.fold and not data.folds:
        yield "data.fold", data.fold, "data.folds, the number of parts, was expected with it"
    elif data.folds and data.split_file:
        yield "data.folds", data.folds, "with data.split_file it says twice who validates; leave one out"
    elif data.fold and data.fold >= data.folds:
        yield "data.fold", data.fold, f"a part from 0 to {data.folds - 1} was expected"
    yield from _numbers(
        "data",
        data,
        dict.fromkeys(("batch_size", "sentences"), (1, None))
        | dict.fromkeys(("workers", "limit", "val_limit", "epoch_images", "folds", "fold", "fold_seed"), (0, None)),
    )
    yield from _numbers(
        "augment",
        augment,
        dict.fromkeys(("mirror", "flip", "scanner", "drop_text", "paraphrase", "typos", "strange"), (0, 1))
        | dict.fromkeys(("stretch", "shift", "rotate", "brightness", "noise", "blur"), (0, None)),
    )
    for name in ("zoom", "contrast", "gamma"):
        low, high = getattr(augment, name)
        if not 0 < low <= high < math.inf:
            yield f"augment.{name}", [low, high], "two positive numbers, the smaller first, were expected"
    yield from _numbers(
        "optimizer",
        optimizer,
        {"warmup": (0, 1), "final_lr": (0, 1), "layer_decay": (0, 1)}
        | dict.fromkeys(("encoder_lr", "text_lr", "weight_decay", "clip"), (0, None)),
    )
    if not 0 <= optimizer.momentum < 1:
        yield "optimizer.momentum", optimizer.momentum, "a number from 0 to below 1 was expected"
    if not 0 < optimizer.lr < math.inf:
        yield "optimizer.lr", optimizer.lr, "a positive number was expected"
    if any(not 0 <= epochs < math.inf for epochs in optimizer.loss_warmup.values()):
        yield "optimizer.loss_warmup", optimizer.loss_warmup, "epochs, 0 or more, were expected"
    yield from _numbers(
        "trainer",
        trainer,
        dict.fromkeys(("epochs", "devices", "num_nodes", "validate_every", "accumulate"), (1, None))
        | dict.fromkeys(("steps", "patience", "samples", "snapshots", "threads"), (0, None)),
    )
    if 0 < trainer.steps < trainer.epochs:
        wanted = (
            f"at least one for each of {trainer.epochs} epochs was expected (trainer.epochs, their number, may be 1)"
        )
        yield "trainer.steps", trainer.steps, wanted
    if trainer.steps and data.epoch_images:
        yield "trainer.steps", trainer.steps, "with data.epoch_images it says twice how long an epoch is; leave one out"
    if unknown := sorted(set(trainer.loggers) - set(LOGGERS)):
        yield "trainer.loggers", unknown, f"some of {', '.join(LOGGERS)} were expected"
    if optimizer.cycles < 1:
        yield "optimizer.cycles", optimizer.cycles, "1 or more was expected"
    if trainer.snapshots and optimizer.schedule != "cyclic":
        yield "trainer.snapshots", trainer.snapshots, "they are taken at the ends of cycles: optimizer.schedule cyclic"
    elif trainer.snapshots and trainer.ema:
        yield "trainer.snapshots", trainer.snapshots, "with trainer.ema two averages are named; set trainer.ema to 0"
    if not 0 <= trainer.ema < 1:
        yield "trainer.ema", trainer.ema, "a number from 0 to below 1 was expected"
    yield from _regime_problems(config)
    if not 0 <= config.scope.refused < 1:
        yield "scope.refused", config.scope.refused, "a share from 0 to below 1 was expected"
    if trainer.precision not in PRECISIONS:
        yield "trainer.precision", trainer.precision, f"one of {', '.join(PRECISIONS)} was expected"
    try:
        seconds(trainer.max_time)
    except ValueError:
        yield "trainer.max_time", trainer.max_time, "DD:HH:MM:SS was expected, such as 00:01:30:00"
    if not 0 <= config.seed < 2**32:
        yield "seed", config.seed, "a whole number from 0 to 4294967295 was expected"


def _mixture_problems(data: DataConfig) -> Iterator[tuple[str, Any, str]]:
    known = (CAPTION, *get_args(ExpressionKind))
    if any(kind not in known for kind in data.kinds):
        yield "data.kinds", data.kinds, f"rates of {', '.join(known)} were expected"
    elif data.kinds and not _usable(data.kinds.values()):
        yield "data.kinds", data.kinds, "rates of 0 or more, not all 0, were expected"
    if data.weights and data.repeat:
        yield "data.weights", data.weights, "with data.repeat it says twice how often a manifest counts; leave one out"
    elif data.weights and not _usable(data.weights):
        yield "data.weights", data.weights, "shares of 0 or more, not all 0, were expected"


def _regime_problems(config: TrainConfig) -> Iterator[tuple[str, Any, str]]:
    regime, view = config.regime, config.regime.view
    if regime.kind not in (NONE, *REGIMES):
        yield "regime.kind", regime.kind, f"one of {', '.join([NONE, *REGIMES])} was expected"
    elif regime.kind != NONE and not config.trainer.steps:
        yield (
            "trainer.steps",
            0,
            f"the length of a run by the regime {regime.kind} was expected: passes over two streams do not compare",
        )
    if as_list(config.data.unlabelled) and regime.kind == NONE:
        yield "data.unlabelled", config.data.unlabelled, "a regime that reads it was expected: --regime mean-teacher"
    yield from _numbers(
        "regime", regime, {"batch": (0, None), "weight": (0, None), "drop_words": (0, 1), "ramp": (0, 1)}
    )
    yield from _numbers(
        "regime.view",
        view,
        dict.fromkeys(("mirror", "flip", "colour"), (0, 1)) | dict.fromkeys(("brightness", "noise", "blur"), (0, None)),
    )
    for name in ("contrast", "gamma"):
        low, high = getattr(view, name)
        if not 0 < low <= high < math.inf:
            yield f"regime.view.{name}", [low, high], "two positive numbers, the smaller first, were expected"


def _usable(rates: Iterable[float]) -> bool:
    values = list(rates)
    return all(0 <= value < math.inf for value in values) and sum(values) > 0


def _numbers(
    group: str, values: Any, ranges: Mapping[str, tuple[float, float | None]]
) -> Iterator[tuple[str, Any, str]]:
    for name, (low, high) in ranges.items():
        value = getattr(values, name)
        if not low <= value <= (math.inf if high is None else high) or value == math.inf:
            wanted = f"{low} or more" if high is None else f"a number from {low} to {high}"
            yield f"{group}.{name}", value, f"{wanted} was expected"


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        nested = isinstance(value, Mapping) and value  # an empty one must not vanish
        out |= _flat(value, f"{name}.") if nested else {name: value}
    return out

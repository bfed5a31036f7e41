"""Cross-validation: a run for each part of the cases, and what they find together."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from lexseg.errors import ConfigError, check_flags
from lexseg.files import replace_file
from lexseg.models.io import load_model
from lexseg.training import prepare
from lexseg.training.augment import AugmentConfig
from lexseg.training.config import TrainConfig
from lexseg.training.ensemble import join_models
from lexseg.training.folder import CONFIG
from lexseg.training.run import train

ENSEMBLE, TABLE = "ensemble", "folds.yaml"


@dataclass(frozen=True, slots=True)
class Fold:
    """How well a part was segmented by the run that did not train on it.

    Attributes:
        fold: its number, from 0.
        cases: of it whose mask is known.
        per_image: mean Dice of them.
        pooled: Dice over all their pixels.
    """

    fold: int
    cases: int
    per_image: float
    pooled: float


def train_folds(
    config: TrainConfig,
    output: Path,
    *,
    resume: bool = False,
    init: str | Path | None = None,
    stopped: Callable[[str], None] | None = None,
    begun: Callable[[int], None] = lambda fold: None,
) -> list[Fold]:
    """Train on all parts but one, for each part, and join the models.

    ``output`` gets a run's folder for each part (``fold0``, ...), ``ensemble``, which is a model folder, and
    ``folds.yaml``, the scores.

    Args:
        config: the recipe, with the number of parts, ``data.folds``.
        output: the folder; new or empty unless ``resume``.
        resume: go on where an earlier call stopped; runs that are done stay as they are.
        init: as :func:`lexseg.training.run.train` takes it, as ``stopped`` is.
        stopped: called as there; what is left is then not begun, and there is no ensemble.
        begun: is told which part is next.

    Returns:
        the scores of the parts; of fewer than all where it was stopped.

    Raises:
        ConfigError: fewer than two parts, or what one run cannot do for several parts.
        LexSegError: what else :func:`lexseg.training.run.train` raises.
    """
    check_flags(resume=resume)
    _check(config, output, resume)
    config = _one_vocabulary(config)
    reasons: list[str] = []
    scores: list[Fold] = []
    for fold in range(config.data.folds):
        begun(fold)
        run = output / f"fold{fold}"
        again = resume and (run / CONFIG).is_file()
        own = replace(config, data=replace(config.data, fold=fold))
        model = train(own, run, resume=again, init=init, stopped=reasons.append)
        if reasons:
            if stopped is not None:
                stopped(reasons[0])
            return scores
        scores.append(_score(fold, model))
    join_models([output / f"fold{fold.fold}" / "model" for fold in scores], output / ENSEMBLE)
    rows = [{"fold": s.fold, "cases": s.cases, "per_image": s.per_image, "pooled": s.pooled} for s in scores]
    replace_file(output / TABLE, yaml.safe_dump({"dice": rows}, sort_keys=False).encode())
    return scores


def _check(config: TrainConfig, output: Path, resume: bool) -> None:
    if config.data.folds < 2:
        raise ConfigError(f"data.folds is {config.data.folds}; the number of parts, 2 or more, was expected")
    if config.data.fold:
        raise ConfigError("data.fold names one part, but all of them are trained; leave it out")
    if config.trainer.devices != 1 or config.trainer.num_nodes != 1:
        raise ConfigError(
            "all parts are trained in turn on one device: with several, train each by itself into OUTPUT/foldK "
            "(lexseg train --data.folds N --data.fold K), then call this with --resume to join them"
        )
    if config.scope.worlds:
        raise ConfigError("scope.worlds: an ensemble has no scope; leave it out")
    if not resume and output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ConfigError(f"--output {output}: is not empty; go on by --resume, or choose a new folder")


def _one_vocabulary(config: TrainConfig) -> TrainConfig:
    """With a word encoder, all parts must know a word by the same number."""
    if config.text.get("kind") != "word" or config.text.get("vocabulary"):
        return config
    from lexseg.encoders.text.word import WordEncoder

    known = [case for case in prepare.read_cases(config) if case.split != "test"]
    words = WordEncoder.build_vocabulary(prepare.sentences(known, AugmentConfig(mirror=1.0, flip=1.0)))
    return replace(config, text=dict(config.text) | {"vocabulary": words or ["none"]})


def _score(fold: int, model: Path) -> Fold:
    val: Any = load_model(model).metrics.get("val") or {}
    nothing = float("nan")
    return Fold(
        fold,
        int(val.get("n", 0)),
        float(val["per_image"]["dice"]["mean"]) if val else nothing,
        float(val["pooled"]["dice"]) if val else nothing,
    )

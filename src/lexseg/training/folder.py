"""The folder of a run: what stands in it before the first step, and whether a run may go on in it."""

import functools
import hashlib
import json
import platform
import shutil
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import yaml

from lexseg.cases.case import Case
from lexseg.cases.splits import write_splits
from lexseg.encoders.text.base import TextEncoder
from lexseg.errors import ConfigError, DataError
from lexseg.files import leftovers, make_folder, replace_file
from lexseg.language.sides import Laterality
from lexseg.training.config import DataConfig, TrainConfig
from lexseg.training.recipe import read_recipe
from lexseg.training.regimes import NONE
from lexseg.training.regimes.labels import write_labelled
from lexseg.training.settings import differences, plain, settled

PACKAGES = ("lexseg", "torch", "lightning", "monai", "transformers", "numpy", "scipy", "pillow")
_MAY_CHANGE = (
    *("data.cases", "data.unlabelled", "data.split_file", "data.ids", "data.workers", "data.links"),
    *("trainer.epochs", "trainer.max_time", "trainer.threads", "trainer.loggers"),
)
CONFIG, RECORD, TEXT_CACHE = "config.yaml", "run.json", "text_cache"


def check_new(output: Path) -> None:
    """Refuse a folder that holds anything but sentence states, which a run with other settings may have left.

    Raises:
        ConfigError: it is not empty, or is a file.
    """
    if output.exists() and not output.is_dir():
        raise ConfigError(f"--output {output}: is a file; name a folder for the run")
    if output.is_dir() and any(path.name != TEXT_CACHE for path in output.iterdir()):
        hint = "go on with its run by --resume" if (output / CONFIG).is_file() else "no run began there"
        raise ConfigError(f"--output {output}: is not empty; {hint}, or choose a new folder")


def check_resumed(output: Path, config: TrainConfig, init: str | None) -> dict[str, Any]:
    """See that a run may go on as it began; only what `_MAY_CHANGE` names may differ.

    Where the data lie may: their hash tells whether they are the same (`check_data`).

    Args:
        output: the run's folder.
        config: settled.
        init: what the run shall start from, settled; ``None`` where that is not said again.

    Returns:
        the run's record.

    Raises:
        ConfigError: there is no run, or it began with other settings.
    """
    if not (output / CONFIG).is_file() or not (output / RECORD).is_file():
        raise ConfigError(f"--resume: {output} holds no run that could go on ({CONFIG} is missing); leave --resume out")
    began = _began(output)
    changed = [name for name in differences(began, config) if name not in _MAY_CHANGE]
    if "trainer.epochs" in differences(began, config) and config.trainer.epochs < began.trainer.epochs:
        changed.append("trainer.epochs")
    try:
        record: dict[str, Any] = json.loads((output / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{output / RECORD}: cannot be read as JSON: {error}") from error
    if init is not None and init != record.get("init"):
        changed.append("init")
    if changed:
        names = ", ".join(sorted(changed))
        raise ConfigError(
            f"--resume: the run in {output} began with other values of {names}; its {CONFIG} holds: leave these "
            f"options and recipes out (only {', '.join(_MAY_CHANGE)} may change, the epochs to more), or begin a new "
            "run"
        )
    return record


def unsaid(output: Path) -> dict[str, str]:
    """Settings, by their dotted names, that a run began with before they could be chosen; none of newer runs."""
    stated = yaml.safe_load((output / CONFIG).read_text(encoding="utf-8"))
    return {} if "fit" in (stated.get("data") or {}) else {"data.fit": "stretch"}


def as_begun(output: Path, config: TrainConfig) -> TrainConfig:
    """Settings to go on with: what could not be chosen when the run began is as it was then, whatever is usual now."""
    if not (output / CONFIG).is_file() or not unsaid(output) or config.data.fit != DataConfig().fit:
        return config
    return replace(config, data=replace(config.data, fit="stretch"))


def _began(output: Path) -> TrainConfig:
    began = settled(read_recipe(output / CONFIG))
    return replace(began, data=replace(began.data, fit="stretch")) if unsaid(output) else began


def check_checkpoint(path: Path) -> None:
    """See that what a run goes on from is whole.

    Raises:
        DataError: it is damaged or cut short.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    # a damaged file makes torch, zipfile and pickle raise nearly anything
    except Exception as error:
        raise _damaged(path) from error
    if not isinstance(state, dict) or "state_dict" not in state:
        raise _damaged(path)


def _damaged(path: Path) -> DataError:
    return DataError(
        f"{path}: damaged or cut short, so that the run cannot go on from it; copy it again, or move it away: then the "
        "run begins anew, from its first epoch"
    )


def check_data(output: Path, record: dict[str, Any], cases: Sequence[Case]) -> None:
    """See that the data are those that the run began with.

    Raises:
        ConfigError: they are not.
    """
    if record.get("data_sha256") != data_hash(cases):
        raise ConfigError(
            f"--resume: images, masks, sentences, splits or the order of rows have changed since the run "
            f"in {output} began; bring them back, or begin a new run"
        )


def write_record(
    output: Path,
    config: TrainConfig,
    cases: Sequence[Case],
    *,
    init: str | None,
    laterality: Laterality | None,
    encoder: TextEncoder | None,
) -> None:
    """run.json, labelled.txt, split.csv and config.yaml (last: with it a run has begun): all to run this again."""
    words = None if encoder is None else encoder.config().get("vocabulary")
    make_folder(output)
    record = {
        "seed": config.seed,
        "init": init,
        "laterality": laterality,  # the initial model's
        "vocabulary": words,
        "versions": {name: version(name) for name in PACKAGES} | {"python": platform.python_version()},
        "data_sha256": data_hash(cases),
        "cases": {split: sum(c.split == split for c in cases) for split in ("train", "val", "test")},
    }
    replace_file(output / RECORD, (json.dumps(record, indent=2) + "\n").encode())
    if config.data.labels or config.regime.kind != NONE:
        write_labelled(output, cases)
    write_splits(output / "split.csv", ((case.id, case.split) for case in cases))
    replace_file(output / CONFIG, yaml.safe_dump(plain(config), sort_keys=False, allow_unicode=True).encode())


def keep_settings(output: Path, config: TrainConfig) -> None:
    """Write down what a run goes on with, but for how long it may take this time."""
    began = _began(output)
    kept = replace(config, trainer=replace(config.trainer, max_time=began.trainer.max_time))
    if differences(began, kept):
        replace_file(output / CONFIG, yaml.safe_dump(plain(kept), sort_keys=False, allow_unicode=True).encode())


def sweep(output: Path) -> None:
    """Remove what a killed process may have left half-written beside its place."""
    for left in (*output.glob(".model-*"), *(output / "checkpoints").glob(".*.part"), *leftovers(output)):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def data_hash(cases: Sequence[Case]) -> str:
    """SHA-256 over the cases and the bytes of images and masks, in their order, which decides what chance draws."""
    digest = hashlib.sha256()
    content = functools.cache(lambda path: hashlib.sha256(path.read_bytes()).digest())  # rows may share an image
    for case in cases:
        digest.update(json.dumps([case.id, case.split, case.texts, case.patient, case.laterality]).encode())
        if case.weight != 1.0 or case.label is not None:
            digest.update(json.dumps([case.weight, case.label]).encode())
        if case.target_ids is not None:
            digest.update(json.dumps([case.expression_kind, case.target_ids]).encode())
        if case.present is not None:
            digest.update(json.dumps(["present", case.present]).encode())
        for path in (case.image, case.mask):
            if path is not None:
                digest.update(content(path))
    return digest.hexdigest()

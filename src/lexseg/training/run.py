"""One training run, from manifests to a model folder."""

import hashlib
import json
import platform
import random
import warnings
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import yaml
from lightning.pytorch.loggers import TensorBoardLogger

from lexseg.data.case import Case
from lexseg.data.manifest import read_manifests
from lexseg.errors import ConfigError, DataError
from lexseg.models import create_model
from lexseg.models.base import SegmentationModel
from lexseg.models.io import ModelConfig, initialise, save_model
from lexseg.text import create_text_encoder
from lexseg.text.collate import TextPipeline
from lexseg.text.wording import mirror_words
from lexseg.training.callbacks import BestModel, LastCheckpoint, RunningAverage, StopInTime, StopRun
from lexseg.training.config import TrainConfig, as_list, seconds
from lexseg.training.curves import Curves
from lexseg.training.data_module import CaseDataModule
from lexseg.training.task import SegmentationTask

PACKAGES = ("lexseg", "torch", "lightning", "monai", "transformers", "numpy", "scipy", "pillow")


def train(config: TrainConfig, output: Path, *, resume: bool = False, init: Path | None = None) -> Path:
    """Train as ``config`` says and leave the best model in ``output/model``.

    Args:
        config: the recipe, data included.
        output: the run's folder; new or empty unless ``resume``.
        resume: go on after the last whole epoch of the run in ``output``.
        init: a model folder whose weights the run starts from.

    Returns:
        The model folder.

    Raises:
        ConfigError: the settings cannot be used.
        DataError: a manifest cannot be used.
        DivergedError: a loss is no longer a number.
    """
    output = Path(output)
    checkpoint = output / "checkpoints" / "last.ckpt"
    if not resume and output.exists() and any(output.iterdir()):
        raise ConfigError(f"{output} is not empty; go on with --resume, or choose a new folder")
    try:
        max_seconds = seconds(config.trainer.max_time)
    except ValueError as error:
        raise ConfigError(f"trainer.{error}") from error
    for side in (config.data.size, *config.data.grow):
        if side % 32 or side <= 0:
            raise ConfigError(f"data.size and data.grow hold {side}; sides divisible by 32 were expected")

    cases = read_cases(config)
    training, validation = chosen(cases, "train"), chosen(cases, "val")
    if not training or not validation:
        raise DataError(
            f"training needs cases of the splits train and val; found {len(training)} and {len(validation)}. "
            "Fill the column 'split', or leave it out so that one is made"
        )
    encoder = create_text_encoder(text_config(config, training))
    text = TextPipeline(encoder, cache=output / "text_cache")
    text.precompute(sentences(training, config.augment.mirror > 0) + [c.text for c in validation], progress=True)

    pl.seed_everything(config.seed, verbose=False)
    model = create_model(config.method, **model_arguments(config, encoder))
    if init is not None and not resume:
        initialise(model, init)

    output.mkdir(parents=True, exist_ok=True)
    if not resume:
        write_record(output, config, cases)

    def save(scores: dict[str, Any]) -> None:
        save_run_model(output / "model", model, config, encoder, cases, scores)

    t = config.trainer
    stop = StopInTime(max_seconds)
    best = BestModel(t.monitor, t.patience, save)
    callbacks: list[pl.Callback] = [best, Curves(output, validation[: t.samples], text), stop]
    callbacks += [RunningAverage(t.ema)] if t.ema else []
    callbacks.append(LastCheckpoint(checkpoint.parent))
    if t.channels_last:
        model.to(memory_format=__import__("torch").channels_last)
    trainer = pl.Trainer(
        accelerator=t.accelerator,
        devices=t.devices,
        num_nodes=t.num_nodes,
        strategy=t.strategy,
        precision=t.precision,  # type: ignore[arg-type]  # checked by Lightning
        max_epochs=t.epochs,
        check_val_every_n_epoch=t.validate_every,
        accumulate_grad_batches=t.accumulate,
        gradient_clip_val=config.optimizer.clip or None,
        callbacks=callbacks,
        logger=TensorBoardLogger(output, name="tensorboard", version=""),
        use_distributed_sampler=False,
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        log_every_n_steps=10,
    )
    task = SegmentationTask(model, text, config)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        try:
            trainer.fit(
                task,
                datamodule=CaseDataModule(repeated(training, config), validation, config),
                ckpt_path=str(checkpoint) if resume and checkpoint.is_file() else None,
                weights_only=True,
            )
        except StopRun as reason:
            print(f"stopped: {reason}; go on with --resume")
    if trainer.is_global_zero and not (output / "model").exists():
        save({"epoch": trainer.current_epoch, "val": None, "monitor": t.monitor})
    return output / "model"


def read_cases(config: TrainConfig) -> list[Case]:
    """All cases of the run, with splits."""
    paths = [Path(p) for p in as_list(config.data.cases)]
    if not paths:
        raise ConfigError("data.cases is empty; name one or more manifests: --data.cases FILE[,FILE]")
    cases = read_manifests(paths, text_columns=as_list(config.data.text_column))
    if all(c.split is not None for c in cases):
        return cases
    from lexseg.data.splits import parse_fractions, split_cases

    return split_cases(cases, parse_fractions(config.data.split), config.seed)


def chosen(cases: Sequence[Case], split: str) -> list[Case]:
    """The cases of a split."""
    return [c for c in cases if c.split == split]


def repeated(training: Sequence[Case], config: TrainConfig) -> list[Case]:
    """Training cases, each as often as its manifest counts, and no more than ``data.limit``."""
    cases = list(training)
    if config.data.limit and config.data.limit < len(cases):
        cases = random.Random(config.seed).sample(sorted(cases, key=lambda c: c.id), config.data.limit)
    paths = [Path(p).resolve() for p in as_list(config.data.cases)]
    times = dict(zip(paths, config.data.repeat or [1] * len(paths), strict=False))
    if len(times) != len(paths) or any(n < 0 for n in times.values()):
        raise ConfigError(f"data.repeat holds {config.data.repeat}; one number for each of the {len(paths)} manifests")
    return [c for c in cases for _ in range(times.get(c.source.resolve(), 1) if c.source else 1)]


def sentences(cases: Sequence[Case], mirrored: bool) -> list[str]:
    """Every sentence that training can meet."""
    plain = list(dict.fromkeys(t for c in cases for t in c.texts))
    return plain + [mirror_words(t, "horizontal") for t in plain] * mirrored


def text_config(config: TrainConfig, training: Sequence[Case]) -> dict[str, Any]:
    """The text encoder's configuration; a word encoder gets its vocabulary from the training sentences."""
    values = dict(config.text)
    if values.get("kind") == "word" and "vocabulary" not in values:
        from lexseg.text.encoders.word import WordEncoder

        values["vocabulary"] = WordEncoder.build_vocabulary(sentences(training, True))
    return values


def model_arguments(config: TrainConfig, encoder: Any) -> dict[str, Any]:
    """The method's keywords, with what follows from the text encoder."""
    from lexseg.models import model_class

    arguments = dict(config.model)
    if model_class(config.method).uses_text:
        arguments["text_width"] = encoder.width
        if encoder.trainable:
            arguments["text_encoder"] = encoder.config()
    return arguments


def save_run_model(
    folder: Path, model: SegmentationModel, config: TrainConfig, encoder: Any, cases: Sequence[Case], scores: Any
) -> None:
    """Write the model folder of a run."""
    from lexseg.training.card import model_card

    lateralities = {c.laterality for c in cases}
    uses_text = model.uses_text
    written = ModelConfig(
        method=config.method,
        arguments=model_arguments(config, encoder),
        size=(config.data.size, config.data.size),
        text_encoder=encoder.config() if uses_text else None,
        text_encoder_sha256=None if encoder.trainable or not uses_text else encoder.fingerprint(),
        laterality=lateralities.pop() if len(lateralities) == 1 else None,
    )
    own = model.text_input.encoder if model.text_input is not None else None
    metrics = {"validation": scores, "seed": config.seed}
    save_model(folder, model, written, card=model_card(config, scores), metrics=metrics, text_encoder=own)


def write_record(output: Path, config: TrainConfig, cases: Sequence[Case]) -> None:
    """config.yaml, split.csv and run.json: what anyone needs to run this again."""
    (output / "config.yaml").write_text(yaml.safe_dump(_plain(asdict(config)), sort_keys=False), encoding="utf-8")
    rows = "\n".join(f"{json.dumps(c.id)},{c.split or ''}" for c in cases)
    (output / "split.csv").write_text(f"id,split\n{rows}\n", encoding="utf-8")
    record = {
        "seed": config.seed,
        "versions": {name: version(name) for name in PACKAGES} | {"python": platform.python_version()},
        "data_sha256": data_hash(cases),
        "cases": {split: len(chosen(cases, split)) for split in ("train", "val", "test")},
    }
    (output / "run.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def data_hash(cases: Sequence[Case]) -> str:
    """SHA-256 over ids, splits, sentences and the bytes of images and masks, in the order of ids."""
    digest = hashlib.sha256()
    for case in sorted(cases, key=lambda c: c.id):
        digest.update(json.dumps([case.id, case.split, case.texts, case.patient]).encode())
        for path in (case.image, case.mask):
            if path is not None:
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def resumed(config: TrainConfig, max_time: str | None) -> TrainConfig:
    """The configuration of a run that goes on, with a new limit of time."""
    return replace(config, trainer=replace(config.trainer, max_time=max_time))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value

"""One training run, from manifests to a model folder."""

import contextlib
import functools
import logging
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.utilities import rank_zero_only

from lexseg.cases.case import Case
from lexseg.encoders.text.base import TextEncoder
from lexseg.encoders.text.batch import no_words
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.errors import ConfigError, check_flags
from lexseg.models import create_model
from lexseg.models.base import SegmentationModel
from lexseg.models.io import load_model
from lexseg.training import folder, prepare, start
from lexseg.training.callbacks import Average, BestModel, LastCheckpoint, RunningAverage
from lexseg.training.config import TrainConfig, as_list, seconds
from lexseg.training.curves import Curves
from lexseg.training.data_module import CaseDataModule
from lexseg.training.loggers import make_loggers
from lexseg.training.progress import EpochLines
from lexseg.training.regimes import NONE, create_regime
from lexseg.training.regimes.labels import labelled, unlabelled
from lexseg.training.result import save_run_model
from lexseg.training.samples import SampleOverlays, spread
from lexseg.training.scope import fit_scope, scope_worlds
from lexseg.training.settings import check, settled
from lexseg.training.snapshots import SnapshotAverage
from lexseg.training.stop import StopInTime, StopRun
from lexseg.training.task import SegmentationTask

_NO_SENTENCE = (
    "no training case has a sentence: the model learns nothing of words; --data.text_column names the column of them"
)


def train(
    config: TrainConfig,
    output: Path,
    *,
    resume: bool = False,
    init: str | Path | None = None,
    stopped: Callable[[str], None] | None = None,
) -> Path:
    """Train as ``config`` says and leave the best model in ``output/model``.

    With several devices this runs in a process for each; only the first one writes.

    Args:
        config: the recipe, data included.
        output: the run's folder; new or empty unless ``resume``.
        resume: go on after the last whole epoch of the run in ``output``.
        init: the model whose weights the run starts from: a bundled name, a folder or a hub id.
        stopped: is told why the run ended before its last epoch, if it did: SIGINT, SIGTERM, or that its time is over.

    Returns:
        The model folder.

    Raises:
        ConfigError: the settings cannot be used.
        DataError: a manifest, an image or a mask cannot be used.
        TextError: a sentence is longer than the text encoder reads.
        ModelError: the model cannot be built, or cannot start from ``init``.
        DivergedError: a loss is no longer a number.
    """
    check_flags(resume=resume)
    began = time.monotonic()
    output, config, origin = Path(output), settled(config), start.settled_name(init)
    check(config)
    record: dict[str, Any] = {}
    if resume:
        config = folder.as_begun(output, config)
        record = folder.check_resumed(output, config, origin)
        origin = record.get("init")
    elif is_first_process():
        folder.check_new(output)
    checkpoint = output / "checkpoints" / "last.ckpt"
    resumed = resume and checkpoint.is_file()
    if resumed:
        folder.check_checkpoint(checkpoint)
    initial = start.load(origin) if origin is not None and not resumed else None
    convention = record.get("laterality") if initial is None else initial.config.laterality
    cases = prepare.in_one_convention(prepare.read_cases(config), convention)
    if resume and is_first_process():
        folder.check_data(output, record, cases)
        folder.keep_settings(output, config)
        folder.sweep(output)
    training, validation = prepare.chosen(cases, "train"), prepare.validated(cases, config)
    blank = unlabelled(cases) if config.regime.kind != NONE else []
    shown = prepare.repeated(labelled(cases) if blank else training, config)

    vocabulary = record.get("vocabulary") or start.vocabulary(initial)
    encoder = prepare.text_encoder(config, training, vocabulary)
    if encoder is not None:
        prepare.check_sentences(cases, encoder, config.augment)
    if config.trainer.threads:
        torch.set_num_threads(config.trainer.threads)
    pl.seed_everything(config.seed, verbose=False)
    model = create_model(config.method, **prepare.model_arguments(config, encoder))
    if initial is not None:
        start.initialise(model, config, encoder, initial)
        del initial
    regime = create_regime(model, config)
    network = model if regime is None else regime.network()
    if model.text_input is not None and model.text_input.encoder is not None:
        encoder = model.text_input.encoder  # the one that is trained, not the stand-in that told its width

    def save(scores: dict[str, Any]) -> None:
        finished = network if regime is None else regime.finish()
        save_run_model(output / "model", finished, config, encoder, cases, scores)

    with _quiet():
        task = SegmentationTask(network, config, regime)
        lines = EpochLines()
        limit = seconds(config.trainer.max_time)
        stop = StopInTime(None if limit is None else began + limit)
        average = _average(config, output)
        if regime is not None and average is not None:
            regime.teacher = average.model
        callbacks: list[pl.Callback] = [
            BestModel(config.trainer.monitor, config.trainer.patience, save, last=config.trainer.keep == "last"),
            SampleOverlays(output / "samples", spread(validation, config.trainer.samples)),
            Curves(output),
            lines,
            stop,
            *([] if average is None else [average]),
            LastCheckpoint(checkpoint),
        ]
        trainer = make_trainer(config, output, callbacks)
        data = CaseDataModule(shown, validation, config, no_words, blank)
        if regime is not None:
            data.reads = regime.reads
        data.check_devices(trainer.world_size)
        if is_first_process():
            if not resume:
                folder.write_record(output, config, cases, init=origin, laterality=convention, encoder=encoder)
            lines.console.print(describe(network, data, trainer))
            if encoder is not None and not any(text for case in training for text in case.texts):
                lines.console.print(_NO_SENTENCE)
        if encoder is not None:
            turned = prepare.turned(config)
            met = prepare.met(cases, turned, swapped=network.reads_swapped)
            # a short run on a large set draws few of its sentences: these are read as they come
            ahead = met if len(met) <= data.drawn(trainer.world_size) else []
            data.encode_text = _pipeline(encoder, output / folder.TEXT_CACHE, ahead)
            data.training_text = network.training_text
            data.fits = functools.partial(_fits, encoder)
        whole = True
        try:
            with stop.listening():
                trainer.fit(task, datamodule=data, ckpt_path=str(checkpoint) if resumed else None, weights_only=True)
        except StopRun as reason:
            whole = False
            if trainer.is_global_zero:
                lines.console.print(f"stopped: {reason}; go on with --resume")
            if stopped is not None:
                stopped(str(reason))
        except BaseException as error:
            _end_other_processes(trainer)
            if isinstance(error, SystemExit):  # what Lightning makes of a second Ctrl-C
                raise KeyboardInterrupt from None
            raise
        if trainer.is_global_zero and not (output / "model").exists():
            save({"epoch": trainer.current_epoch, "monitor": config.trainer.monitor, "presence": None, "val": None})
        if trainer.is_global_zero and config.scope.worlds and whole:
            _fit_scope(output / "model", config, cases)
    return output / "model"


def _average(config: TrainConfig, output: Path) -> Average | None:
    if config.trainer.snapshots:
        return SnapshotAverage(config.optimizer, config.trainer.snapshots, output)
    return RunningAverage(config.trainer.ema) if config.trainer.ema else None


def _fit_scope(model: Path, config: TrainConfig, cases: Sequence[Case]) -> None:
    """What the trained model knows, written beside its weights."""
    manifests = [Path(path) for path in as_list(config.data.cases)]
    s = config.scope
    worlds = scope_worlds(cases, manifests, s.worlds, terms=s.terms, examples=s.examples)
    scope, _ = fit_scope(load_model(model), worlds, refused=s.refused, seed=config.seed)
    scope.save(model)


def is_first_process() -> bool:
    """Whether this process is the one that writes and speaks."""
    return not getattr(rank_zero_only, "rank", 0)


def make_trainer(config: TrainConfig, output: Path, callbacks: list[pl.Callback]) -> pl.Trainer:
    """Lightning's trainer as the recipe sets it up: devices, precision, steps and stops.

    Raises:
        ConfigError: the machine lacks what the settings ask for.
    """
    t = config.trainer
    try:
        return pl.Trainer(
            accelerator=t.accelerator,
            devices=t.devices,
            num_nodes=t.num_nodes,
            strategy=t.strategy,
            precision=t.precision,  # type: ignore[arg-type]  # checked before
            max_epochs=t.epochs,
            check_val_every_n_epoch=t.validate_every,
            accumulate_grad_batches=t.accumulate,
            gradient_clip_val=config.optimizer.clip or None,
            callbacks=callbacks,
            logger=make_loggers(t.loggers, output),
            default_root_dir=output,
            use_distributed_sampler=False,
            reload_dataloaders_every_n_epochs=1,
            num_sanity_val_steps=0,
            enable_model_summary=False,
            enable_progress_bar=False,
            log_every_n_steps=1,
        )
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        asked = f"accelerator {t.accelerator}, devices {t.devices}, strategy {t.strategy}, precision {t.precision}"
        raise ConfigError(f"the trainer settings cannot be used here ({asked}): {error}") from error


def describe(model: SegmentationModel, data: CaseDataModule, trainer: pl.Trainer) -> str:
    """One line on data, model and device."""
    config, cases = data.config, len({case.id for case in data.train_cases})
    repeated = f" ({len(data.train_cases):,} an epoch)" if len(data.train_cases) > cases else ""
    if data.mixture is not None:
        each = f"{config.data.sentences} sentence" + "s" * (config.data.sentences > 1)
        epoch = "" if config.trainer.steps else f"{data.mixture.size:,} an epoch, "
        repeated = f" cases of {data.mixture.images:,} images ({epoch}{each} each)"
    parameters = sum(p.numel() for p in model.parameters() if p.requires_grad) / 1e6
    if data.blank is not None:
        repeated += f" and {data.blank.images:,} unlabelled ({config.regime.kind})"
    device = trainer.strategy.root_device
    epochs = config.trainer.epochs
    passes = f"{epochs} epoch" + ("s" if epochs > 1 else "")
    length = f"{passes} of {data.steps(trainer.world_size)} steps"
    if config.trainer.steps:
        length = f"{config.trainer.steps:,} steps in {passes}"
    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return (
        f"{cases:,} training{repeated} and {len(data.val_cases):,} validation cases; {config.method}, "
        f"{parameters:.1f} M trained parameters; {trainer.world_size} x {kind}, {config.trainer.precision}; "
        f"{length}"
    )


def _pipeline(encoder: TextEncoder, cache: Path, sentences: Sequence[str]) -> TextPipeline:
    """Knows all these sentences; the first process leaves their states in the run's folder for the others."""
    readable = is_first_process() or cache.is_dir()
    pipeline = TextPipeline(encoder, cache=cache if readable else None, memory_limit=4 << 30)
    pipeline.precompute(sentences, progress=is_first_process() and EpochLines().console.is_terminal)
    pipeline.close()
    return pipeline


def _fits(encoder: TextEncoder, text: str) -> bool:
    return encoder.count_tokens(text) <= encoder.max_length


def _end_other_processes(trainer: pl.Trainer) -> None:
    """Those that this process started would wait for it for ever."""
    kill = getattr(trainer.strategy.launcher, "kill", None)
    if kill is not None:
        kill(getattr(signal, "SIGKILL", signal.SIGTERM))  # Windows has the second only


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Leave what matters of Lightning's messages: warnings, less those that a user can do nothing about."""
    loggers = [logging.getLogger(f"lightning.{name}") for name in ("pytorch", "fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        for message in (
            ".*does not have many workers.*",  # data.workers is the user's choice
            ".*LeafSpec.* is deprecated.*",  # Lightning's own affair, as all below
            ".*callbacks used to create the checkpoint need to be provided.*",
            ".*Grad strides do not match bucket view strides.*",
            ".*The dirpath has changed from.*",
        ):
            warnings.filterwarnings("ignore", message=message)
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)

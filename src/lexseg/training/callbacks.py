"""What happens around the steps: checkpoints, the best model, curves, stopping."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint

from lexseg.training.task import SegmentationTask


class RunningAverage(EMAWeightAveraging):
    """Exponential moving average of weights and buffers; validation and the saved model use it.

    The decay rises from 0 to its final value, min(decay, (1 + n) / (10 + n)), so that a short run is not an average of
    its beginnings.
    """

    def __init__(self, decay: float) -> None:
        def average(averaged: Any, current: Any, n: Any) -> None:
            d = min(decay, (1 + int(n)) / (10 + int(n)))
            for mean, value in zip(averaged, current, strict=True):
                if mean.is_floating_point():
                    mean.lerp_(value.to(mean.dtype), 1 - d)
                else:
                    mean.copy_(value)

        super().__init__(decay=decay)
        self._kwargs = {"multi_avg_fn": average}


class LastCheckpoint(ModelCheckpoint):
    """``last.ckpt`` after every whole epoch: written beside, then renamed, so the latest is never half-written."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            dirpath=folder, filename="last", save_top_k=1, monitor=None, every_n_epochs=1,
            save_on_train_epoch_end=True, enable_version_counter=False,
        )  # fmt: skip

    def _save_checkpoint(self, trainer: pl.Trainer, filepath: str) -> None:
        temporary = f"{filepath}.part"
        super()._save_checkpoint(trainer, temporary)
        if trainer.is_global_zero:
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
            os.replace(temporary, filepath)


class BestModel(Callback):
    """Scores each validation and saves the model that did best.

    Stands before the running average in the list of callbacks: it then sees the averaged weights.

    Args:
        monitor: ``per_image`` or ``pooled``.
        patience: validations without a better score before the run stops; 0 is never.
        save: writes the model folder, given the scores.
    """

    def __init__(self, monitor: str, patience: int, save: Callable[[dict[str, Any]], None]) -> None:
        self.monitor, self.patience, self.save = monitor, patience, save
        self.best: float | None = None
        self.waited = 0

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Reduce the scores over devices; on improvement save the model."""
        assert isinstance(pl_module, SegmentationTask)
        scores = pl_module.scores()
        if trainer.sanity_checking:
            return
        for name, value in scores.items():
            pl_module.log(f"val/dice_{name}", value, prog_bar=True, rank_zero_only=True)
        score = scores[self.monitor]
        if self.best is None or score > self.best:
            self.best, self.waited = score, 0
            if trainer.is_global_zero:
                self.save({"epoch": trainer.current_epoch, "val": scores, "monitor": self.monitor})
        else:
            self.waited += 1
            if self.patience and self.waited >= self.patience:
                trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From the checkpoint."""
        self.best, self.waited = state_dict["best"], state_dict["waited"]


class StopRun(Exception):
    """Ends a run between two steps."""


class StopInTime(Callback):
    """Ends the run between two steps when its time is over, or at Ctrl-C or SIGTERM.

    The interrupted epoch is not kept: ``--resume`` begins it again.

    Args:
        max_seconds: from now on; ``None`` is no limit.
    """

    def __init__(self, max_seconds: float | None) -> None:
        self.deadline = None if max_seconds is None else time.monotonic() + max_seconds
        self.reason = ""
        self._previous: dict[int, Any] = {}

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Listen for signals; a second one has its usual force."""

        def ask(number: int, frame: FrameType | None) -> None:
            self.reason = signal.Signals(number).name
            signal.signal(number, self._previous[number])

        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._previous[number] = signal.signal(number, ask)
            except ValueError:  # not in the main thread: whoever runs us there listens
                return

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        """Stop where asked; all devices together."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            self.reason = self.reason or "max_time"
        if trainer.strategy.reduce_boolean_decision(bool(self.reason), all=False):
            raise StopRun(self.reason or "another process was asked to stop")

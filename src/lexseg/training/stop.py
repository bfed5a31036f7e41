"""Ending a run before its last epoch, in good order."""

import os
import signal
import time
from types import FrameType
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback

from lexseg.training.task import DivergedError, SegmentationTask

ADVICE = "lower optimizer.lr, or train with --trainer.precision 32-true"


class StopRun(Exception):
    """Ends a run between two steps. The interrupted epoch is not kept: ``--resume`` begins it again."""


class StopInTime(Callback):
    """Ends the run between two steps when its time is over, at Ctrl-C or SIGTERM, or when it diverges.

    All devices decide together, or those that go on would wait for the others for ever.

    Args:
        deadline: of :func:`time.monotonic`; ``None`` is no limit.
    """

    def __init__(self, deadline: float | None) -> None:
        self.deadline = deadline
        self.reason = ""
        self._previous: dict[int, Any] = {}

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Listen for signals; a second one has its usual force."""

        def ask(number: int, frame: FrameType | None) -> None:
            self.reason = signal.Signals(number).name
            signal.signal(number, self._previous[number])
            if trainer.is_global_zero:
                text = "stopping after this step (after a validation, if one is under way); again to stop at once\n"
                os.write(2, text.encode())  # print() must not be used here: it may be what was interrupted

        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._previous[number] = signal.signal(number, ask)
            except ValueError:  # not in the main thread: whoever runs us there listens
                return

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Give the signals back."""
        self._restore()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Give the signals back where the run ends early."""
        self._restore()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop here where asked during validation."""
        self._decide(trainer, pl_module)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any, **kwargs: Any) -> None:
        """Stop here where asked during a step."""
        self._decide(trainer, pl_module)

    def _decide(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, SegmentationTask)
        if self.deadline is not None and time.monotonic() > self.deadline:
            self.reason = self.reason or "max_time is over"
        stop, diverged = bool(self.reason), bool(pl_module.diverged)
        if trainer.world_size > 1:
            votes = torch.tensor([stop, diverged], dtype=torch.float32, device=pl_module.device)
            votes = torch.as_tensor(trainer.strategy.reduce(votes, reduce_op="sum"))
            stop, diverged = bool(votes[0]), bool(votes[1])
        if diverged:
            raise DivergedError(f"{pl_module.diverged or 'the loss is not finite on another device'}; {ADVICE}")
        if stop:
            raise StopRun(self.reason or "another process was asked to stop")

    def _restore(self) -> None:
        while self._previous:
            signal.signal(*self._previous.popitem())

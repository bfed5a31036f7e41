"""Ending a run before its last epoch, in good order."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
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
        self._handler: Callable[[int, FrameType | None], None] | None = None

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Take Ctrl-C and SIGTERM as wishes to stop; a second one has its usual force.

        Around all of ``Trainer.fit``, and no part of it: Lightning puts handlers of its own in between.
        """
        previous: dict[int, Any] = {}

        def ask(number: int, frame: FrameType | None) -> None:
            self.reason = signal.Signals(number).name
            signal.signal(number, previous[number])
            # print() must not be used here: it may be what was interrupted
            os.write(2, b"stopping after this step (after a validation, if one is under way); again to stop at once\n")

        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                previous[number] = signal.signal(number, ask)
            self._handler = ask
        except ValueError:  # not in the main thread: whoever runs us there listens
            self._handler = None
        try:
            yield
        finally:
            self._handler = None
            for kind, handler in previous.items():
                signal.signal(kind, handler)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Listen to SIGTERM instead of Lightning, which would end the epoch's validation half-way."""
        if self._handler is not None and not self.reason:
            signal.signal(signal.SIGTERM, self._handler)

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

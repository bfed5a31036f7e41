"""What a user sees of a run: a line for each epoch, and on a terminal a bar."""

import time
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from lexseg.training.task import SegmentationTask


class EpochLines(Callback):
    """Prints a line for each epoch; on a terminal a bar shows the steps within it."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, markup=False, soft_wrap=True)
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._started = time.monotonic()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Open the bar, where there is a terminal to show it."""
        if trainer.is_global_zero and self.console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=self.console, transient=True)
            self._bar.start()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock and the bar."""
        self._started = time.monotonic()
        self._begin(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}", trainer.num_training_batches)

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        """Move the bar on by a step of training."""
        self._advance()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The bar of the validation."""
        self._begin("validation", int(sum(trainer.num_val_batches)))

    def on_validation_batch_end(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        """Move the bar on by a step of the validation."""
        self._advance()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The line of the epoch."""
        assert isinstance(pl_module, SegmentationTask)
        loss = float(trainer.callback_metrics["loss/total"])  # waits for all devices
        if not trainer.is_global_zero:
            return
        parts = [f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}", f"loss {loss:.4f}"]
        if scores := pl_module.validation:
            best = " (best)" if pl_module.improved else ""
            parts.append(f"val Dice {scores['per_image']:.4f} per image, {scores['pooled']:.4f} pooled{best}")
            names = {"n_acc": "N-acc", "t_acc": "T-acc", "presence_auroc": "presence AUROC"}
            parts += [f"{label} {scores[name]:.3f}" for name, label in names.items() if name in scores]
        self.console.print(*parts, f"{time.monotonic() - self._started:.0f} s", sep="  ")

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Close the bar, however the run has ended."""
        self._close()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Close the bar where the run ends early."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _begin(self, what: str, total: float) -> None:
        if self._bar is not None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(what, total=total)

    def _advance(self) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task)

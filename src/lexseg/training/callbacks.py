"""What happens around the steps: the running average, checkpoints, and the best model."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback, Checkpoint, WeightAveraging

from lexseg.files import move
from lexseg.models.base import SegmentationModel
from lexseg.training.stop import StopRun
from lexseg.training.task import SegmentationTask


class Average(WeightAveraging):
    """An average of the weights: what is validated, and what the model is when the run ends."""

    def model(self) -> SegmentationModel:
        """The averaged network, in evaluation mode: what teaches, where a regime has a teacher."""
        assert self._average_model is not None
        task = self._average_model.module
        assert isinstance(task, SegmentationTask)
        return task.model.eval()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """A run that is stopped in good order ends as one that is done: with the average in the network."""
        if isinstance(exception, StopRun) and trainer.global_step > 0:
            self.on_train_end(trainer, pl_module)


class RunningAverage(Average):
    """Exponential moving average of weights and buffers; validation and the saved model use it.

    The decay rises from 0 to its final value, min(decay, (1 + n) / (10 + n)) after n steps, so that a short run is not
    an average of its beginnings. A checkpoint holds the average and n.
    """

    def __init__(self, decay: float) -> None:
        def average(averaged: Any, current: Any, n: Any) -> None:
            d = min(decay, (1 + int(n)) / (10 + int(n)))
            for mean, value in zip(averaged, current, strict=True):
                if mean.is_floating_point():
                    mean.lerp_(value.to(mean.dtype), 1 - d)
                else:
                    mean.copy_(value)

        super().__init__(multi_avg_fn=average)


class LastCheckpoint(Checkpoint):
    """``last.ckpt`` after every whole epoch: written beside, then renamed, so the latest is never half-written.

    Args:
        path: of the checkpoint.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save; Lightning calls this after all that belongs to the epoch, its validation included."""
        part = self.path.with_name(f".{self.path.name}.part")
        try:
            trainer.save_checkpoint(part)
            if trainer.is_global_zero:
                with open(part, "rb") as file:
                    os.fsync(file.fileno())
                move(part, self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)  # on a full disk, half a checkpoint would keep it full
            raise


class BestModel(Callback):
    """Scores each validation and saves the model that did best.

    Stands before the running average in the list of callbacks: it then sees the averaged weights.

    Args:
        monitor: ``per_image`` or ``pooled``.
        patience: validations without a better score before the run stops; 0 is never.
        save: writes the model folder, given the scores and how they came about.
        last: the model of every validation replaces the one before, be it better or not.
    """

    def __init__(
        self, monitor: str, patience: int, save: Callable[[dict[str, Any]], None], *, last: bool = False
    ) -> None:
        self.monitor, self.patience, self.save, self.last = monitor, patience, save, last
        self.best: float | None = None
        self.waited = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A run that has been stopped for want of progress stays so when it is resumed."""
        self._stop_if_waited(trainer)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Have the last epoch validated, whether it is its turn or not."""
        assert isinstance(pl_module, SegmentationTask)
        last = trainer.current_epoch + 1 == trainer.max_epochs
        trainer.check_val_every_n_epoch = 1 if last else pl_module.config.trainer.validate_every

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Reduce the scores over devices; on improvement save the model."""
        assert isinstance(pl_module, SegmentationTask)
        scores = pl_module.scores()
        for name, value in pl_module.logged.items():
            pl_module.log(name, value, sync_dist=True)  # equal everywhere
        score = scores[self.monitor]
        pl_module.improved = self.best is None or score > self.best
        if (pl_module.improved or self.last) and trainer.is_global_zero:
            monitor = "last" if self.last else self.monitor
            how = {"epoch": trainer.current_epoch, "monitor": monitor, "presence": pl_module.presence}
            self.save(how | {"val": scores})
        if pl_module.improved:
            self.best, self.waited = score, 0
        else:
            self.waited += 1
            self._stop_if_waited(trainer)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must hold to go on from here."""
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what a checkpoint holds."""
        self.best, self.waited = state_dict["best"], state_dict["waited"]

    def _stop_if_waited(self, trainer: pl.Trainer) -> None:
        if self.patience and self.waited >= self.patience:
            trainer.should_stop = True

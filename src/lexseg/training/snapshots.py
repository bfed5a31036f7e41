"""Cycles of the learning rate, and the mean of the weights at the ends of cycles.

The second stage of MedCLIP-SAMv2 trains on pseudo-masks in three cycles whose rate stays flat in their last fifth,
keeps ten snapshots of each cycle, and averages their answers. Here the weights are averaged, which costs one network
and not thirty (OURS); the snapshots are kept beside it, for the mean and the entropy of their answers
(``lexseg pseudo-label --saliency mask``).
"""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from safetensors.torch import save

from lexseg.files import replace_file
from lexseg.training.callbacks import Average
from lexseg.training.config import OptimizerConfig
from lexseg.training.data_module import CaseDataModule
from lexseg.training.optimizer import FLAT
from lexseg.training.task import SegmentationTask

FOLDER = "snapshots"


def snapshot_steps(config: OptimizerConfig, steps: int, count: int) -> list[int]:
    """The steps, from 0, after which a snapshot is taken: ``count`` in the flat part of each cycle, the last its last.

    Args:
        config: with its cycles and warm-up.
        steps: of the run.
        count: snapshots of a cycle; fewer where its flat part has not so many steps.
    """
    warm = max(1, round(config.warmup * steps))
    found: set[int] = set()
    for cycle in range(config.cycles):
        for i in range(count):
            place = (cycle + 1 - FLAT + FLAT * (i + 1) / count) / config.cycles
            found.add(min(steps - 1, max(0, round(warm + place * (steps - warm)) - 1)))
    return sorted(found)


class SnapshotAverage(Average):
    """The mean of the snapshots' weights and buffers, each counted once; validation and the saved model use it.

    Until there is one, it is the weights as they are. Each snapshot is written to ``RUN/snapshots``.

    Args:
        config: of the rate.
        count: snapshots of a cycle.
        run: the run's folder.
    """

    def __init__(self, config: OptimizerConfig, count: int, run: Path) -> None:
        self.config, self.count, self.run = config, count, run
        self.steps: list[int] = []

        def average(averaged: Any, current: Any, n: Any) -> None:
            # every step before the first snapshot has been an update, and from then on every snapshot
            share = 1 / (max(0, int(n) - self.steps[0]) + 1)
            for mean, value in zip(averaged, current, strict=True):
                if mean.is_floating_point():
                    mean.lerp_(value.to(mean.dtype), share)
                else:
                    mean.copy_(value)

        super().__init__(multi_avg_fn=average)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Find out when snapshots are due."""
        data = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(data, CaseDataModule)
        self.steps = snapshot_steps(self.config, data.total_steps(trainer.world_size), self.count)
        super().setup(trainer, pl_module, stage)

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        """After every step before the first snapshot, and after each snapshot."""
        return step_idx is not None and (step_idx < self.steps[0] or step_idx in self.steps)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Average, and write a snapshot that is due."""
        new = trainer.global_step > self._latest_update_step
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        step = trainer.global_step - 1
        if new and step in self.steps and trainer.is_global_zero:
            assert isinstance(pl_module, SegmentationTask)
            state = {k: v.detach().cpu().contiguous().clone() for k, v in pl_module.model.state_dict().items()}
            (self.run / FOLDER).mkdir(exist_ok=True)
            replace_file(self.run / FOLDER / f"{self.steps.index(step):02d}.safetensors", save(state))

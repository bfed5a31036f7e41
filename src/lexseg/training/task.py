"""The training and validation step, as a Lightning module."""

from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.data.batch import Batch
from lexseg.errors import ConfigError, LexSegError
from lexseg.metrics.overlap import dice_from_counts, pixel_counts
from lexseg.models.base import SegmentationModel
from lexseg.training.config import TrainConfig
from lexseg.training.data_module import CaseDataModule, ValidationBatch
from lexseg.training.optimizer import build_optimizer


class DivergedError(LexSegError):
    """A loss or an output is no longer a number. What was best before stays in RUN/model."""


class SegmentationTask(pl.LightningModule):
    """Holds the network, weighs the losses and counts pixels in validation.

    Attributes:
        model: the network.
        config: the recipe.
        diverged: what is wrong, once a loss is no longer a number.
        validation: the scores of this epoch's validation; empty until it is done.
        improved: whether they are the best so far.
    """

    def __init__(self, model: SegmentationModel, config: TrainConfig) -> None:
        super().__init__()
        self.model, self.config = model, config
        if unknown := set(config.optimizer.loss_warmup) - set(model.loss_names):
            names = ", ".join(sorted(unknown))
            raise ConfigError(f"optimizer.loss_warmup names {names}; the losses are {', '.join(model.loss_names)}")
        self.diverged = ""
        self.validation: dict[str, float] = {}
        self.improved = False
        self._counts: list[Tensor] = []
        self._finite: list[Tensor] = []

    def on_train_epoch_start(self) -> None:
        """Make dropout and its like a function of seed, epoch and rank, so that a resumed epoch is the same epoch."""
        self.validation = {}
        torch.manual_seed((self.config.seed * 1_000_003 + self.current_epoch) * 1_009 + self.global_rank)

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """The sum of the model's losses; each is logged by its name."""
        losses = self.model.training_losses(batch.image, batch.text, batch.target)
        if set(losses) != set(self.model.loss_names):
            raise AssertionError(f"losses {sorted(losses)} are not the configured {sorted(self.model.loss_names)}")
        losses = {name: value * self._ramp(name) for name, value in losses.items()}
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            # noted, not raised: all devices must end together
            values = ", ".join(f"{name} {float(value.detach()):.4g}" for name, value in losses.items())
            self.diverged = f"the loss is not finite in epoch {self.current_epoch}, step {self.global_step} ({values})"
        for name, value in (losses | {"total": total}).items():
            size = len(batch.ids)
            self.log(f"loss/{name}", value.detach(), on_step=False, on_epoch=True, batch_size=size, sync_dist=True)
        return total

    def validation_step(self, batch: ValidationBatch, batch_index: int) -> None:
        """Count pixels at each mask's own size."""
        logits = self.model(batch.image, batch.text).logits.float()
        self._finite.append(logits.isfinite().all())
        for mask, one, counted in zip(batch.masks, logits, batch.counted, strict=True):
            if counted:
                native = F.interpolate(one[None], size=mask.shape[-2:], mode="bilinear", align_corners=False)
                self._counts.append(pixel_counts(native, mask))

    def scores(self) -> dict[str, float]:
        """Validation Dice over all devices, under both aggregations, and start counting anew.

        Raises:
            DivergedError: the model's output is not finite.
        """
        counts = torch.stack(self._counts).cpu()  # int64[N, 3]
        sums = torch.cat([counts.sum(0), torch.tensor([len(counts), sum(not f for f in self._finite)])]).double()
        sums = torch.cat([dice_from_counts(counts).double().sum()[None], sums])
        self._counts, self._finite = [], []
        if self.trainer.world_size > 1:
            reduced = self.trainer.strategy.reduce(sums.to(self.device), reduce_op="sum")
            assert isinstance(reduced, Tensor)
            sums = reduced.cpu()
        if sums[5]:
            raise DivergedError(f"the model's output is not finite in the validation of epoch {self.current_epoch}")
        self.validation = {"per_image": float(sums[0] / sums[4]), "pooled": float(dice_from_counts(sums[1:4]))}
        return self.validation

    def configure_optimizers(self) -> Any:
        """AdamW and its schedule, over the real number of steps."""
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(data, CaseDataModule)
        steps = data.steps(self.trainer.world_size) * self.config.trainer.epochs
        optimizer, schedule = build_optimizer(self.model, self.config.optimizer, steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _ramp(self, name: str) -> float:
        epochs = self.config.optimizer.loss_warmup.get(name, 0.0)
        return 1.0 if epochs <= 0 else min(1.0, (self.current_epoch + 1) / (epochs + 1))

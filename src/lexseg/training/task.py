"""The training and validation step, as a Lightning module."""

from dataclasses import replace
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.data.batch import Batch
from lexseg.data.dataset import Sample, collate
from lexseg.errors import LexSegError
from lexseg.metrics.overlap import dice_from_counts, pixel_counts
from lexseg.models.base import SegmentationModel
from lexseg.text.collate import TextPipeline
from lexseg.training.config import TrainConfig
from lexseg.training.optimizer import build_optimizer


class DivergedError(LexSegError):
    """A loss is no longer a number. What was best before stays in RUN/model."""


class SegmentationTask(pl.LightningModule):
    """Holds the network, weighs the losses and counts pixels in validation.

    Args:
        model: the network.
        text: turns sentences into a ``TextBatch``; run here, not in the reading processes, so that a frozen encoder
            meets each sentence once.
        config: the recipe.
    """

    def __init__(self, model: SegmentationModel, text: TextPipeline, config: TrainConfig) -> None:
        super().__init__()
        self.model, self.config = model, config
        self._text = (text,)  # in a tuple: a frozen text encoder is no submodule, and is not saved
        if unknown := set(config.optimizer.loss_warmup) - set(model.loss_names):
            raise LexSegError(f"optimizer.loss_warmup names {sorted(unknown)}; the losses are {list(model.loss_names)}")
        self.counts: list[Tensor] = []

    def on_before_batch_transfer(self, batch: list[Sample], dataloader_idx: int) -> Batch | list[Sample]:
        """Put training samples into a batch; validation samples keep their masks at their own sizes."""
        return collate(batch, self._text[0]) if self.trainer.training else batch

    def transfer_batch_to_device(
        self, batch: Batch | list[Sample], device: torch.device, dataloader_idx: int
    ) -> Batch | list[Sample]:
        """Move a batch, images channels-last where so configured."""
        return self._on_device(batch, device) if isinstance(batch, Batch) else batch

    def _on_device(self, batch: Batch, device: torch.device) -> Batch:
        batch = batch.to(device)
        if self.config.trainer.channels_last:
            batch = replace(batch, image=batch.image.contiguous(memory_format=torch.channels_last))
        return batch

    def on_train_epoch_start(self) -> None:
        """Make dropout and its like a function of seed, epoch and rank, so that a resumed epoch is the same epoch."""
        torch.manual_seed((self.config.seed * 1_000_003 + self.current_epoch) * 1_009 + self.global_rank)

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """The sum of the model's losses; each is logged by its name."""
        losses = self.model.training_losses(batch.image, batch.text, batch.target)
        if set(losses) != set(self.model.loss_names):
            raise AssertionError(f"losses {sorted(losses)} are not the configured {sorted(self.model.loss_names)}")
        losses = {name: value * self._ramp(name) for name, value in losses.items()}
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            values = ", ".join(f"{name} {float(value):.4g}" for name, value in losses.items())
            raise DivergedError(
                f"the loss is not finite in epoch {self.current_epoch}, step {self.global_step} ({values}); "
                "lower optimizer.lr, or train with trainer.precision 32-true"
            )
        for name, value in (losses | {"total": total}).items():
            self.log(f"loss/{name}", value.detach(), on_step=False, on_epoch=True, batch_size=len(batch.ids))
        return total

    def validation_step(self, batch: list[Sample], batch_index: int) -> None:
        """Count pixels at each mask's own size."""
        tensors = self._on_device(collate([_without_mask(s) for s in batch], self._text[0]), self.device)
        logits = self.model(tensors.image, tensors.text).logits.float()
        for sample, one in zip(batch, logits, strict=True):
            mask = sample.mask[None].to(one.device)
            native = F.interpolate(one[None], size=mask.shape[-2:], mode="bilinear", align_corners=False)
            self.counts.append(pixel_counts(native, mask))

    def scores(self) -> dict[str, float]:
        """Validation Dice over all devices, under both aggregations, and start counting anew."""
        counts = torch.stack(self.counts).double() if self.counts else torch.zeros(0, 3, dtype=torch.float64)
        self.counts = []
        sums = torch.cat(
            [dice_from_counts(counts).double().sum()[None], counts.sum(0), counts.new_tensor([len(counts)])]
        )
        total = self.trainer.strategy.reduce(sums.to(self.device), reduce_op="sum")
        assert isinstance(total, Tensor)
        return {"per_image": float(total[0] / total[4].clamp(min=1)), "pooled": float(dice_from_counts(total[1:4]))}

    def configure_optimizers(self) -> Any:
        """AdamW and its schedule, over the real number of steps."""
        optimizer, schedule = build_optimizer(
            self.model, self.config.optimizer, int(self.trainer.estimated_stepping_batches)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _ramp(self, name: str) -> float:
        epochs = self.config.optimizer.loss_warmup.get(name, 0.0)
        return 1.0 if epochs <= 0 else min(1.0, (self.current_epoch + 1) / (epochs + 1))


def _without_mask(sample: Sample) -> Sample:
    """The sample without its mask, whose size differs from case to case."""
    blank = torch.zeros(1, 1, 1)
    return Sample(sample.image, sample.text, blank, blank.bool(), sample.case)

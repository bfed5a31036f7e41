"""The training and validation step, as a Lightning module."""

from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn

from lexseg.errors import ConfigError, LexSegError
from lexseg.metrics.calibration import auroc
from lexseg.metrics.overlap import dice_from_counts, pixel_counts
from lexseg.models.base import SegmentationModel
from lexseg.models.inputs import to_image
from lexseg.training.batch import Batch
from lexseg.training.calibration import fit_presence, found
from lexseg.training.config import TrainConfig
from lexseg.training.data_module import CaseDataModule, ValidationBatch
from lexseg.training.optimizer import build_optimizer
from lexseg.training.regimes.base import Regime
from lexseg.training.regimes.stream import Both


class DivergedError(LexSegError):
    """A loss or an output is no longer a number. What was best before stays in RUN/model."""


class SegmentationTask(pl.LightningModule):
    """Holds the network, weighs the losses and counts pixels in validation.

    Attributes:
        model: the network.
        config: the recipe.
        diverged: what is wrong, once a loss is no longer a number.
        validation: the scores of this epoch's validation; empty until it is done.
        presence: calibration of the last validation; ``None`` where there was nothing to calibrate.
        improved: whether they are the best so far.
        regime: what trains the network on images without a mask, too; ``None`` where its own losses do.
        extras: what only that needs.
    """

    def __init__(self, model: SegmentationModel, config: TrainConfig, regime: Regime | None = None) -> None:
        super().__init__()
        self.model, self.config, self.regime = model, config, regime
        self.extras = nn.ModuleDict({} if regime is None else regime.modules())
        self.loss_names = model.loss_names if regime is None else regime.loss_names
        if unknown := set(config.optimizer.loss_warmup) - set(self.loss_names):
            names = ", ".join(sorted(unknown))
            raise ConfigError(f"optimizer.loss_warmup names {names}; the losses are {', '.join(self.loss_names)}")
        self.diverged = ""
        self.validation: dict[str, float] = {}
        self.improved = False
        self.presence: dict[str, float] | None = None
        self._counts: list[Tensor] = []
        self._presence: list[Tensor] = []
        self._known: list[Tensor] = []
        self._finite: list[Tensor] = []

    def on_train_epoch_start(self) -> None:
        """Make dropout and its like a function of seed, epoch and rank, so that a resumed epoch is the same epoch."""
        self.validation = {}
        torch.manual_seed((self.config.seed * 1_000_003 + self.current_epoch) * 1_009 + self.global_rank)

    def on_train_start(self) -> None:
        """Everything is in its place, and resumed where it was."""
        if self.regime is not None:
            self.regime.start()

    def training_step(self, batch: Batch | Both, batch_index: int) -> Tensor:
        """The sum of the losses; each is logged by its name."""
        labelled, unlabelled = (batch.labelled, batch.unlabelled) if isinstance(batch, Both) else (batch, None)
        if self.regime is None:
            losses = self.model.training_losses(labelled.image, labelled.text, labelled.target)
        else:
            losses = self.regime.losses(labelled, unlabelled, self.global_step)
        if set(losses) != set(self.loss_names):
            raise AssertionError(f"losses {sorted(losses)} are not the configured {sorted(self.loss_names)}")
        losses = {name: value * self._ramp(name) for name, value in losses.items()}
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            # noted, not raised: all devices must end together
            values = ", ".join(f"{name} {float(value.detach()):.4g}" for name, value in losses.items())
            self.diverged = f"the loss is not finite in epoch {self.current_epoch}, step {self.global_step} ({values})"
        for name, value in (losses | {"total": total}).items():
            size = len(labelled.ids)
            self.log(f"loss/{name}", value.detach(), on_step=False, on_epoch=True, batch_size=size, sync_dist=True)
        return total

    def on_train_batch_end(self, outputs: Any, batch: Batch | Both, batch_index: int) -> None:
        """What a regime does once the step is taken; the running average has followed by then."""
        if self.regime is not None:
            labelled, unlabelled = (batch.labelled, batch.unlabelled) if isinstance(batch, Both) else (batch, None)
            self.regime.after_step(labelled, unlabelled, self.global_step - 1)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """With what a regime counts, and its optimisers."""
        if self.regime is not None:
            checkpoint["regime"] = dict(self.regime.state())

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from what the regime has written into a checkpoint."""
        if self.regime is not None:
            self.regime.restore(checkpoint["regime"])

    def validation_step(self, batch: ValidationBatch, batch_index: int) -> None:
        """Count pixels at each mask's own size; of a target that nobody has drawn, only what is found."""
        prediction = self.model(batch.image, batch.text)
        logits, presence = prediction.logits.float(), prediction.presence
        presence = logits.new_full((len(logits),), torch.nan) if presence is None else presence.float()
        finite = logits.isfinite().all() & (prediction.presence is None or presence.isfinite().all())
        self._finite.append(finite.int())
        self._presence.append(presence)
        # float[B, 2]: whether the target is there (NaN: unknown), and whether the mask is its truth
        self._known.append(presence.new_tensor([batch.present, batch.located]).T)
        for mask, one, counted in zip(batch.masks, logits, batch.counted, strict=True):
            native = to_image(one[None], (mask.shape[-2], mask.shape[-1]), self.config.data.fit)
            counts = pixel_counts(native, mask)
            self._counts.append(counts if counted else torch.full_like(counts, -1))

    def scores(self) -> dict[str, float]:
        """Scores of the validation over all devices, and start counting anew.

        Presence is calibrated first, and where it denies a target the mask counts as empty: what the saved model does.

        Returns:
            Dice ``per_image`` and ``pooled`` of the cases whose mask is known; where targets are absent also ``n_acc``
            and ``t_acc`` (the shares of cases without and with a target that are answered so, whoever has drawn it or
            not), and of a model that answers it ``presence_auroc``.

        Raises:
            DivergedError: the model's output is not finite.
        """
        counts = self._gathered(torch.stack(self._counts))  # int64[N, 3]
        presence = self._gathered(torch.cat(self._presence))
        known = self._gathered(torch.cat(self._known))
        finite = self._gathered(torch.stack(self._finite))
        self._counts, self._presence, self._known, self._finite = [], [], [], []
        if not finite.all():
            raise DivergedError(f"the model's output is not finite in the validation of epoch {self.current_epoch}")
        counted = counts[:, 0] >= 0
        counted &= known[:, 0].isfinite()  # of the others nothing can be scored
        counts, presence, known = counts[counted], presence[counted], known[counted]
        there, located = known[:, 0] == 1, known[:, 1] == 1
        answers = not bool(presence.isnan().any())
        if answers:
            self.presence = fit_presence(presence.numpy(), there.numpy())
            kept = torch.from_numpy(found(presence.numpy(), self.presence))
            nothing = torch.stack([0 * counts[:, 0], 0 * counts[:, 1], counts[:, 0] + counts[:, 2]], 1)
            counts = torch.where(kept[:, None], counts, nothing)
        scores = {
            "per_image": float(dice_from_counts(counts[located]).double().mean()),
            "pooled": float(dice_from_counts(counts[located].sum(0))),
        }
        if not there.all():
            answered = counts[:, 0] + counts[:, 1] > 0
            scores["n_acc"] = float((~answered[~there]).double().mean())
            if there.any():
                scores["t_acc"] = float(answered[there].double().mean())
                if answers:
                    scores["presence_auroc"] = auroc(presence.numpy(), there.numpy())
        self.validation = scores
        return scores

    @property
    def logged(self) -> dict[str, float]:
        """This epoch's validation scores by the names under which they are logged."""
        dice = ("per_image", "pooled")
        return {f"val/dice_{k}" if k in dice else f"val/{k}": value for k, value in self.validation.items()}

    def _gathered(self, values: Tensor) -> Tensor:
        """Those of all devices, which hold equally many, on the CPU."""
        if self.trainer.world_size > 1:
            shares = [torch.empty_like(values) for _ in range(self.trainer.world_size)]
            torch.distributed.all_gather(shares, values)
            values = torch.cat(shares)
        return values.cpu()

    def configure_optimizers(self) -> Any:
        """The optimiser and its schedule, over the real number of steps."""
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(data, CaseDataModule)
        steps = data.total_steps(self.trainer.world_size)
        further = [] if self.regime is None else self.regime.parameters()
        optimizer, schedule = build_optimizer(self.model, self.config.optimizer, steps, further)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _ramp(self, name: str) -> float:
        epochs = self.config.optimizer.loss_warmup.get(name, 0.0)
        return 1.0 if epochs <= 0 else min(1.0, (self.current_epoch + 1) / (epochs + 1))

"""The third yardstick: one round of one's own masks (Lee, Pseudo-Label, 2013)."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from lexseg.losses.segmentation import segmentation_losses
from lexseg.losses.target import Target
from lexseg.models.base import SegmentationModel
from lexseg.training.batch import Batch
from lexseg.training.config import TrainConfig
from lexseg.training.regimes.base import Regime
from lexseg.training.regimes.stream import Unlabelled


class SelfTraining(Regime):
    """Train on the labels; then let what was learnt draw masks, and train on both.

    Args:
        model, config: as of every regime.
        first: share of the steps that goes before, on labels alone.
        sure: an image's mask is kept where the mean probability within it is more; one that is empty is not.
    """

    needs_teacher = True

    def __init__(self, model: SegmentationModel, config: TrainConfig, *, first: float = 0.5, sure: float = 0.9) -> None:
        super().__init__(model, config)
        if not 0 < first < 1 or not 0 <= sure < 1:
            raise ValueError(f"first and sure are shares, not {first} and {sure}")
        self.begin, self.sure = round(first * self.steps), sure
        self.labeller = deepcopy(model).requires_grad_(False)
        self.loss_names = (*model.loss_names, "pseudo")

    def modules(self) -> dict[str, nn.Module]:
        return {"labeller": self.labeller}

    def losses(self, labelled: Batch, unlabelled: Unlabelled | None, step: int) -> dict[str, Tensor]:
        assert unlabelled is not None
        losses = self.model.training_losses(labelled.image, labelled.text, labelled.target)
        if step < self.begin:
            return losses | {"pseudo": 0 * sum(losses.values(), start=torch.zeros(()))}
        if step == self.begin:
            self.labeller.load_state_dict(self.teacher().state_dict())
        target = self.drawn(unlabelled)
        found = unlabelled.back(self.model(unlabelled.second, unlabelled.second_text).logits)
        terms = segmentation_losses(found, target)
        return losses | {"pseudo": self.config.regime.weight * (terms["dice"] + terms["bce"])}

    @torch.no_grad()
    def drawn(self, unlabelled: Unlabelled) -> Target:
        """The labeller's masks in the first view; of an image that it is not sure of nothing is known."""
        probability = self.labeller.eval()(unlabelled.image, unlabelled.text).logits.float().sigmoid()
        mask = (probability > 0.5).float()
        area = mask.sum((1, 2, 3))
        sure = ((probability * mask).sum((1, 2, 3)) / area.clamp(min=1) > self.sure) & (area > 0)
        return Target(mask, unlabelled.valid & sure.view(-1, 1, 1, 1))

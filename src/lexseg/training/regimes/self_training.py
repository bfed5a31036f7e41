"""The third yardstick: one's own masks (Lee, Pseudo-Label, 2013)."""

from contextlib import nullcontext
from copy import deepcopy

import torch
from torch import Tensor, nn

from lexseg.losses.segmentation import segmentation_losses
from lexseg.losses.target import Target
from lexseg.models.base import SegmentationModel
from lexseg.training.batch import Batch
from lexseg.training.config import TrainConfig
from lexseg.training.regimes.base import Regime
from lexseg.training.regimes.cut_mix import cut_mix
from lexseg.training.regimes.norms import frozen_norms
from lexseg.training.regimes.stream import Unlabelled
from lexseg.training.regimes.words import without_words


class SelfTraining(Regime):
    """Train on the labels; then let what was learnt draw masks, and train on both.

    Args:
        model, config: as of every regime.
        first: share of the steps that goes before, on labels alone.
        generations: how often, evenly over the steps that are left, the running average of the weights becomes what
            draws the masks; 0 is before each of them.
        sure: an image's mask is kept where the mean probability within it is more; one that is empty is not.
        mixed: probability that a rectangle of another unlabelled image is laid over an image, their masks likewise.
            Such an image is asked about without words. Above 0, the batch norms of the model leave their statistics
            as the labelled images have them.
    """

    needs_teacher = True

    def __init__(
        self,
        model: SegmentationModel,
        config: TrainConfig,
        *,
        first: float = 0.5,
        generations: int = 1,
        sure: float = 0.9,
        mixed: float = 0.0,
    ) -> None:
        super().__init__(model, config)
        if not 0 < first < 1 or not 0 <= sure < 1 or not 0 <= mixed <= 1:
            raise ValueError(f"first, sure and mixed are shares, not {first}, {sure} and {mixed}")
        if generations < 0:
            raise ValueError(f"generations is a number of 0 or more, not {generations}")
        self.begin, self.sure, self.mixed = round(first * self.steps), sure, mixed
        left = self.steps - self.begin
        self.renewals = {self.begin + left * i // generations for i in range(generations)}
        self.kept = deepcopy(model).requires_grad_(False) if generations else None
        self.loss_names = (*model.loss_names, "pseudo")

    def modules(self) -> dict[str, nn.Module]:
        return {} if self.kept is None else {"labeller": self.kept}

    def reads(self, step: int) -> bool:
        return step >= self.begin

    def losses(self, labelled: Batch, unlabelled: Unlabelled | None, step: int) -> dict[str, Tensor]:
        assert unlabelled is not None
        losses = self.model.training_losses(labelled.image, labelled.text, labelled.target)
        if not self.reads(step):
            return losses | {"pseudo": 0 * sum(losses.values(), start=torch.zeros(()))}
        if self.kept is not None and step in self.renewals:
            self.kept.load_state_dict(self.teacher().state_dict())
        mask, valid = (unlabelled.back(found) for found in self.drawn(unlabelled))
        image, words = unlabelled.second, unlabelled.second_text
        if self.mixed:
            layers = torch.cat([image, mask, valid.to(image.dtype)], 1)
            layers, chosen = cut_mix(layers, self.mixed, self.generator(step, "mixed"))
            image, mask, valid = layers[:, :3], layers[:, 3:4], layers[:, 4:] > 0.5
            words = without_words(words, chosen)
        # it is there, wherever: of a mask that is empty where it is sure nothing is learnt
        target = Target(mask, valid, present=mask.new_ones(len(mask)))
        with frozen_norms(self.model) if self.mixed else nullcontext():
            terms = segmentation_losses(self.model(image, words).logits, target)
        return losses | {"pseudo": self.config.regime.weight * (terms["dice"] + terms["bce"])}

    @torch.no_grad()
    def drawn(self, unlabelled: Unlabelled) -> tuple[Tensor, Tensor]:
        """Masks in the first view, float[B, 1, H, W], and where they count, bool[B, 1, H, W]; nowhere if not sure."""
        labeller = self.teacher() if self.kept is None else self.kept.eval()
        probability = labeller(unlabelled.image, unlabelled.text).logits.float().sigmoid()
        mask = (probability > 0.5).float()
        area = mask.sum((1, 2, 3))
        sure = ((probability * mask).sum((1, 2, 3)) / area.clamp(min=1) > self.sure) & (area > 0)
        return mask, unlabelled.valid & sure.view(-1, 1, 1, 1)

"""The second yardstick: agree with the running average of one's own weights (Tarvainen and Valpola, 2017)."""

import torch
from torch import Tensor

from lexseg.models.base import SegmentationModel
from lexseg.training.batch import Batch
from lexseg.training.config import TrainConfig
from lexseg.training.regimes.base import Regime, disagreement
from lexseg.training.regimes.stream import Unlabelled


class MeanTeacher(Regime):
    """The model sees the second view of an unlabelled image, and shall find what the average finds in the first.

    The average is that of ``trainer.ema``, batch norms' statistics included: it is also what is validated and saved.
    """

    needs_teacher = True

    def __init__(self, model: SegmentationModel, config: TrainConfig) -> None:
        super().__init__(model, config)
        self.loss_names = (*model.loss_names, "agreement")

    def losses(self, labelled: Batch, unlabelled: Unlabelled | None, step: int) -> dict[str, Tensor]:
        assert unlabelled is not None
        losses = self.model.training_losses(labelled.image, labelled.text, labelled.target)
        with torch.no_grad():
            taught = self.teacher()(unlabelled.image, unlabelled.text).logits.sigmoid()
        found = unlabelled.back(self.model(unlabelled.second, unlabelled.second_text).logits).sigmoid()
        return losses | {"agreement": self.weight(step) * disagreement(found, taught, unlabelled.valid)}

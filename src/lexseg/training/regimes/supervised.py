"""The first yardstick: the same labels, and nothing else."""

from torch import Tensor

from lexseg.models.base import SegmentationModel
from lexseg.training.batch import Batch
from lexseg.training.config import TrainConfig
from lexseg.training.regimes.base import Regime
from lexseg.training.regimes.stream import Unlabelled


class Supervised(Regime):
    """The model's own losses on what has masks; what has none is not read.

    With ``trainer.steps`` of another regime's run it is that regime's yardstick at equal steps, with more of them at
    equal time.
    """

    two_streams = False

    def __init__(self, model: SegmentationModel, config: TrainConfig) -> None:
        super().__init__(model, config)
        self.loss_names = model.loss_names

    def losses(self, labelled: Batch, unlabelled: Unlabelled | None, step: int) -> dict[str, Tensor]:
        return self.model.training_losses(labelled.image, labelled.text, labelled.target)

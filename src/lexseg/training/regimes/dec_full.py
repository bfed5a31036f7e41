"""DEC-Seg with its own network: two scales with a decoder each, one that reads both, and the same losses.

Zhou et al., arXiv 2312.16039. The network is :class:`lexseg.models.two_scales.TwoScales`, and is what is saved: it sees
every image at two sizes, which takes about half as long again.
"""

from torch import Tensor

from lexseg.encoders.text.batch import TextBatch
from lexseg.models.base import SegmentationModel
from lexseg.models.two_scales import TwoScales
from lexseg.training.batch import Batch
from lexseg.training.regimes.dec import DualScale


class DualScaleFull(DualScale):
    """As :class:`DualScale`, where each scale has a decoder, and the fused answer one of its own.

    The masks teach all three answers, whichever terms are switched off.

    Args:
        model: a U-Net or an M2SNet whose image encoder gives a pyramid.
        config: as of every regime.
        scales, lights, generation: as of :class:`DualScale`.
    """

    def taught(self, model: SegmentationModel) -> tuple[str, ...]:
        self.two = TwoScales.around(model)
        return self.two.loss_names

    def network(self) -> SegmentationModel:
        return self.two

    def supervised(self, labelled: Batch) -> tuple[dict[str, Tensor], list[Tensor]]:
        found = self.answers(labelled.image, labelled.image, labelled.text)
        return self.two.losses_of(found, labelled.target), found

    def answers(self, image: Tensor, small: Tensor, text: TextBatch) -> list[Tensor]:
        """Logits float[B, 1, H, W] of full scale, of half scale of ``small``, and fused."""
        self.two.check_size(image)
        return self.two.answers(self.two.encode_scales(image, small).repeated(len(text) // len(image)))

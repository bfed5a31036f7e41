"""Two scales that agree, two lights that agree, and an image made of each mask.

DEC-Seg (Zhou et al., Dual-scale enhanced and cross-generative consistency learning, arXiv 2312.16039) in a form that
wraps any model (OURS): the same weights see the image at both scales, where the published network has a decoder for
each, and one more that fuses them. Its losses are the published ones (FOUND); what is ours is marked.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.segmentation import dice_and_entropy
from lexseg.models.base import SegmentationModel
from lexseg.models.parts.batch_statistics import statistics_not_kept
from lexseg.training.batch import Batch
from lexseg.training.config import TrainConfig
from lexseg.training.regimes.base import Regime, disagreement
from lexseg.training.regimes.generator import ImageGenerator
from lexseg.training.regimes.stream import Unlabelled
from lexseg.training.regimes.views import jitter, turned


class DualScale(Regime):
    """Consistency between scales and between lights, and cross-generation.

    An image is asked about at full and at about half its size (a multiple of the model's stride); the fused answer is
    the mean of both in logits (OURS; as published, a decoder of its own). An unlabelled image is seen in two lights,
    the two scales of the second in lights of their own (FOUND). What is saved is asked at full scale alone, so that
    the running statistics of batch norms follow that alone (OURS; as published, they are of both).

    Args:
        model, config: as of every regime.
        scales: agreement of full and half scale, on all images. The half and the fused answer are supervised with it.
        lights: agreement of the two views, at each scale and fused.
        generation: an image made of the fused logits of one view shall be the other. The generators see logits alone,
            never words, or the sentence would draw the image. Alone it is solved by a blank mask and a mean image.
    """

    def __init__(
        self,
        model: SegmentationModel,
        config: TrainConfig,
        *,
        scales: bool = True,
        lights: bool = True,
        generation: bool = True,
    ) -> None:
        super().__init__(model, config)
        self.scales, self.lights, self.generation = scales, lights, generation
        self.generators = nn.ModuleList(ImageGenerator() for _ in range(2 if generation else 0))
        agreeing = ("scales",) * scales + ("lights",) * lights + ("generation",) * generation
        self.loss_names = (*self.taught(model), *agreeing)

    def taught(self, model: SegmentationModel) -> tuple[str, ...]:
        """Make what is to be taught by masks; the names of its losses."""
        return (*model.loss_names, *["half", "fused"] * self.scales)

    def modules(self) -> dict[str, nn.Module]:
        return {"generators": self.generators} if self.generation else {}

    def parameters(self) -> list[nn.Parameter]:
        return list(self.generators.parameters())

    def losses(self, labelled: Batch, unlabelled: Unlabelled | None, step: int) -> dict[str, Tensor]:
        assert unlabelled is not None
        losses, found = self.supervised(labelled)
        weight, terms = self.weight(step), []
        if self.scales:
            terms.append(disagreement(found[0].sigmoid(), found[1].sigmoid(), labelled.target.valid))
        if not self.loss_names[len(losses) :]:
            return losses
        valid = unlabelled.valid
        small = jitter(unlabelled.image, self.config.regime.view, self.generator(step, "half"))
        small = turned(small, unlabelled.mirrored, unlabelled.flipped)
        clean = self.answers(unlabelled.image, unlabelled.image, unlabelled.text)
        lit = [unlabelled.back(m) for m in self.answers(unlabelled.second, small, unlabelled.second_text)]
        if self.scales:
            terms += [disagreement(full.sigmoid(), half.sigmoid(), valid) for full, half, _ in (clean, lit)]
            losses["scales"] = weight * torch.stack(terms).sum()
        if self.lights:
            pairs = zip(clean, lit, strict=True)
            losses["lights"] = weight * sum(
                (disagreement(a.sigmoid(), b.sigmoid(), valid) for a, b in pairs),
                start=torch.zeros((), device=valid.device),
            )
        if self.generation:
            one = disagreement(self.generators[0](clean[-1]), unlabelled.back(unlabelled.second), valid)
            other = disagreement(self.generators[1](lit[-1]), unlabelled.image, valid)
            losses["generation"] = weight * (one + other)
        return losses

    def supervised(self, labelled: Batch) -> tuple[dict[str, Tensor], list[Tensor]]:
        """What is learnt of masks, and where scales shall agree the answers about their images."""
        losses = self.model.training_losses(labelled.image, labelled.text, labelled.target)
        if not self.scales:
            return losses, []
        found = self.answers(labelled.image, labelled.image, labelled.text)
        target = labelled.target
        return losses | {
            n: dice_and_entropy(m, target) for n, m in zip(("half", "fused"), found[1:], strict=True)
        }, found

    def answers(self, image: Tensor, small: Tensor, text: TextBatch) -> list[Tensor]:
        """Logits float[B, 1, H, W] at full scale, at half scale of ``small`` (of the same size), and fused.

        Where the scales shall not agree there is only the full one.
        """
        size = (image.shape[-2], image.shape[-1])
        full = self._ask(image, text)
        if not self.scales:
            return [full]
        reduced = F.interpolate(small, self.half_size(size), mode="bilinear", antialias=True, align_corners=False)
        with statistics_not_kept(self.model):
            found = self._ask(reduced, text)
        half = F.interpolate(found, size, mode="bilinear", align_corners=False)
        return [full, half, (full + half) / 2]

    def _ask(self, image: Tensor, text: TextBatch) -> Tensor:
        return self.model.decode(self.model.encode_for(image, text), text).logits.float()

    def half_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Half of each side, as a multiple of the model's stride."""
        stride = self.model.stride
        height, width = (max(1, round(0.5 * side / stride)) * stride for side in size)
        return height, width

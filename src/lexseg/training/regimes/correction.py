"""Hide what was found, fill the hole, and look again.

SCL-SSL (Zhang et al., Self-supervised correction learning, MICCAI 2021, arXiv 2301.04866), written from descriptions of
paper and released code (FOUND; the latter has no licence). This is the form that costs nothing once it is trained
(OURS): gates act on every second labelled batch, and the model is saved without them.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.text.batch import TextBatch
from lexseg.models.base import SegmentationModel
from lexseg.training.batch import Batch
from lexseg.training.config import TrainConfig
from lexseg.training.regimes.base import Regime
from lexseg.training.regimes.gates import Gates, Inpainter, encoder_gives, pyramid_of
from lexseg.training.regimes.stream import Unlabelled

LEAST, MOST = 0.002, 0.6
"""Shares of the image: a mask that is smaller or larger is not hidden."""


class Correction(Regime):
    """Gates mix the encoder's maps of an image with those of it with the found target hidden.

    An inpainting decoder that reads no words fills the hole from the gated maps. As published, the mask that says what
    to fill is cut off from its gradient, so that unlabelled images teach the encoder and the gates, and the
    segmentation decoder nothing (FOUND).

    Args:
        model, config: as of every regime; the model's image encoder must give a pyramid.
        begin: share of the steps on labels alone: early masks are arbitrary (OURS).
        gated: whether labelled batches pass the gates.
        inpaint: whether unlabelled images are filled.
    """

    def __init__(
        self,
        model: SegmentationModel,
        config: TrainConfig,
        *,
        begin: float = 0.2,
        gated: bool = True,
        inpaint: bool = True,
    ) -> None:
        super().__init__(model, config)
        self.begin, self.gated, self.inpaint = round(begin * self.steps), gated, inpaint
        channels = pyramid_of(model).channels
        self.gates, self.inpainter = Gates(channels), Inpainter(channels)
        self.loss_names = (*model.loss_names, *["inpainting"] * inpaint)

    def modules(self) -> dict[str, nn.Module]:
        return {"gates": self.gates, "inpainter": self.inpainter}

    def parameters(self) -> list[nn.Parameter]:
        return [*self.gates.parameters(), *self.inpainter.parameters()]

    def losses(self, labelled: Batch, unlabelled: Unlabelled | None, step: int) -> dict[str, Tensor]:
        assert unlabelled is not None
        image, text, target = labelled.image, labelled.text, labelled.target
        if step < self.begin or not self.gated or step % 2:
            losses = self.model.training_losses(image, text, target)
        else:
            first = text if len(text) == len(image) else None  # of several sentences none says what to hide
            gated = self._look_again(image, first)[0]
            with encoder_gives(self.model, gated):
                losses = self.model.training_losses(image, text, target)
        if self.inpaint:
            nothing = 0 * torch.stack(list(losses.values())).sum() + self.idle().to(image.device)
            filled = nothing if step < self.begin else self.filling(unlabelled)
            losses["inpainting"] = nothing + self.weight(step) * filled
        return losses

    def filling(self, unlabelled: Unlabelled) -> Tensor:
        """Mean absolute error of what is put in the hole, at every scale; 0 where nothing is hidden."""
        gated, hidden = self._look_again(unlabelled.image, unlabelled.text)
        hidden = hidden * unlabelled.valid
        total = torch.zeros((), device=hidden.device)
        for made in self.inpainter(gated):
            size = made.shape[-2:]
            truth = F.interpolate(unlabelled.image, size, mode="bilinear", antialias=True, align_corners=False)
            hole = F.adaptive_avg_pool2d(hidden, size)
            total = total + ((made - truth).abs().mean(1, keepdim=True) * hole).sum() / hole.sum().clamp(min=1)
        return total

    def _look_again(self, image: Tensor, text: TextBatch | None) -> tuple[list[Tensor], Tensor]:
        """The gated maps, and float[B, 1, H, W], 1 where something was hidden.

        The hidden parts take the mean colour of the batch, not black: on a chest film black is air.
        """
        maps = self._pyramid(image)
        hidden = torch.zeros_like(image[:, :1])
        if text is not None:
            with torch.no_grad(), encoder_gives(self.model, maps):
                hidden = (self.model(image, text).logits > 0).float()
            share = hidden.mean((1, 2, 3), keepdim=True)
            hidden = hidden * ((share >= LEAST) & (share <= MOST))
        again = torch.where(hidden > 0, image.mean((0, 2, 3), keepdim=True), image)
        return self.gates(maps, self._pyramid(again)), hidden

    def _pyramid(self, image: Tensor) -> list[Tensor]:
        normalize = getattr(self.model, "normalize")  # noqa: B009  # every model with a pyramid has one
        maps: list[Tensor] = pyramid_of(self.model)(normalize(image))
        return maps

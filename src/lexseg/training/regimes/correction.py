"""Hide what was found, fill the hole, and look again.

SCL-SSL (Zhang et al., Self-supervised correction learning, MICCAI 2021, arXiv 2301.04866), written from descriptions of
paper and released code (FOUND; the latter has no licence). Gates act on every second labelled batch, so that the first
look stays true (OURS). The model is saved without them, which costs nothing once it is trained (OURS), or with them.
"""

import contextlib
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.models.base import SegmentationModel
from lexseg.models.corrected import Corrected
from lexseg.models.corrected.gates import encoder_gives, pyramid_of
from lexseg.models.parts.batch_statistics import statistics_not_kept
from lexseg.training.batch import Batch
from lexseg.training.config import TrainConfig
from lexseg.training.regimes.base import Regime
from lexseg.training.regimes.inpainter import Inpainter
from lexseg.training.regimes.stream import Unlabelled


class Correction(Regime):
    """Gates mix the encoder's maps of an image with those of it with the found target hidden.

    An inpainting decoder that reads no words fills the hole from the gated maps. As published, the mask that says what
    to fill is cut off from its gradient, so that unlabelled images teach the encoder and the gates, and the
    segmentation decoder nothing (FOUND).

    Args:
        model, config: as of every regime; the model's image encoder must give a pyramid.
        correct: ``train`` leaves the gates when training ends. ``both`` saves them with the model
            (:class:`lexseg.models.corrected.Corrected`), as published: it then looks twice at every image, which takes
            about twice as long, and validation scores the second look.
        begin: share of the steps on labels alone: early masks are arbitrary (OURS).
        gated: whether labelled batches pass the gates.
        inpaint: whether unlabelled images are filled.
    """

    def __init__(
        self,
        model: SegmentationModel,
        config: TrainConfig,
        *,
        correct: Literal["train", "both"] = "train",
        begin: float = 0.2,
        gated: bool = True,
        inpaint: bool = True,
    ) -> None:
        super().__init__(model, config)
        if correct not in ("train", "both") or (correct == "both" and not gated):
            raise ValueError(f"correct is {correct!r}; train or both was expected, and both needs gated: true")
        self.begin, self.gated, self.inpaint = round(begin * self.steps), gated, inpaint
        self.twice = Corrected.around(model)
        self.kept = correct == "both"
        self.inpainter = Inpainter(pyramid_of(model).channels)
        self.loss_names = (*model.loss_names, *["inpainting"] * inpaint)

    def network(self) -> SegmentationModel:
        return self.twice if self.kept else self.model

    def modules(self) -> dict[str, nn.Module]:
        return ({} if self.kept else {"gates": self.twice.gates}) | {"inpainter": self.inpainter}

    def parameters(self) -> list[nn.Parameter]:
        return [p for module in self.modules().values() for p in module.parameters()]

    def idle(self) -> Tensor:
        """Of the gates too where they are the network's own: on several devices every weight must have a gradient."""
        both = (self.twice.gates, self.inpainter)
        return torch.stack([0 * p.sum() for module in both for p in module.parameters()]).sum()

    def reads(self, step: int) -> bool:
        return self.inpaint and step >= self.begin

    def losses(self, labelled: Batch, unlabelled: Unlabelled | None, step: int) -> dict[str, Tensor]:
        assert unlabelled is not None
        begun = step >= self.begin
        asked = self.twice if begun and self.gated and not step % 2 else self.model
        with self.second_look() if asked is self.twice else contextlib.nullcontext():
            losses = asked.training_losses(labelled.image, labelled.text, labelled.target)
        if self.inpaint:
            nothing = 0 * torch.stack(list(losses.values())).sum() + self.idle().to(labelled.image.device)
            losses["inpainting"] = nothing + self.weight(step) * (self.filling(unlabelled) if begun else nothing)
        return losses

    def second_look(self) -> contextlib.AbstractContextManager[None]:
        """Images with a hole and gated maps move running statistics only where the saved model looks at them, too."""
        return contextlib.nullcontext() if self.kept else statistics_not_kept(self.model)

    def filling(self, unlabelled: Unlabelled) -> Tensor:
        """Mean absolute error of what is put in the hole, at every scale; 0 where nothing is hidden."""
        image, maps = unlabelled.image, self.twice.pyramid(unlabelled.image)
        with torch.no_grad(), encoder_gives(self.model, maps):
            first = self.model(image, unlabelled.text).logits
        with self.second_look():
            gated, hidden = self.twice.look_again(image, maps, first)
        hidden = hidden * unlabelled.valid
        total = torch.zeros((), device=hidden.device)
        for made in self.inpainter(gated):
            size = made.shape[-2:]
            truth = F.interpolate(image, size, mode="bilinear", antialias=True, align_corners=False)
            hole = F.adaptive_avg_pool2d(hidden, size)
            total = total + ((made - truth).abs().mean(1, keepdim=True) * hole).sum() / hole.sum().clamp(min=1)
        return total

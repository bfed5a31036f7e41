"""Patches against the whole image.

CLCC (Zhang, Zhang and Chen, ISBI 2022, arXiv 2202.04074): first what is seen of a place within the whole is told from
what is seen of other places, then a patch alone shall be answered as the whole is (FOUND). Written from a description;
what is ours is marked. The published similarities are of vectors of L1 length one, nearly all alike, and its
consistency is a sum of 25 cells: here L2, and a mean.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.text.batch import TextBatch, no_sentences
from lexseg.models.base import SegmentationModel
from lexseg.training.batch import Batch
from lexseg.training.config import TrainConfig
from lexseg.training.regimes.base import Regime, disagreement
from lexseg.training.regimes.norms import frozen_norms
from lexseg.training.regimes.stream import Unlabelled
from lexseg.training.regimes.words import each_repeated, feature_width


class CrossLevel(Regime):
    """First contrast, then consistency, of an image and of its patches.

    The sentence speaks of the whole, and a patch does not know where it lies: patches are asked without words, which
    teaches the wordless mode from the worded one (OURS). They run through batch norms that stay as they are.

    Args:
        model, config: as of every regime.
        grid: patches along a side; 0 is as many as the model's stride allows, and no more than seven.
        contrast: the first stage.
        consistency: the second.
        switch: share of the steps at which the second takes over; the stage that is left out lasts no step.
        temperature: of the contrast; .07 as published.
        strength: of the consistency, beside ``regime.weight``.
        patch_words: what a patch is asked with; ``own`` is the control.
        dim: width of the space of the contrast.
    """

    def __init__(
        self,
        model: SegmentationModel,
        config: TrainConfig,
        *,
        grid: int = 0,
        contrast: bool = True,
        consistency: bool = True,
        switch: float = 1 / 3,
        temperature: float = 0.1,
        strength: float = 2.0,
        patch_words: Literal["none", "own"] = "none",
        dim: int = 128,
    ) -> None:
        super().__init__(model, config)
        self.grid = grid
        for side in (config.data.size, *map(int, config.data.grow)):
            n = self.grid_of(side)
            if n < 2 or side % (n * model.stride):
                raise ValueError(
                    f"images of {side} px cannot be cut into {n} x {n} patches whose sides are divisible by "
                    f"{model.stride}; choose data.size, data.grow and grid so, such as 128 and 4"
                )
        self.contrast, self.consistency = contrast, consistency
        self.switch = 0 if not contrast else self.steps if not consistency else round(switch * self.steps)
        self.temperature, self.strength, self.patch_words = temperature, strength, patch_words
        self.projector = nn.Sequential()
        if contrast:
            width = feature_width(model)
            self.projector = nn.Sequential(nn.Linear(width, dim), nn.ReLU(), nn.Linear(dim, dim))
        self.loss_names = (*model.loss_names, *["contrast"] * contrast, *["consistency"] * consistency)

    def modules(self) -> dict[str, nn.Module]:
        return {"projector": self.projector} if self.contrast else {}

    def parameters(self) -> list[nn.Parameter]:
        return list(self.projector.parameters())

    def losses(self, labelled: Batch, unlabelled: Unlabelled | None, step: int) -> dict[str, Tensor]:
        assert unlabelled is not None
        losses = self.model.training_losses(labelled.image, labelled.text, labelled.target)
        nothing = 0 * torch.stack(list(losses.values())).sum() + self.idle().to(labelled.image.device)
        losses |= dict.fromkeys(self.loss_names[len(losses) :], nothing)
        if not (self.contrast or self.consistency):
            return losses
        each = len(labelled.text) // len(labelled.image)
        known = labelled.target.valid
        seen = torch.ones_like(labelled.target.mask).bool() if known is None else known
        asked = (
            (labelled.image.repeat_interleave(each, 0), labelled.text, seen),
            (unlabelled.image, unlabelled.text, unlabelled.valid),
        )
        if step < self.switch:
            terms = [self.contrast_loss(*batch) for batch in asked]
            losses["contrast"] = nothing + self.config.regime.weight * torch.stack(terms).mean()
        else:
            terms = [self.consistency_loss(*batch) for batch in asked]
            losses["consistency"] = nothing + self.weight(step) * self.strength * torch.stack(terms).mean()
        return losses

    def grid_of(self, side: int) -> int:
        """Patches along a side of so many pixels."""
        return self.grid or next((n for n in range(7, 1, -1) if side % (n * self.model.stride) == 0), 1)

    def contrast_loss(self, image: Tensor, text: TextBatch, valid: Tensor) -> Tensor:
        """InfoNCE: a cell of the whole against the patch of its place (no gradient) and the image's other patches.

        Args:
            image: float[B, 3, H, W].
            text: B sentences.
            valid: bool[B, 1, H, W]; cells of which less than half is seen have no say.
        """
        features, grid = self.model(image, text).features, self.grid_of(image.shape[-1])
        assert features is not None
        whole = F.adaptive_avg_pool2d(features.float(), grid).flatten(2).transpose(1, 2)
        with torch.no_grad(), frozen_norms(self.model):
            patches = self.model(*self.patches(image, text)).features.float().mean((2, 3))
            patches = self._embed(patches).unflatten(0, (len(image), -1))
        likeness = self._embed(whole) @ patches.transpose(1, 2) / self.temperature
        own = torch.arange(likeness.shape[1], device=image.device).expand(len(image), -1)
        each = F.cross_entropy(likeness.transpose(1, 2), own, reduction="none")
        counts = F.adaptive_avg_pool2d(valid.float(), grid).flatten(1) >= 0.5
        return (each * counts).sum() / counts.sum().clamp(min=1)

    def consistency_loss(self, image: Tensor, text: TextBatch, valid: Tensor) -> Tensor:
        """What a patch alone is answered, against what the whole is answered there (no gradient); a mean of pixels.

        Args:
            image: float[B, 3, H, W].
            text: B sentences.
            valid: bool[B, 1, H, W].
        """
        with torch.no_grad():
            whole = self.model(image, text).logits.sigmoid()
        with frozen_norms(self.model):
            alone = self.model(*self.patches(image, text)).logits.sigmoid()
        grid = self.grid_of(image.shape[-1])
        return disagreement(alone, cut(whole, grid), cut(valid, grid))

    def patches(self, image: Tensor, text: TextBatch) -> tuple[Tensor, TextBatch]:
        """All patches of each image, row by row, and what they are asked with."""
        grid = self.grid_of(image.shape[-1])
        n = grid**2
        words = each_repeated(text, n) if self.patch_words == "own" else no_sentences(text, len(image) * n)
        return cut(image, grid), words

    def _embed(self, x: Tensor) -> Tensor:
        return F.normalize(self.projector(x), dim=-1)


def cut(maps: Tensor, grid: int) -> Tensor:
    """float[B, C, H, W] as float[B * grid * grid, C, H / grid, W / grid], each image's patches row by row."""
    b, c, h, w = maps.shape
    patches = maps.reshape(b, c, grid, h // grid, grid, w // grid).permute(0, 2, 4, 1, 3, 5)
    return patches.reshape(b * grid * grid, c, h // grid, w // grid)

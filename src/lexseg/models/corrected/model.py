"""Another model, asked twice: about an image, and about it with what was found hidden."""

import torch
from torch import Tensor

from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.target import Target
from lexseg.models.base import Features, Prediction, SegmentationModel
from lexseg.models.corrected.gates import Gates, encoder_gives, pyramid_of
from lexseg.models.within import Around

LEAST, MOST = 0.002, 0.6
"""Shares of the image: a mask that is smaller or larger is not hidden."""


class Corrected(Around):
    """SCL-SSL's way of asking (Zhang et al., MICCAI 2021): find, hide what was found, and look again.

    The encoder sees the image, and the image with the first mask hidden. At each level gates mix both maps, and the
    same decoder reads them. As published, the third pass repeats the first; here its maps are kept (OURS).

    What is hidden takes the mean colour of its image, not black: on a chest film black is air (OURS).

    The model within must have an image encoder that gives a pyramid.
    """

    name = "corrected"

    def build(self, model: SegmentationModel) -> None:
        """The gates of each level."""
        self.gates = Gates(pyramid_of(model).channels)

    def encode_image(self, image: Tensor) -> Features:
        """The encoder's maps, and the image itself, of which a part will be hidden."""
        return Features.of([*self.pyramid(image), image], image)

    def decode(self, features: Features, text: TextBatch) -> Prediction:
        """The second look's answer; the first look's probabilities are among its maps."""
        *maps, image = features.maps
        with encoder_gives(self.base, maps):
            first = self.base(image, text).logits
        gated, _ = self.look_again(image, maps, first)
        with encoder_gives(self.base, gated):
            said: Prediction = self.base(image, text)
        said.maps["first look"] = first.sigmoid()
        return said

    def look_again(self, image: Tensor, maps: list[Tensor], first: Tensor | None) -> tuple[list[Tensor], Tensor]:
        """The gated maps, and float[B, 1, H, W], 1 where something was hidden.

        Args:
            image: float[B, 3, H, W] in 0..1.
            maps: of :meth:`pyramid`.
            first: logits float[B, 1, H, W], whose gradient is cut off; ``None`` hides nothing.
        """
        hidden = torch.zeros_like(image[:, :1]) if first is None else (first.detach() > 0).to(image.dtype)
        share = hidden.mean((1, 2, 3), keepdim=True)
        hidden = hidden * ((share >= LEAST) & (share <= MOST))
        again = torch.where(hidden > 0, image.mean((2, 3), keepdim=True), image)
        return self.gates(maps, self.pyramid(again)), hidden

    def training_losses(self, image: Tensor, text: TextBatch, target: Target) -> dict[str, Tensor]:
        """Those of the model that is asked, of its second look."""
        maps, first = self.pyramid(image), None
        if len(text) == len(image):  # of several sentences about an image none says what to hide
            with torch.no_grad(), encoder_gives(self.base, maps):
                first = self.base(image, text).logits
        gated, _ = self.look_again(image, maps, first)
        with encoder_gives(self.base, gated):
            return self.base.training_losses(image, text, target)

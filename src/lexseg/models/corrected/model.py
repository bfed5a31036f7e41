"""Another model, asked twice: about an image, and about it with what was found hidden."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lexseg.encoders.text.batch import EncodeText, TextBatch
from lexseg.losses.target import Target
from lexseg.models import create_model
from lexseg.models.base import Features, Prediction, SegmentationModel
from lexseg.models.corrected.gates import Gates, encoder_gives, pyramid_of
from lexseg.models.within import within

LEAST, MOST = 0.002, 0.6
"""Shares of the image: a mask that is smaller or larger is not hidden."""


class Corrected(SegmentationModel):
    """SCL-SSL's way of asking (Zhang et al., MICCAI 2021): find, hide what was found, and look again.

    The encoder sees the image, and the image with the first mask hidden. At each level gates mix both maps, and the
    same decoder reads them. As published, the third pass repeats the first; here its maps are kept (OURS).

    What is hidden takes the mean colour of its image, not black: on a chest film black is air (OURS).

    Args:
        of: the method of the model that is asked twice; its image encoder must give a pyramid.
        base: the keywords that it is built from.
        encoder_args, text_width, text_encoder: as its method takes them; these go before ``base``.
    """

    name = "corrected"

    def __init__(
        self,
        *,
        of: str,
        base: Mapping[str, Any],
        encoder_args: Mapping[str, Any] | None = None,
        text_width: int | None = None,
        text_encoder: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._stand_on(create_model(of, **within(of, base, encoder_args, text_width, text_encoder)))

    @classmethod
    def around(cls, model: SegmentationModel) -> "Corrected":
        """A model that is there already, with new gates."""
        made = cls.__new__(cls)
        SegmentationModel.__init__(made)
        made._stand_on(model)
        return made

    def _stand_on(self, model: SegmentationModel) -> None:
        self.base, self.gates = model, Gates(pyramid_of(model).channels)
        self.uses_text, self.stride = model.uses_text, model.stride  # type: ignore[misc]  # as that model is
        self.text_input, self.presence = model.text_input, model.presence
        self.loss_names, self.reads_swapped = model.loss_names, model.reads_swapped

    @staticmethod
    def configuration(of: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The keywords of such a model around one of the method ``of`` with these keywords."""
        words = ("text_width", "text_encoder")
        own = {name: arguments[name] for name in words if name in arguments}
        return {"of": of, "base": {k: v for k, v in arguments.items() if k not in words}} | own

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

    def pyramid(self, image: Tensor) -> list[Tensor]:
        """The image encoder's maps."""
        normalize = getattr(self.base, "normalize")  # noqa: B009  # every model with a pyramid has one
        maps: list[Tensor] = pyramid_of(self.base)(normalize(image))
        return maps

    def training_losses(self, image: Tensor, text: TextBatch, target: Target) -> dict[str, Tensor]:
        """Those of the model that is asked, of its second look."""
        maps, first = self.pyramid(image), None
        if len(text) == len(image):  # of several sentences about an image none says what to hide
            with torch.no_grad(), encoder_gives(self.base, maps):
                first = self.base(image, text).logits
        gated, _ = self.look_again(image, maps, first)
        with encoder_gives(self.base, gated):
            return self.base.training_losses(image, text, target)

    def training_text(self, encode: EncodeText) -> EncodeText:
        return self.base.training_text(encode)

    def image_layers(self) -> list[list[nn.Parameter]]:
        """Those of the model that is asked."""
        return self.base.image_layers()

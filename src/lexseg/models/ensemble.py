"""Several trained models of one method as one: each answers, and the mean of their probabilities counts."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lexseg.encoders.text.batch import TextBatch
from lexseg.errors import ModelError
from lexseg.losses.target import Target
from lexseg.models import create_model
from lexseg.models.base import Features, Prediction, SegmentationModel
from lexseg.models.within import within

_SURE = 1e-6  # a probability of 0 or 1 has no logit


class Ensemble(SegmentationModel):
    """The mean of its members, of which each is asked the same.

    Probabilities are averaged, not logits: a member that is sure and wrong then counts as one among many.

    Args:
        of: the members' method.
        members: how many.
        arguments: the keywords that each is built from.
        presence: of each member how its answer to "is it there?" is calibrated, ``scale`` and ``bias`` as in
            :class:`lexseg.models.io.ModelConfig`; ``None`` takes the answers as they are.
        encoder_args, text_width, text_encoder: as the members' method takes them; these go before ``arguments``.
    """

    name = "ensemble"

    def __init__(
        self,
        *,
        of: str,
        members: int,
        arguments: Mapping[str, Any],
        presence: Sequence[Mapping[str, float]] | None = None,
        encoder_args: Mapping[str, Any] | None = None,
        text_width: int | None = None,
        text_encoder: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if members < 1 or (presence is not None and len(presence) != members):
            raise ValueError("one member or more was expected, and a calibration for each")
        own = within(of, arguments, encoder_args, text_width, text_encoder)
        self.members = nn.ModuleList([create_model(of, **own) for _ in range(members)])
        first = self._each[0]
        self.uses_text, self.stride = first.uses_text, first.stride  # type: ignore[misc]  # as its members are
        self.text_input, self.presence = first.text_input, first.presence
        self.loss_names = ()
        self._calibration = [(1.0, 0.0)] * members
        if presence is not None:
            self._calibration = [(float(one["scale"]), float(one["bias"])) for one in presence]

    @property
    def _each(self) -> list[SegmentationModel]:
        return [member for member in self.members if isinstance(member, SegmentationModel)]

    def encode_image(self, image: Tensor) -> Features:
        encoded = [member.encode_image(image).maps for member in self._each]
        return Features.of([m for maps in encoded for m in maps], image)

    def decode(self, features: Features, text: TextBatch) -> Prediction:
        count = len(features.maps) // len(self.members)
        where: list[Tensor] = []
        there: list[Tensor] = []
        for k, (member, (scale, bias)) in enumerate(zip(self._each, self._calibration, strict=True)):
            said = member.decode(Features(features.maps[k * count : (k + 1) * count], features.size), text)
            where.append(said.logits.float().sigmoid())
            if said.presence is not None:
                there.append((said.presence.float() * scale + bias).sigmoid())
        presence = _logit(torch.stack(there).mean(0)) if there else None
        return Prediction(_logit(torch.stack(where).mean(0)), presence)

    def training_losses(self, image: Tensor, text: TextBatch, target: Target) -> dict[str, Tensor]:
        """None: its members are trained, each by itself."""
        raise ModelError("an ensemble is not trained: train its members, and join them anew")

    def image_layers(self) -> list[list[nn.Parameter]]:
        return [layer for member in self._each for layer in member.image_layers()]


def _logit(probability: Tensor) -> Tensor:
    return probability.clamp(_SURE, 1 - _SURE).logit()

"""Models within models: how the inner one is built from what the outer one is told."""

import inspect
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Self

from torch import Tensor, nn

from lexseg.encoders.text.batch import EncodeText
from lexseg.models import create_model, model_class
from lexseg.models.base import SegmentationModel

_WORDS = ("text_width", "text_encoder")


def within(
    of: str,
    base: Mapping[str, Any],
    encoder_args: Mapping[str, Any] | None,
    text_width: int | None,
    text_encoder: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The keywords of a model within another, which is told of encoders as every model is.

    Args:
        of: its method.
        base: its keywords as they are saved.
        encoder_args: as its method takes them; these go before its own, key by key.
        text_width: the same, where the outer one is told.
        text_encoder: the same.
    """
    own = dict(base)
    if encoder_args is not None and "encoder_args" in inspect.signature(model_class(of)).parameters:
        own["encoder_args"] = dict(own.get("encoder_args") or {}) | dict(encoder_args)
    own |= {} if text_width is None else {"text_width": text_width}
    return own if text_encoder is None else own | {"text_encoder": text_encoder}


class Around(SegmentationModel):
    """A model around one other, which a regime trains and saves in its place.

    Args:
        of: the method of the model within.
        base: the keywords that it is built from.
        encoder_args, text_width, text_encoder: as its method takes them; these go before ``base``.

    Attributes:
        base: the model within.
    """

    base: SegmentationModel

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
        self._take(create_model(of, **within(of, base, encoder_args, text_width, text_encoder)))

    @classmethod
    def around(cls, model: SegmentationModel) -> Self:
        """Around a model that is there already; what is added begins anew."""
        made = cls.__new__(cls)
        SegmentationModel.__init__(made)
        made._take(model)
        return made

    def _take(self, model: SegmentationModel) -> None:
        self.base = model
        self.uses_text, self.stride = model.uses_text, model.stride  # type: ignore[misc]  # as that model is
        self.text_input, self.presence = model.text_input, model.presence
        self.loss_names, self.reads_swapped = model.loss_names, model.reads_swapped
        self.build(model)

    @abstractmethod
    def build(self, model: SegmentationModel) -> None:
        """Make what is added to the model within."""

    @staticmethod
    def configuration(of: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The keywords of such a model around one of the method ``of`` with these keywords."""
        own = {name: arguments[name] for name in _WORDS if name in arguments}
        return {"of": of, "base": {k: v for k, v in arguments.items() if k not in _WORDS}} | own

    def pyramid(self, image: Tensor) -> list[Tensor]:
        """The maps of the image encoder within, at strides 4 to 32."""
        normalize, encoder = (self.base.get_submodule(name) for name in ("normalize", "encoder"))
        maps: list[Tensor] = encoder(normalize(image))
        return maps

    def training_text(self, encode: EncodeText) -> EncodeText:
        return self.base.training_text(encode)

    def image_layers(self) -> list[list[nn.Parameter]]:
        """Those of the model within."""
        return self.base.image_layers()

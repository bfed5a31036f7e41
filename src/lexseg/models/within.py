"""Models within models: how the inner one is built from what the outer one is told."""

import inspect
from collections.abc import Mapping
from typing import Any

from lexseg.models import model_class


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

"""Holding keywords from a recipe against the signature that is to take them, before anything is built."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from lexseg.errors import ModelError
from lexseg.models import model_class


def check_arguments(made: Callable[..., Any], arguments: Mapping[str, Any], where: str) -> None:
    """Refuse keywords that there are none of, and words that are none of a keyword's choices (its ``Literal``).

    Nothing else would: an unknown choice reads like the last of them, and the model is another than was asked for.

    Args:
        made: the class, or function, that is to take the keywords.
        arguments: what they are given.
        where: how a recipe calls the place, such as ``tmca: model``.

    Raises:
        ModelError: with the keyword, and what there is.
    """
    known = inspect.signature(made).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
    hints = get_type_hints(made.__init__ if inspect.isclass(made) else made)
    for keyword, value in arguments.items():
        if keyword not in known:
            if takes_any:
                continue
            raise ModelError(f"{where}.{keyword}: there is no such setting; there are {', '.join(known)}")
        choices = get_args(hints.get(keyword)) if get_origin(hints.get(keyword)) is Literal else ()
        if isinstance(value, str) and choices and value not in choices:
            raise ModelError(f"{where}.{keyword}: {value!r} is none of its choices: {', '.join(map(str, choices))}")


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

"""Holding keywords from a recipe against the signature that is to take them, before anything is built."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from lexseg.errors import ModelError


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

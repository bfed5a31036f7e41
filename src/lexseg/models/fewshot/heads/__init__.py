"""Heads by name, a small file each or for a family."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lexseg.errors import ConfigError

if TYPE_CHECKING:
    from lexseg.models.fewshot.heads.base import Head

HEADS: dict[str, str] = {
    "proto": "prototypes:Proto",
    "panet": "prototypes:PANet",
    "ridge": "ridge:Ridge",
    "anil": "gradient:ANIL",
    "maml": "gradient:MAML",
    "meta-sgd": "gradient:MetaSGD",
    "reptile": "gradient:Reptile",
    "guided": "guided:Guided",
    "finetune": "gradient:Finetune",
}


def create_head(name: str, channels: int, words: int = 0, **arguments: Any) -> "Head":
    """Build a head.

    Raises:
        ConfigError: there is none of that name, or it knows no such argument.
    """
    if name not in HEADS:
        raise ConfigError(f"no head is called {name!r}; there are: {', '.join(HEADS)}")
    module, _, attribute = HEADS[name].partition(":")
    build = getattr(import_module(f"lexseg.models.fewshot.heads.{module}"), attribute)
    try:
        head: Head = build(channels, words, **arguments)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"head {name}: {error}") from error
    return head

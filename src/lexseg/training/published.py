"""Training as published: with the faults of the code that a method's authors released, to show what they cost."""

import inspect
from dataclasses import replace
from typing import Any

from lexseg.errors import ConfigError
from lexseg.models import MODELS, model_class
from lexseg.training.config import TrainConfig


def as_published(config: TrainConfig) -> TrainConfig:
    """The same run with those faults: ``model.as_published``, and what the released code does to the data.

    Raises:
        ConfigError: the method has no such faults, as far as we know.
    """
    cls = model_class(config.method)
    if not has_faults(config.method):
        known = ", ".join(name for name in sorted(MODELS) if has_faults(name)) or "none"
        raise ConfigError(f"{config.method} has no variant as published, with faults of released code; {known} have")
    settings: dict[str, Any] = dict(cls.published_data)
    data = replace(config.data, fit="stretch", **settings)
    return replace(config, model=dict(config.model) | {"as_published": True}, data=data)


def has_faults(method: str) -> bool:
    """Whether a method has a variant as published."""
    return "as_published" in inspect.signature(model_class(method)).parameters

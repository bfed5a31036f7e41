"""Learning regimes by name: how images without a mask take part in the training of any model."""

from importlib import import_module
from typing import TYPE_CHECKING

from lexseg.errors import ConfigError

if TYPE_CHECKING:
    from lexseg.models.base import SegmentationModel
    from lexseg.training.config import TrainConfig
    from lexseg.training.regimes.base import Regime

NONE = "none"
"""No regime: training on what has a mask."""

REGIMES = {
    "supervised": "lexseg.training.regimes.supervised:Supervised",
    "mean-teacher": "lexseg.training.regimes.mean_teacher:MeanTeacher",
    "self-training": "lexseg.training.regimes.self_training:SelfTraining",
    "dec": "lexseg.training.regimes.dec:DualScale",
    "dec-full": "lexseg.training.regimes.dec_full:DualScaleFull",
    "cross-level": "lexseg.training.regimes.cross_level:CrossLevel",
    "correction": "lexseg.training.regimes.correction:Correction",
    "meta-pseudo": "lexseg.training.regimes.meta_pseudo:MetaPseudo",
}


def regime_class(kind: str) -> "type[Regime]":
    """The class of a regime.

    Raises:
        ConfigError: there is none of that name.
    """
    if kind not in REGIMES:
        raise ConfigError(f"regime.kind is {kind!r}; one of {', '.join([NONE, *REGIMES])} was expected")
    module, _, name = REGIMES[kind].partition(":")
    cls: type[Regime] = getattr(import_module(module), name)
    return cls


def create_regime(model: "SegmentationModel", config: "TrainConfig") -> "Regime | None":
    """What trains ``model`` as the recipe says; ``None`` where that is its own losses alone.

    Raises:
        ConfigError, ModelError: the regime, or one of its settings, cannot be used with this model.
    """
    if config.regime.kind == NONE:
        return None
    from lexseg.models.arguments import check_arguments

    cls = regime_class(config.regime.kind)
    check_arguments(cls, config.regime.args, "regime.args")
    try:
        return cls(model, config, **config.regime.args)
    except ValueError as error:
        raise ConfigError(f"regime.args of {config.regime.kind}: {error}") from error

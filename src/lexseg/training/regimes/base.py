"""The contract of learning regimes."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lexseg.errors import ConfigError
from lexseg.models.base import SegmentationModel
from lexseg.training.batch import Batch
from lexseg.training.config import TrainConfig
from lexseg.training.regimes.stream import Unlabelled


class Regime(ABC):
    """How a model is trained on what has masks and what has none.

    A regime wraps any :class:`SegmentationModel`; it is no method of its own. What only training needs is in
    :meth:`modules` and :meth:`state`: in the checkpoint, so that a run goes on exactly, and not in what is saved at the
    end. Its constructor's keywords, after the model and the recipe, are ``regime.args``.

    Attributes:
        two_streams: whether it learns from unlabelled images.
        needs_teacher: whether it asks the running average of the weights.
        one_device: whether its steps cannot be shared out among devices or batches.
        model: the network that is trained.
        config: the recipe.
        loss_names: the keys of :meth:`losses`, whatever the batches hold.
        teacher: gives the running average of the model, in evaluation mode; of the whole run there is one average.
    """

    two_streams: ClassVar[bool] = True
    needs_teacher: ClassVar[bool] = False
    one_device: ClassVar[bool] = False
    loss_names: tuple[str, ...]
    teacher: Callable[[], SegmentationModel]

    def __init__(self, model: SegmentationModel, config: TrainConfig) -> None:
        self.model, self.config, self.steps = model, config, config.trainer.steps
        if self.needs_teacher and not config.trainer.ema:
            raise ConfigError(
                f"regime {config.regime.kind} is taught by the running average of the weights, but trainer.ema is 0"
            )
        several = config.trainer.devices > 1 or config.trainer.num_nodes > 1 or config.trainer.accumulate > 1
        if self.one_device and several:
            raise ConfigError(
                f"regime {config.regime.kind} takes steps of its own: one device and trainer.accumulate 1 were expected"
            )

    @abstractmethod
    def losses(self, labelled: Batch, unlabelled: Unlabelled | None, step: int) -> dict[str, Tensor]:
        """Every term of a step, already weighted, so that their sum is the loss.

        Args:
            labelled: images whose masks are known.
            unlabelled: images whose masks are not; ``None`` for a regime of one stream.
            step: of the run, from 0.

        Returns:
            the terms by ``loss_names``, all finite; one with nothing to say is a zero that carries a gradient.
        """

    def after_step(self, labelled: Batch, unlabelled: Unlabelled | None, step: int) -> None:  # noqa: B027  # most do nothing
        """What follows the optimiser's step.

        Args:
            labelled: what it was taken on.
            unlabelled: the same, of the second stream.
            step: the one that was taken, from 0.
        """

    def reads(self, step: int) -> bool:
        """Whether it looks at unlabelled images at that step; where not they come as black ones, unread."""
        return self.two_streams

    def network(self) -> SegmentationModel:
        """What is trained, validated and, unless :meth:`finish` says otherwise, saved: the model, or one around it."""
        return self.model

    def modules(self) -> dict[str, nn.Module]:
        """What only training needs, by name. Made in the constructor; moved, averaged and saved with the run."""
        return {}

    def parameters(self) -> list[nn.Parameter]:
        """Of :meth:`modules`, what the run's optimiser trains, at the rate of the model's head."""
        return []

    def state(self) -> Mapping[str, Any]:
        """Counters and optimisers of its own, as tensors and plain values."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Take up what :meth:`state` gave."""

    def start(self) -> None:  # noqa: B027
        """Called once all modules are where they are trained."""

    def finish(self) -> SegmentationModel:
        """The network that is saved as the model: what was trained, or an average of it."""
        return self.network()

    def idle(self) -> Tensor:
        """A zero that carries a gradient to all of :meth:`parameters`, for a step that has no use for them."""
        return torch.stack([0 * p.sum() for p in self.parameters()]).sum() if self.parameters() else torch.zeros(())

    def progress(self, step: int) -> float:
        """How far the run is: 0 at its first step, 1 at its last."""
        return min(1.0, step / max(1, self.steps - 1))

    def weight(self, step: int) -> float:
        """What the terms of unlabelled images count: ``regime.weight``, after its ramp (Laine and Aila, 2017)."""
        r = self.config.regime
        t = 1.0 if r.ramp == 0 else min(1.0, self.progress(step) / r.ramp)
        return r.weight * math.exp(-5 * (1 - t) ** 2)

    def generator(self, step: int, name: str = "") -> torch.Generator:
        """Chance of a step: a function of the run's seed, the step and what it is for."""
        number = sum(ord(letter) * 31**i for i, letter in enumerate(name)) % 9_973
        return torch.Generator().manual_seed((self.config.seed * 1_000_003 + step) * 10_007 + number)


def disagreement(one: Tensor, other: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean squared difference of two maps of probabilities over the pixels that count.

    Args:
        one: float[B, C, H, W].
        other: the same.
        valid: bool[B, 1, H, W]; ``None`` is all.

    Returns:
        A number; 0, with a gradient, where no pixel counts.
    """
    squared = (one.float() - other.float()).square().mean(1, keepdim=True)
    if valid is None:
        return squared.mean()
    return (squared * valid).sum() / valid.sum().clamp(min=1)

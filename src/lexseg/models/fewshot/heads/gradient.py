"""Heads that take steps down a gradient: from where, and how far, is learnt over tasks.

MAML: Finn et al., 2017; ANIL: Raghu et al., 2020; Meta-SGD: Li et al., 2017; Reptile: Nichol et al., 2018. All of them
on the head alone: a second derivative through a whole network is nothing for a CPU.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.models.fewshot.heads.base import Head, Pixels, State, balanced_loss


class Stepping(Head):
    """Starts from its parameters and takes steps of SGD on a task's pixels.

    Args:
        channels, words: as of :class:`Head`; the words are not read.
        hidden: width between the features and the score; 0 goes straight.
        steps: how many.
        rate: of a step.
    """

    STEPS: ClassVar[int] = 10
    HIDDEN: ClassVar[int] = 0
    RATE: ClassVar[float] = 0.1
    LEARNS_RATES: ClassVar[bool] = False
    """Whether :meth:`rates` are learnt, one for each number of the parameters."""

    def __init__(
        self,
        channels: int,
        words: int = 0,
        *,
        hidden: int | None = None,
        steps: int | None = None,
        rate: float | None = None,
    ) -> None:
        super().__init__(channels, words)
        self.hidden = self.HIDDEN if hidden is None else hidden
        self.steps = self.STEPS if steps is None else steps
        self.rate = self.RATE if rate is None else rate
        if self.steps < 1 or self.rate <= 0 or self.hidden < 0:
            raise ValueError("one step or more, a rate above 0 and a width of 0 or more were expected")
        generator = torch.Generator().manual_seed(0)
        last = self.hidden or channels
        start: State = {"last": torch.zeros(last), "bias": torch.zeros(1)}
        if self.hidden:
            start["first"] = torch.randn(channels, self.hidden, generator=generator) * channels**-0.5
            start["first_bias"] = torch.zeros(self.hidden)
            start["last"] = torch.randn(last, generator=generator) * last**-0.5
        self.start = nn.ParameterDict({name: nn.Parameter(value) for name, value in start.items()})
        for name, value in start.items():
            self.register_buffer(name, value.clone())
        if self.LEARNS_RATES:
            self.speed = nn.ParameterDict(
                {name: nn.Parameter(torch.full_like(value, self.rate)) for name, value in self.start.items()}
            )

    def adapt(self, pixels: Pixels) -> State:
        """The parameters after the steps; second order where they are differentiated."""
        further = torch.is_grad_enabled()
        chosen = pixels.balanced(2000)
        with torch.enable_grad():
            state: State = {
                name: value if further else value.detach().requires_grad_() for name, value in self.start.items()
            }
            for _ in range(self.steps):
                loss = balanced_loss(self.score(chosen.values, state), chosen.labels)
                slopes = torch.autograd.grad(loss, list(state.values()), create_graph=further)
                state = {
                    name: value - self.rates(name) * slope
                    for (name, value), slope in zip(state.items(), slopes, strict=True)
                }
                if not further:
                    state = {name: value.detach().requires_grad_() for name, value in state.items()}
        return state

    def rates(self, name: str) -> Tensor | float:
        """How far a step goes."""
        return self.rate

    def score(self, values: Tensor, state: State) -> Tensor:
        """A straight function of the features, or of a hidden layer."""
        if self.hidden:
            values = F.relu(values @ state["first"] + state["first_bias"])
        return values @ state["last"] + state["bias"]


class ANIL(Stepping):
    """Ten steps on the last layer alone; from zero it is a logistic regression that stops early."""

    name = "anil"


class MAML(Stepping):
    """Two steps through two layers, from a start that was learnt for that."""

    name = "maml"
    must_learn = True
    STEPS, HIDDEN = 2, 32


class MetaSGD(MAML):
    """As MAML, with a learnt rate for each number."""

    name = "meta-sgd"

    LEARNS_RATES = True

    def rates(self, name: str) -> Tensor | float:
        """The learnt rates of one parameter's numbers."""
        rates: Tensor = self.speed[name]
        return rates


class Reptile(Stepping):
    """Ten steps of Adam; the start moves towards where they end (first order)."""

    name = "reptile"
    must_learn = True
    HIDDEN = 32
    RATE = 1e-3

    def adapt(self, pixels: Pixels) -> State:
        """The parameters after steps of Adam without momentum."""
        chosen = pixels.balanced(2000)
        with torch.enable_grad():
            state = {name: value.detach().clone().requires_grad_() for name, value in self.start.items()}
            optimiser = torch.optim.Adam(list(state.values()), lr=self.rate, betas=(0.0, 0.999))
            for _ in range(self.steps):
                optimiser.zero_grad()
                balanced_loss(self.score(chosen.values, state), chosen.labels).backward()
                optimiser.step()
        return {name: value.detach() for name, value in state.items()}

    def task_loss(self, support: Pixels, query: Pixels) -> Tensor:
        """Half the squared way from the start to where the steps end: its slope is Reptile's step.

        The query's pixels are labelled densely and belong to the task too: both are stepped on.
        """
        both = Pixels(
            torch.cat([support.values, query.values]),
            torch.cat([support.labels, query.labels]),
            torch.cat([support.image, query.image + support.image.max() + 1]),
        )
        ends = self.adapt(both)
        return torch.stack([(self.start[name] - end).square().sum() / 2 for name, end in ends.items()]).sum()


class Finetune(Stepping):
    """The yardstick: a new last layer, trained together with the whole network (:mod:`lexseg.fewshot.finetune`)."""

    name = "finetune"
    STEPS = 50
    RATE = 1e-3

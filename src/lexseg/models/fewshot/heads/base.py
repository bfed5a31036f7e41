"""The contract of heads: from a few labelled pixels to a score of any other."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

State = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Pixels:
    """Labelled pixels of the images that are taught from.

    Attributes:
        values: float[N, C], their features.
        labels: float[N], 1 on the target and 0 beside it.
        image: int64[N], which of the images each is of.
        words: float[D], the sentence that names the target; ``None`` where there is none.
    """

    values: Tensor
    labels: Tensor
    image: Tensor
    words: Tensor | None = None

    @property
    def shots(self) -> int:
        """How many images they are of."""
        return int(self.image.unique().numel())

    def of(self, chosen: Tensor) -> "Pixels":
        """Some of them, by index or by truth values."""
        return Pixels(self.values[chosen], self.labels[chosen], self.image[chosen], self.words)

    def balanced(self, most: int, seed: int = 0) -> "Pixels":
        """At most so many of each class, drawn evenly from the images."""
        generator = torch.Generator().manual_seed(seed)
        kept = []
        for label in (0.0, 1.0):
            places = torch.nonzero(self.labels == label)[:, 0]
            places = places[torch.randperm(len(places), generator=generator)]
            if len(places) > most:  # the first of each image, then the second of each, ...
                order = torch.argsort(self.image[places], stable=True)
                counts = torch.bincount(self.image[places])
                within = torch.cat([torch.arange(int(count)) for count in counts])
                places = places[order][torch.argsort(within, stable=True)[:most]]
            kept.append(places)
        return self.of(torch.cat(kept))


class Head(nn.Module, ABC):
    """Tells the target from the rest by pixels of both.

    Its parameters are what is learnt over many tasks (:mod:`lexseg.fewshot.learn`); what :meth:`adapt` makes of one
    task's pixels is its state, kept in buffers and saved with the model.

    Args:
        channels: of the features.
        words: width of a sentence's vector; 0 where the model reads none.

    Attributes:
        must_learn: whether it is nothing before it was learnt over tasks.
    """

    name: ClassVar[str]
    must_learn: ClassVar[bool] = False

    def __init__(self, channels: int, words: int = 0) -> None:
        super().__init__()
        self.channels, self.words = channels, words

    @abstractmethod
    def adapt(self, pixels: Pixels) -> State:
        """What one task's pixels make of the head. It can be differentiated by the parameters."""

    @abstractmethod
    def score(self, values: Tensor, state: State) -> Tensor:
        """Logits float[M] of the features float[M, C]."""

    def fit(self, pixels: Pixels) -> None:
        """Adapt to a task, for good."""
        self.keep(self.adapt(pixels))

    def keep(self, state: State) -> None:
        """Write a state into the buffers of the same names."""
        for name, value in state.items():
            buffer = getattr(self, name)
            buffer.copy_(value.detach().reshape(buffer.shape))

    def state(self) -> State:
        """The state that is kept."""
        return dict(self.named_buffers(recurse=False))

    def forward(self, features: Tensor) -> Tensor:
        """Logits float[B, 1, h, w] of float[B, C, h, w]."""
        batch, channels, height, width = features.shape
        flat = features.permute(0, 2, 3, 1).reshape(-1, channels)
        return self.score(flat, self.state()).view(batch, 1, height, width)

    def task_loss(self, support: Pixels, query: Pixels) -> Tensor:
        """What is learnt by: the cross-entropy of a query's pixels, both classes counting alike."""
        return balanced_loss(self.score(query.values, self.adapt(support)), query.labels)


def balanced_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy in which the two classes count alike; a class without a pixel counts nothing.

    Args:
        scores: float[N], logits.
        labels: float[N], 0 or 1.
    """
    loss = nn.functional.binary_cross_entropy_with_logits(scores, labels, reduction="none")
    halves = [(loss * side).sum() / side.sum().clamp(min=1) for side in (labels, 1 - labels)]
    return (halves[0] + halves[1]) / 2

"""Heads of prototypes: the mean of the target's pixels against the mean of the others'.

ProtoNet: Snell et al., 2017, for pixels as in Oliveira et al. (arXiv 2305.06912). PANet: Wang et al., ICCV 2019. The
word as a prior prototype is OURS.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.models.fewshot.heads.base import Head, Pixels, State, balanced_loss

MOST_SHOTS = 20


class Proto(Head):
    """Whichever of two means is nearer, by squared distance.

        p+ = (1 - a_k) mean of the target's pixels + a_k P(words),  logit = s (|x - p-|^2 - |x - p+|^2)

    With no images at all the words stand alone: a_0 is 1. P, s and a_k, of k images, are learnt over tasks; before that
    the words count nothing.

    Args:
        channels, words: as of :class:`Head`.
    """

    name = "proto"
    pos: Tensor
    neg: Tensor

    def __init__(self, channels: int, words: int = 0) -> None:
        super().__init__(channels, words)
        self.register_buffer("pos", torch.zeros(channels))
        self.register_buffer("neg", torch.zeros(channels))
        self.scale = nn.Parameter(torch.tensor(0.0))  # its logarithm
        self.word = nn.Linear(words, 2 * channels) if words else None
        self.trust = nn.Parameter(torch.full((MOST_SHOTS + 1,), -6.0)) if words else None

    def adapt(self, pixels: Pixels) -> State:
        """The two means; with words drawn towards what these say."""
        said = None if self.word is None or pixels.words is None else self.word(pixels.words).view(2, -1)
        if not len(pixels.values):
            if said is None:
                raise ValueError("without images a head needs words")
            return {"pos": said[0], "neg": said[1]}
        means = [_mean(pixels.values, pixels.labels == label) for label in (1, 0)]
        if said is not None and self.trust is not None:
            a = self.trust[min(pixels.shots, MOST_SHOTS)].sigmoid()
            means = [(1 - a) * mean + a * one for mean, one in zip(means, said, strict=True)]
        return {"pos": means[0], "neg": means[1]}

    def score(self, values: Tensor, state: State) -> Tensor:
        """The difference of two squared distances, which is a straight function of the features."""
        pos, neg = state["pos"], state["neg"]
        return self.scale.exp() * (2 * values @ (pos - neg) + neg.square().sum() - pos.square().sum())


class PANet(Proto):
    """Prototypes compared by angle: logit = 20 (cos(x, p+) - cos(x, p-)); learnt in both directions.

    While it is learnt, what it finds in the query makes prototypes in turn, which must find the support again.
    """

    name = "panet"
    SHARP: ClassVar[float] = 20.0

    def score(self, values: Tensor, state: State) -> Tensor:
        """The difference of two cosines."""
        unit = F.normalize(values, dim=1)
        towards = F.normalize(state["pos"], dim=0) - F.normalize(state["neg"], dim=0)
        return self.SHARP * self.scale.exp() * (unit @ towards)

    def task_loss(self, support: Pixels, query: Pixels) -> Tensor:
        """The query's loss, and that of the support by prototypes of what was found in the query."""
        scores = self.score(query.values, self.adapt(support))
        found = (scores.detach() > 0).float()
        loss = balanced_loss(scores, query.labels)
        if found.min() == found.max():  # one class alone makes no two prototypes
            return loss
        back = Proto.adapt(self, Pixels(query.values, found, query.image))
        return loss + balanced_loss(self.score(support.values, back), support.labels)


def _mean(values: Tensor, chosen: Tensor) -> Tensor:
    return values[chosen].mean(0)

"""Guided networks (Rakelly et al., 2018): the scores are conditioned on a pooled vector of each class."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.models.fewshot.heads.base import Head, Pixels, State


class Guided(Head):
    """A small network over a pixel, the two pooled vectors, and their products with it.

    The released code multiplies the three and expects more channels than its network gives; so they stand beside one
    another here (OURS).

    Args:
        channels, words: as of :class:`Head`; the words are not read.
        hidden: its width.
    """

    name = "guided"
    must_learn = True
    pos: Tensor
    neg: Tensor

    def __init__(self, channels: int, words: int = 0, *, hidden: int = 64) -> None:
        super().__init__(channels, words)
        self.register_buffer("pos", torch.zeros(channels))
        self.register_buffer("neg", torch.zeros(channels))
        self.first = nn.Linear(3 * channels, hidden)
        self.guide = nn.Linear(2 * channels, hidden)
        self.last = nn.Linear(hidden, 1)

    def adapt(self, pixels: Pixels) -> State:
        """The two pooled vectors."""
        return {name: pixels.values[pixels.labels == label].mean(0) for name, label in (("pos", 1), ("neg", 0))}

    def score(self, values: Tensor, state: State) -> Tensor:
        """Of the pixel, its products with both vectors, and the vectors."""
        pos, neg = state["pos"], state["neg"]
        seen = self.first(torch.cat([values, values * pos, values * neg], 1))
        scores: Tensor = self.last(F.relu(seen + self.guide(torch.cat([pos, neg]))))[:, 0]
        return scores

    def state(self) -> State:
        """The pooled vectors."""
        return {"pos": self.pos, "neg": self.neg}

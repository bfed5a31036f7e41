"""TMCA's language-guided target enhancement: where in the image the aligned words point (INFERRED)."""

import torch
from torch import Tensor, nn

from lexseg.losses.region_words import WORD_TEMPERATURE
from lexseg.models.parts.alignment import Projected


class RelevanceMap(nn.Module):
    """How much each cell is what the words mean, from the very projections that the alignment loss trains.

        A(x) = sigmoid((sum_n rho_n(x) cos(z(x), w_n) - b) / tau),  rho = softmax_n(cos(z(x), w_n) / 0.1),  tau = 0.1

    Needs no mask, so it works the same in training and inference.
    """

    def __init__(self, temperature: float = 0.1) -> None:
        super().__init__()
        self.temperature = temperature
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, level: Projected, mask: Tensor) -> Tensor:
        """Args: level; mask: bool[B, L]. Returns float[B, 1, h, w] in 0..1."""
        cosine = torch.einsum("bdhw,bnd->bnhw", level.pixels, level.words)
        attention = (cosine / WORD_TEMPERATURE).masked_fill(~mask[:, :, None, None], float("-inf")).softmax(1)
        score = (attention * cosine).sum(1, keepdim=True)
        return ((score - self.bias) / self.temperature).sigmoid()


class SkipGate(nn.Module):
    """F * (1 + g A): the words' relevance on a skip, closed (g = 0) until training opens it."""

    def __init__(self, gate: float = 0.0) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.tensor(gate))

    def forward(self, features: Tensor, relevance: Tensor) -> Tensor:
        return features * (1 + self.gate * relevance)

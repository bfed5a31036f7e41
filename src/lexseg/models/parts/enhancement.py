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
        images, _, h, w = level.pixels.shape
        count, length = mask.shape
        cells = level.pixels.flatten(2).transpose(1, 2)
        words = level.words.reshape(images, -1, level.words.shape[-1])
        cosine = (words @ cells.transpose(1, 2)).view(count, length, h * w)
        attention = (cosine / WORD_TEMPERATURE).masked_fill(~mask[:, :, None], float("-inf")).softmax(1)
        score = (attention * cosine).sum(1).view(count, 1, h, w)
        return ((score - self.bias) / self.temperature).sigmoid()


class SkipGate(nn.Module):
    """F * (1 + g A): the words' relevance on a skip, closed (g = 0) until training opens it.

    F is float[I, C, h, w] and A float[B, 1, h, w], the sentences about each image side by side; so is the result.
    """

    def __init__(self, gate: float = 0.0) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.tensor(gate))

    def forward(self, features: Tensor, relevance: Tensor) -> Tensor:
        open_ = (1 + self.gate * relevance).unflatten(0, (len(features), -1))
        return (features[:, None] * open_).flatten(0, 1)

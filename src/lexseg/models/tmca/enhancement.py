"""TMCA's language-guided target enhancement: where in the image the aligned words point (INFERRED)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.losses.alignment import Projected
from lexseg.losses.pooling import pyramid, size_of
from lexseg.losses.region_words import EPS, WORD_TEMPERATURE
from lexseg.losses.rows import absent_rows, row_weight
from lexseg.losses.segmentation import ABSENT_WEIGHT, case_mean
from lexseg.losses.target import Target


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
        """Args: level; mask: bool[B, L]. Returns float[B, 1, h, w], A before the sigmoid."""
        images, _, h, w = level.pixels.shape
        count, length = mask.shape
        cells = level.pixels.flatten(2)  # [I, d, h w]
        words = level.words if images == count else level.words.reshape(images, -1, level.words.shape[-1])
        cosine = (words @ cells).view(count, length, h * w)  # [B, L, h w]
        attention = (cosine / WORD_TEMPERATURE).masked_fill(~mask[:, :, None], float("-inf")).softmax(1)
        score = (attention * cosine).sum(1).view(count, 1, h, w)  # [B, 1, h, w]
        logits: Tensor = (score - self.bias) / self.temperature
        return logits


def relevance_loss(logits: Sequence[Tensor], target: Target, *, absent_weight: float = ABSENT_WEIGHT) -> Tensor:
    """How badly relevance maps point at what the words mean: the mean over the levels.

        present: (sum M log(1 + e^-z) / sum M + sum (1 - M) log(1 + e^z) / sum (1 - M)) / 2
        absent:  absent_weight * mean log(1 + e^z)

    Cross-entropy, in which target and background of each image count the same: a Dice of what is not there says nothing
    of how sure the map is. Taken of logits, so that a map that is sure and wrong is mended, too.

    Args:
        logits: float[B, 1, h, w] each, z.
        target: the truth, M its share of a cell; what is not ``valid`` counts nowhere, nor do rows of which nothing is
            known (:func:`lexseg.losses.rows.row_weight`).
        absent_weight: how much more a row counts whose target is absent.
    """
    shares = pyramid(target.mask.float(), map(size_of, logits))
    known = {} if target.valid is None else pyramid(target.valid.float(), shares)
    absent, total = absent_rows(target), target.mask.new_zeros((), dtype=torch.float32)
    for z in logits:
        z, share = z.float(), shares[size_of(z)]
        rest = ((known[size_of(z)] if known else 1.0) - share).clamp(min=0)
        there = (F.softplus(-z) * share).sum((1, 2, 3)) / share.sum((1, 2, 3)).clamp(min=EPS)
        beside = (F.softplus(z) * rest).sum((1, 2, 3)) / rest.sum((1, 2, 3)).clamp(min=EPS)
        each = torch.where(absent, absent_weight * beside, 0.5 * (there + beside))
        total = total + case_mean(each, row_weight(target)) / len(logits)
    return total


class SkipGate(nn.Module):
    """F * (1 + g A): the words' relevance on a skip, closed (g = 0) until training opens it.

    F is float[I, C, h, w] and A float[B, 1, h, w], the sentences about each image side by side; so is the result.
    """

    def __init__(self, gate: float = 0.0) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.tensor(gate))

    def forward(self, features: Tensor, relevance: Tensor) -> Tensor:
        open_ = 1 + self.gate * relevance  # [B, 1, h, w]
        if features.shape[0] == relevance.shape[0]:
            return features * open_
        gated: Tensor = features[:, None] * open_.unflatten(0, (features.shape[0], -1))
        return gated.flatten(0, 1)

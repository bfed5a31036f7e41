"""How near a region of a map is to a sentence (INFERRED, 2.3; docs/explanation/tmca.md)."""

import torch
from torch import Tensor
from torch.nn import functional as F

WORD_TEMPERATURE = 0.1
EPS = 1e-6


def prototype(pixels: Tensor, weight: Tensor) -> Tensor:
    """The unit vector of a weighted region: norm(sum_x M z / (sum_x M + eps)).

    Args:
        pixels: float[I, d, h, w], unit vectors; B is a multiple of I, and the regions of an image stand side by side.
        weight: float[B, 1, h, w], not negative. All ones is global average pooling.

    Returns:
        float[B, d].
    """
    with torch.autocast(pixels.device.type, enabled=False):
        cells = pixels.flatten(2).transpose(1, 2).float()
        share = weight.float().reshape(len(pixels), -1, cells.shape[1])
        mean = share @ cells / (share.sum(-1, keepdim=True) + EPS)
    return F.normalize(mean, dim=-1).flatten(0, 1)


def similarity(region: Tensor, words: Tensor, sentence: Tensor, mask: Tensor) -> Tensor:
    """Word-sensitive similarity between every region and every sentence (2.3).

        sim(i, j) = 0.5 cos(v_i, t_j) + 0.5 sum_n pi_n cos(v_i, w_jn),  pi = softmax_n(cos(v_i, w_jn) / 0.1)

    Args:
        region: float[B, d], of unit norm, as all here.
        words: float[B, L, d].
        sentence: float[B, d].
        mask: bool[B, L].

    Returns:
        float[B, B], region i against sentence j; one minus it is the semantic distance.
    """
    best = _best_words(torch.einsum("id,jnd->ijn", region, words), mask[None])
    return 0.5 * region @ sentence.T + 0.5 * best


def own_similarity(region: Tensor, words: Tensor, sentence: Tensor, mask: Tensor) -> Tensor:
    """:func:`similarity` between each region and the sentence of the same row alone: float[B]."""
    best = _best_words(torch.einsum("id,ind->in", region, words), mask)
    return 0.5 * (region * sentence).sum(-1) + 0.5 * best


def _best_words(cosine: Tensor, mask: Tensor) -> Tensor:
    """The mean of the cosines over the words, float[..., L] -> float[...]: the nearer a word, the more it counts."""
    attention = (cosine / WORD_TEMPERATURE).masked_fill(~mask, float("-inf")).softmax(-1)
    return (attention * cosine).sum(-1)

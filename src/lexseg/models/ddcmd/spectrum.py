"""DD-CMD's spectral half: the energy of each channel's frequencies and the sentence decide how a map is scaled."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def dct_matrix(n: int, *, device: torch.device | None = None) -> Tensor:
    """The orthonormal DCT-II as a matrix, float[n, n]; row k is the cosine of k half periods.

        M[k, i] = c_k cos(pi (i + 1/2) k / n),  c_0 = sqrt(1 / n), else sqrt(2 / n)

    Reference: Ahmed, Natarajan and Rao, Discrete cosine transform, 1974.
    """
    place = (torch.arange(n, device=device) + 0.5) * (math.pi / n)
    waves = (torch.arange(n, device=device)[:, None] * place).cos() * math.sqrt(2 / n)
    return torch.cat([waves[:1] * math.sqrt(0.5), waves[1:]])


def dct(x: Tensor) -> Tensor:
    """The two-dimensional DCT-II of each map, float[B, C, h, w]; sums of squares stay what they were."""
    rows, columns = (dct_matrix(n, device=x.device).to(x.dtype) for n in x.shape[-2:])
    return rows @ x @ columns.transpose(0, 1)


class SpectralModulation(nn.Module):
    """Scales and shifts each channel by its spectrum and the sentence (CODE).

        e = mean_uv sigmoid(G_uv) DCT(X)_uv^2, float[C];   (a, b) = tanh MLP([e, W t])
        answer = LN(X (1 + a) + b)

    The change is one of the image domain: the frequencies are measured, not altered. G is half open at the start, by
    which e is half of each channel's mean square, whatever its frequencies are, until training tells them apart.

    Args:
        dim: width of the map.
        text_dim: width of the sentence.
        frequencies: side of G; where a map has another size, G is stretched over its frequencies (OURS).
    """

    def __init__(self, dim: int, text_dim: int, frequencies: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(1, 1, frequencies, frequencies))
        self.text = nn.Linear(text_dim, dim)
        hidden = max(32, dim)
        self.mix = nn.Sequential(nn.Linear(2 * dim, hidden), nn.GELU(), nn.Linear(hidden, 2 * dim))
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, sentence: Tensor) -> Tensor:
        """Args: x: float[B, C, h, w]; sentence: float[B, D]. Returns float[B, C, h, w]."""
        told = self.mix(torch.cat([self.energy(x), self.text(sentence)], 1)).tanh()[..., None, None]
        scale, shift = told.chunk(2, 1)
        moved = x * (1 + scale) + shift
        answer: Tensor = self.norm(moved.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return answer

    def energy(self, x: Tensor) -> Tensor:
        """The weighted energy of each channel, float[B, C], of float[B, C, h, w]."""
        size = (x.shape[-2], x.shape[-1])
        weights: Tensor = self.weights
        if size != (weights.shape[-2], weights.shape[-1]):
            weights = F.interpolate(weights, size=size, mode="bilinear", align_corners=False)
        return (dct(x).square() * weights.sigmoid()).mean((2, 3))

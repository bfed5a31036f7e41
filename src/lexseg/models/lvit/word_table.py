"""How the released LViT lets words in: by their place in the sentence. For ``as_published`` alone."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.models.parts.unet_decoder import resize

TOKENS, SIDE = 10, 14


class WordTable(nn.Module):
    """A fixed number of words, position by position, becomes a map of 14x14 cells.

        t = Conv1d chain over tokens (width -> dims[-1] -> ... -> dims[0]);  ReLU(BN(Conv1d_{10 -> 196}(t)))

    The second convolution takes the place in the sentence for the channel and slides over the features: another wording
    with the same words at other places is another map.

    Args:
        width: of the words.
        dims: widths of the transformer's levels; the first is what comes out.
    """

    def __init__(self, width: int, dims: Sequence[int]) -> None:
        super().__init__()
        widths = [width, *reversed(dims)]
        self.chain = nn.Sequential(*(nn.Conv1d(a, b, 3, padding=1) for a, b in pairwise(widths)))
        self.place = nn.Conv1d(TOKENS, SIDE * SIDE, 3, padding=1)
        self.norm = nn.BatchNorm1d(SIDE * SIDE)
        # stands for the literal words "EOF XXX" that short sentences are filled with
        self.filler = nn.Parameter(torch.randn(width) * 0.02)

    def forward(self, words: Tensor, mask: Tensor, grid: tuple[int, int]) -> Tensor:
        """Args: words: float[B, L, width]; mask: bool[B, L]; grid: (h, w). Returns float[B, dims[0], h, w]."""
        short = max(0, TOKENS - words.shape[1])
        words = F.pad(words[:, :TOKENS], (0, 0, 0, short))
        mask = F.pad(mask[:, :TOKENS], (0, short))
        words = torch.where(mask[..., None], words, self.filler.to(words.dtype))
        tokens = self.chain(words.transpose(1, 2)).transpose(1, 2)  # [B, 10, dims[0]]
        cells = self.norm(self.place(tokens)).relu()  # [B, 196, dims[0]]
        return resize(cells.transpose(1, 2).unflatten(2, (SIDE, SIDE)), grid)

"""Is what the words name in this image? The head that answers, for every model that reads words.

Neither paper claims it; the generalised referring task asks for it (Liu et al., GRES, CVPR 2023, predict "no target"
beside the mask). Ours looks at the decoder's maps, which know the words already, at where the mask would lie and at
how sure it is.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lexseg.losses.pooling import pyramid, size_of


class PresenceHead(nn.Module):
    """One logit a sentence.

        h_l = GELU(Conv1x1(x_l));  p_l = sum_x softmax_x(logits) h_l;  g_l = mean_x h_l
        logit = MLP([p_1, g_1, ..., p_n, g_n, W s, max logits, mean sigmoid(logits)])

    Args:
        channels: widths of the maps.
        text_dim: width of the sentence.
        dim: width of each map's share.
    """

    def __init__(self, channels: Sequence[int], text_dim: int, dim: int = 32) -> None:
        super().__init__()
        self.maps = nn.ModuleList(nn.Sequential(nn.Conv2d(c, dim, 1), nn.GELU()) for c in channels)
        self.sentence = nn.Linear(text_dim, dim)
        width = (2 * len(channels) + 1) * dim + 2
        self.answer = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * dim), nn.GELU(), nn.Linear(2 * dim, 1))

    def forward(self, maps: Sequence[Tensor], logits: Tensor, sentence: Tensor) -> Tensor:
        """Say whether what the sentence names is in the image, from maps, mask and words.

        Args:
            maps: float[B, C, h, w] each, of the widths given.
            logits: float[B, 1, H, W], of the mask.
            sentence: float[B, D].

        Returns:
            float[B], logits.
        """
        parts = []
        quarter = (logits.shape[-2] // 4, logits.shape[-1] // 4)
        pooled = pyramid(logits, [quarter, *map(size_of, maps)])
        for project, x in zip(self.maps, maps, strict=True):
            hidden = project(x).permute(0, 2, 3, 1).flatten(1, 2)  # [B, h w, dim]
            where = pooled[size_of(x)].flatten(2).softmax(-1)  # [B, 1, h w]
            parts += [(where @ hidden.to(where.dtype)).squeeze(1), hidden.mean(1)]
        coarse = pooled[quarter]  # [B, 1, H/4, W/4]
        parts += [self.sentence(sentence), coarse.amax((2, 3)) / 10, coarse.sigmoid().mean((2, 3))]
        answer: Tensor = self.answer(torch.cat(parts, 1)).squeeze(1)
        return answer

"""Whether an image shows anything at all, whatever is asked (OURS).

What the words name is there only where anything is: P(named and there) = P(anything) P(named | anything). A presence
that is learnt with the network learns a small source of image-level labels by heart, so the first factor is a linear
probe of what the network has become, fitted when all else is trained (:mod:`lexseg.training.image_presence`).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_YES = 20.0  # before it is fitted it leaves the other answer as it is


class ImagePresence(nn.Module):
    """A linear probe of the two deepest maps' means, maxima and deviations.

        h = w [mean_x F; max_x F; std_x F, F of strides 16 and 32] + b

    Args:
        channels: of the two maps.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.answer = nn.Linear(3 * sum(channels), 1)
        nn.init.zeros_(self.answer.weight)
        nn.init.constant_(self.answer.bias, _YES)
        self.requires_grad_(False)  # nothing of it is trained with the network

    @staticmethod
    def pooled(maps: Sequence[Tensor]) -> Tensor:
        """What is read: float[I, C, h, w] of strides 4, 8, 16, 32 -> float32[I, 3 (C_16 + C_32)]."""
        read = []
        for x in (f.float() for f in maps[2:]):
            read += [x.mean((2, 3)), x.amax((2, 3)), x.std((2, 3), correction=0)]
        return torch.cat(read, 1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Answer: the maps -> float32[I], logits of "anything is there"."""
        with torch.autocast(maps[0].device.type, enabled=False):
            answer: Tensor = self.answer(self.pooled(maps)).squeeze(1)
        return answer


def both(one: Tensor, other: Tensor) -> Tensor:
    """The logit of sigmoid(one) sigmoid(other); float[B] each, or shapes that broadcast.

    1 / ((1 + e^-a) (1 + e^-b)) has the logit -log(e^-a + e^-b + e^-(a + b)).
    """
    a, b = torch.broadcast_tensors(one.float(), other.float())
    return -torch.logsumexp(torch.stack([-a, -b, -a - b]), 0)

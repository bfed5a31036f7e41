"""Whether an image shows anything at all, whatever is asked (OURS).

What the words name is there only where anything is: P(named and there) = P(anything) P(named | anything). A presence
that is learnt with the network learns a small source of image-level labels by heart, so the first factor is a linear
probe of what the network has become, fitted when all else is trained (:mod:`lexseg.training.image_presence`).
"""

import torch
from torch import Tensor, nn

_YES = 20.0  # before it is fitted it leaves the other answer as it is


class ImagePresence(nn.Module):
    """A linear probe of the deepest map's mean, maximum and deviation.

        h = w [mean_x F; max_x F; std_x F] + b

    Args:
        channels: of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.answer = nn.Linear(3 * channels, 1)
        nn.init.zeros_(self.answer.weight)
        nn.init.constant_(self.answer.bias, _YES)
        self.requires_grad_(False)  # nothing of it is trained with the network

    @staticmethod
    def pooled(deepest: Tensor) -> Tensor:
        """What is read: float[I, C, h, w] -> float32[I, 3 C]."""
        x = deepest.float()
        return torch.cat([x.mean((2, 3)), x.amax((2, 3)), x.std((2, 3), correction=0)], 1)

    def forward(self, deepest: Tensor) -> Tensor:
        """Answer: float[I, C, h, w] -> float32[I], logits of "anything is there"."""
        with torch.autocast(deepest.device.type, enabled=False):
            answer: Tensor = self.answer(self.pooled(deepest)).squeeze(1)
        return answer


def both(one: Tensor, other: Tensor) -> Tensor:
    """The logit of sigmoid(one) sigmoid(other); float[B] each, or shapes that broadcast.

    1 / ((1 + e^-a) (1 + e^-b)) has the logit -log(e^-a + e^-b + e^-(a + b)).
    """
    a, b = torch.broadcast_tensors(one.float(), other.float())
    return -torch.logsumexp(torch.stack([-a, -b, -a - b]), 0)

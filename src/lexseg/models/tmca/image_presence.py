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
    """A linear probe of the means, maxima and deviations of some of the encoder's maps.

        h = w [mean_x F; max_x F; std_x F, F of the strides read] + b
        P(anything) = 1 - P(kind) (1 - sigmoid(h))

    Of images of another kind than those it was fitted to it says nothing, that is, yes; whether an image is of this
    kind a second probe tells. A kind may be one hospital's films: what a probe of one source has
    learnt need not hold in another (docs/explanation/health.md).

    Args:
        channels: of the encoder's maps.
        read: which of them are read, by number.
        kind: which of them the second probe reads; without any, all images are of one kind.
    """

    def __init__(self, channels: Sequence[int], read: Sequence[int] = (2, 3), *, kind: Sequence[int] = ()) -> None:
        super().__init__()
        self.read, self.reads_kind = tuple(read), tuple(kind)
        self.answer = nn.Linear(3 * sum(channels[i] for i in self.read), 1)
        self.kind = nn.Linear(3 * sum(channels[i] for i in self.reads_kind), 1) if kind else None
        nn.init.zeros_(self.answer.weight)
        nn.init.constant_(self.answer.bias, _YES)
        if self.kind is not None:
            nn.init.zeros_(self.kind.weight)
            nn.init.constant_(self.kind.bias, _YES)
        self.requires_grad_(False)  # nothing of it is trained with the network

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Answer: float[I, C, h, w] of all strides -> float32[I, 2], logits of h and of P(kind)."""
        with torch.autocast(maps[0].device.type, enabled=False):
            answer: Tensor = self.answer(pooled([maps[i] for i in self.read]))
            if self.kind is None:
                return torch.cat([answer, torch.full_like(answer, _YES)], 1)
            return torch.cat([answer, self.kind(pooled([maps[i] for i in self.reads_kind]))], 1)


def anything(said: Tensor) -> Tensor:
    """The logit of P(anything): float[B, 2] of :class:`ImagePresence` -> float[B]."""
    return -both(said[:, 1], -said[:, 0])


def shared(asked: Tensor, said: Tensor, share: float) -> Tensor:
    """What a question that names no place comes to where the image has a say of its own.

        q + P(kind) (h - share q)

    A question of what is anywhere asks what h answers, so the two are evidence of one thing, and are added. The
    product that a place needs would let either deny what the other is sure of.

    Args:
        asked: float[B], q, logits of the question's own answer.
        said: float[B, 2] of :class:`ImagePresence`.
        share: how much less q counts for it, 0 to 1.
    """
    return asked + said[:, 1].sigmoid() * (said[:, 0] - share * asked)


def pooled(maps: Sequence[Tensor]) -> Tensor:
    """What is read of maps: float[I, C, h, w] each -> float32[I, D], D three times the channels of all."""
    read = []
    for x in (f.float() for f in maps):
        read += [x.mean((2, 3)), x.amax((2, 3)), x.std((2, 3), correction=0)]
    return torch.cat(read, 1)


def both(one: Tensor, other: Tensor) -> Tensor:
    """The logit of sigmoid(one) sigmoid(other); float[B] each, or shapes that broadcast.

    1 / ((1 + e^-a) (1 + e^-b)) has the logit -log(e^-a + e^-b + e^-(a + b)).
    """
    a, b = torch.broadcast_tensors(one.float(), other.float())
    return -torch.logsumexp(torch.stack([-a, -b, -a - b]), 0)

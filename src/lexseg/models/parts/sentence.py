"""One vector for a sentence, from the states of its tokens."""

from typing import Literal

import torch
from torch import Tensor, nn

from lexseg.errors import ModelError
from lexseg.models.parts.alignment import masked_mean

Sentence = Literal["last", "mean"]


class SentenceVector(nn.Module):
    """The state of the last token, or the mean of all, and a projection where one is asked for.

    CLIP's sentence is its end token, projected: its transformer is causal, so that only the end has read everything.
    The null token is the last, and the mean, of a missing sentence.

    Args:
        width: of the states.
        how: ``last`` or ``mean``.
        dim: of the vector; ``None`` leaves the projection out, and the vector as wide as the states.
    """

    def __init__(self, width: int, how: Sentence, dim: int | None = None) -> None:
        super().__init__()
        if how not in ("last", "mean"):
            raise ValueError(f"sentence is {how!r}; 'last' or 'mean' was expected")
        self.how = how
        self.width = width if dim is None else dim
        self.project: nn.Module = nn.Identity() if dim is None else nn.Linear(width, dim, bias=False)

    def load(self, weight: Tensor) -> None:
        """Take over a pretrained projection, float[dim, width].

        Raises:
            ModelError: it is of another shape.
        """
        if not isinstance(self.project, nn.Linear) or self.project.weight.shape != weight.shape:
            raise ModelError(
                f"the pretrained projection of the sentence makes {weight.shape[0]} of {weight.shape[1]} numbers, this "
                "model's does not: use the text encoder that the image encoder was pretrained with"
            )
        with torch.no_grad():
            self.project.weight.copy_(weight)

    def forward(self, words: Tensor, mask: Tensor) -> Tensor:
        """Args: words: float[B, L, D]; mask: bool[B, L], at least one true a row. Returns float[B, width]."""
        if self.how == "mean":
            vector = masked_mean(words, mask)
        else:
            last = (mask * torch.arange(mask.shape[1], device=mask.device)).amax(1)
            vector = words.gather(1, last[:, None, None].expand(-1, 1, words.shape[2])).squeeze(1)
        out: Tensor = self.project(vector)
        return out

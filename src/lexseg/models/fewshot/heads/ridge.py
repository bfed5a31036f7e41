"""Ridge regression in closed form: R2D2 (Bertinetto et al., 2019).

MetaOptNet with a ridge head is the same problem by way of a quadratic programme, whose solution is exactly twice this
one: it is this head with ``scale=2`` before the learnt scale. So there is one head.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from lexseg.models.fewshot.heads.base import Head, Pixels, State


class Ridge(Head):
    """W = X' (X X' + lam I)^-1 Y on at most so many pixels of each class, Y of -1 and 1.

    Args:
        channels, words: as of :class:`Head`; the words are not read.
        lam: how strongly W is kept small.
        most: pixels of a class that are solved for.
        scale: 1 is R2D2, 2 MetaOptNet's ridge.
        kernel: ``linear``, or ``gauss``: exp(-width^2 |x - y|^2 / 2) by random waves (Rahimi and Recht, 2007), so that
            no pixel needs to be kept.
        width: of the Gaussian kernel.
        waves: how many.
    """

    name = "ridge"
    weight: Tensor
    offset: Tensor

    def __init__(
        self,
        channels: int,
        words: int = 0,
        *,
        lam: float = 1.0,
        most: int = 250,
        scale: Literal[1, 2] = 1,
        kernel: Literal["linear", "gauss"] = "linear",
        width: float = 1.0,
        waves: int = 1024,
    ) -> None:
        super().__init__(channels, words)
        if lam <= 0 or most < 1 or scale not in (1, 2) or kernel not in ("linear", "gauss") or width <= 0:
            raise ValueError("lam, most and width above 0, scale 1 or 2, and kernel linear or gauss were expected")
        self.lam, self.most, self.kernel, self.width = lam, most, kernel, width
        self.twice = scale
        self.waves = waves
        wide = channels if kernel == "linear" else waves
        self.register_buffer("weight", torch.zeros(wide))
        self.register_buffer("offset", torch.zeros(1))
        self.scale = nn.Parameter(torch.tensor(math.log(4.0)))  # R2D2's learnt scale, as a logarithm, and offset
        self.shift = nn.Parameter(torch.tensor(0.0))
        if kernel == "gauss":
            generator = torch.Generator().manual_seed(0)
            self.register_buffer("directions", torch.randn(channels, waves, generator=generator), persistent=False)
            self.register_buffer("phases", torch.rand(waves, generator=generator) * 2 * math.pi, persistent=False)

    def adapt(self, pixels: Pixels) -> State:
        """Solve for a task; the mean is taken away first, so that the offset is not kept small."""
        chosen = pixels.balanced(self.most)
        lifted, wanted = self.lifted(chosen.values), 2 * chosen.labels - 1
        count = torch.stack([(wanted < 0).sum(), (wanted > 0).sum()]).clamp(min=1)
        each = (len(wanted) / 2 / count.to(lifted.dtype))[chosen.labels.long()]  # both classes count alike
        mean, level = (lifted * each[:, None]).mean(0), (wanted * each).mean()
        root = each.sqrt()
        x, y = (lifted - mean) * root[:, None], (wanted - level) * root
        if len(x) <= x.shape[1]:
            solved = x.T @ torch.linalg.solve(x @ x.T + self.lam * torch.eye(len(x), device=x.device), y)
        else:
            solved = torch.linalg.solve(x.T @ x + self.lam * torch.eye(x.shape[1], device=x.device), x.T @ y)
        weight = self.twice * solved
        return {"weight": weight, "offset": level - mean @ weight}

    def score(self, values: Tensor, state: State) -> Tensor:
        """A straight function of the features, or of the waves."""
        return self.scale.exp() * (self.lifted(values) @ state["weight"] + state["offset"].reshape(())) + self.shift

    def lifted(self, values: Tensor) -> Tensor:
        """The features that the problem is linear in."""
        if self.kernel == "linear":
            return values
        directions, phases = self.get_buffer("directions"), self.get_buffer("phases")
        return torch.cos(values @ directions * self.width + phases) * math.sqrt(2 / self.waves)

    def state(self) -> State:
        """The solution that is kept; the waves are no part of it."""
        return {"weight": self.weight, "offset": self.offset}

"""An image as heads see it, and which of its pixels they work on."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lexseg.fewshot.labels import TARGET, UNKNOWN, Labels
from lexseg.models.fewshot import FewShot
from lexseg.models.fewshot.heads.base import Pixels

FITTED, JUDGED = 500, 800
"""Pixels of each class of an image that are fitted to at most, and of an image that heads are judged by."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """The pixels of an example that heads work on, drawn once: to fetch them is most of the work of a choice.

    Attributes:
        fitted: float[N, C] and float[N], values and labels of pixels that heads are fitted to, both classes alike.
        judged: the same of pixels by which they are judged, the classes as many as they are.
    """

    fitted: tuple[Tensor, Tensor]
    judged: tuple[Tensor, Tensor]

    @classmethod
    def of(cls, values: Tensor, labels: Labels) -> "Drawn":
        """Draw them from float[C, h, w] and uint8[h, w]."""
        flat = torch.from_numpy(labels.copy()).flatten()
        known = torch.nonzero(flat != UNKNOWN)[:, 0]
        every = Pixels(known[:, None].float(), (flat[known] == TARGET).float(), torch.zeros_like(known))
        drawn = []
        generator = torch.Generator().manual_seed(0)
        evenly = every.of(torch.randperm(len(known), generator=generator)[:JUDGED])
        for chosen in (every.balanced(FITTED), evenly):
            drawn.append((values.flatten(1).T[chosen.values[:, 0].long()], chosen.labels))
        return cls(drawn[0], drawn[1])

    def pixels(self, model: FewShot, number: int) -> Pixels:
        """Those that heads are fitted to, embedded."""
        values, labels = self.fitted
        return Pixels(model.embedding(values), labels, torch.full((len(labels),), number), model.word)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """An example as a head sees it.

    Attributes:
        values: float[C, h, w], of :meth:`FewShot.seen`.
        guide: float[1, H, W], brightness.
        drawn: pixels by the labels as they were drawn.
        grown: the same, by the labels grown into a mask.
    """

    values: Tensor
    guide: Tensor
    drawn: Drawn
    grown: Drawn

    @property
    def places(self) -> Tensor:
        """Features float[C, N] of places spread over the image."""
        return self.values[..., 0] if self.values.shape[-1] == 1 else self.values.flatten(1)[:, ::7]

    def kept(self) -> "Seen":
        """The same with features of every seventh place alone, for who keeps it: for mean and spread that is enough."""
        return replace(self, values=self.values.flatten(1)[:, ::7, None].clone(), guide=self.guide[:, :0, :0])

"""Images with several sentences each: read, augmented and encoded once for all that is asked about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch.utils.data import Dataset

from lexseg.cases.case import Case
from lexseg.models.place import Fit
from lexseg.training.augment import AugmentConfig, MaskResize
from lexseg.training.dataset import Sample, augmented, refuse_unanswered


@dataclass(frozen=True, slots=True)
class ImageGroup:
    """An image in an epoch, and what is asked about it.

    Attributes:
        cases: rows of the image; one may occur twice.
        key: what the visit is called: all chance is a function of seed, epoch and this.
    """

    cases: tuple[Case, ...]
    key: str


class GroupedDataset(Dataset[tuple[Sample, ...]]):
    """Reads and augments what an epoch shows.

    Args:
        visits: equally many cases each; of each it is known whether its target is there.
        size: (height, width) of the network's input.
        augment: what may happen to an image and, drawn for each of its sentences anew, to their words.
        seed, epoch: all randomness is a function of these and the visit's key.
        mask_resize: how a mask comes to that size.
        fit: how an image does.
    """

    def __init__(
        self,
        visits: Sequence[ImageGroup],
        size: tuple[int, int],
        *,
        augment: AugmentConfig,
        seed: int,
        epoch: int,
        mask_resize: MaskResize = "nearest",
        fit: Fit = "stretch",
    ) -> None:
        refuse_unanswered(case for visit in visits for case in visit.cases)
        self.visits, self.size, self.augment, self.seed, self.epoch = list(visits), size, augment, seed, epoch
        self.mask_resize: MaskResize = mask_resize
        self.fit: Fit = fit

    def __len__(self) -> int:
        return len(self.visits)

    def __getitem__(self, index: int) -> tuple[Sample, ...]:
        visit = self.visits[index]
        source = (self.seed, self.epoch, visit.key)
        options: Any = {"mask_resize": self.mask_resize, "fit": self.fit}
        return tuple(augmented(visit.cases, self.augment, self.size, source, **options))

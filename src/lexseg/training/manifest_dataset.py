"""A manifest as a torch ``Dataset``, for a training loop of one's own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor
from torch.utils.data import Dataset

from lexseg.cases.case import Case, Split
from lexseg.cases.manifest import read_manifest
from lexseg.cases.splits import assign_splits
from lexseg.errors import DataError
from lexseg.models.place import Fit
from lexseg.training.augment import AugmentConfig
from lexseg.training.dataset import CaseDataset

Item = dict[str, Tensor | str]

# what leaves image, mask and sentence as they are
_STILL = AugmentConfig(
    mirror=0, flip=0, zoom=(1, 1), stretch=0, shift=0, rotate=0, brightness=0, contrast=(1, 1), gamma=(1, 1),
    noise=0, blur=0, scanner=0, drop_text=0, paraphrase=0, typos=0, strange=0,
)  # fmt: skip


class ManifestDataset(Dataset[Item]):
    """The cases of a split, as tensors of one size that torch's own collating puts into batches.

    An item holds ``image`` (float[3, H, W] in 0..1), ``mask`` (float[1, H, W], 0 or 1), ``valid`` (bool[1, H, W], false
    where the truth is unknown), ``text`` (empty is the null sentence) and ``id``. Left and right in the sentence follow
    the image where it is mirrored.

    Args:
        manifest: a CSV or JSONL. Without splits it is divided by patient, 70/15/15, by the seed.
        split: which cases; ``None`` takes all.
        size: (height, width) that images and masks are brought to.
        fit: how: ``pad`` keeps an image's shape, with black margins that are not ``valid``; ``stretch`` fills the size.
        augment: what may happen to a case; ``None`` leaves it as it is.
        seed: all randomness is a function of it, the epoch and the case's id.
        text_column: the columns that hold the sentence; several are sampled from where ``augment`` is given.
        links: files may lie outside of the manifest's folder.

    Attributes:
        cases: their rows.
        epoch: to be set before each epoch, by :meth:`set_epoch`.

    Raises:
        DataError: the manifest cannot be used, has no case of the split, or has some of which nothing is known.
    """

    def __init__(
        self,
        manifest: Path | str,
        split: Split | None = "train",
        *,
        size: tuple[int, int] = (224, 224),
        augment: AugmentConfig | None = None,
        seed: int = 0,
        text_column: Sequence[str] = ("text",),
        links: bool = False,
        fit: Fit = "pad",
    ) -> None:
        cases = assign_splits(read_manifest(manifest, text_columns=text_column, links=links), seed=seed)
        chosen = [case for case in cases if split is None or case.split == split]
        if not chosen:
            raise DataError(f"{manifest}: no case of the split {split!r}")
        if augment is None:
            chosen = [replace(case, texts=case.texts[:1]) for case in chosen]
        self._rows = CaseDataset(chosen, size, augment=augment or _STILL, seed=seed, fit=fit)

    @property
    def cases(self) -> list[Case]:
        """The rows, in the order of the items."""
        return self._rows.cases

    @property
    def epoch(self) -> int:
        """Which epoch's chance is drawn."""
        return self._rows.epoch

    def set_epoch(self, epoch: int) -> None:
        """Draw anew what happens to each case. Make the ``DataLoader``'s iterator after this."""
        self._rows.epoch = epoch

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Item:
        sample = self._rows[index]
        return {
            "image": sample.image.expand(3, -1, -1).contiguous(),
            "mask": sample.mask,
            "valid": sample.valid,
            "text": sample.text,
            "id": sample.case.id,
        }

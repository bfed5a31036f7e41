"""Gives the trainer its batches, new ones for each epoch."""

from collections.abc import Iterator, Sequence

import lightning.pytorch as pl
from torch.utils.data import DataLoader, DistributedSampler, Sampler

from lexseg.data.case import Case
from lexseg.data.dataset import CaseDataset, Sample
from lexseg.training.config import TrainConfig, size_at


class _Shard(Sampler[int]):
    """Every ``world``-th case from ``rank`` on: no case twice, so that sums over devices are sums over cases."""

    def __init__(self, n: int, rank: int, world: int) -> None:
        self.indices = range(rank, n, world)

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)

    def __len__(self) -> int:
        return len(self.indices)


def as_samples(samples: list[Sample]) -> list[Sample]:
    """No collation in the reading process: sentences are encoded where the network is."""
    return samples


class CaseDataModule(pl.LightningDataModule):
    """Loaders are made anew for each epoch: order, augmentation and size are functions of seed and epoch alone.

    Args:
        train: training cases, repeated ones repeated.
        val: validation cases.
        config: the recipe.
    """

    def __init__(self, train: Sequence[Case], val: Sequence[Case], config: TrainConfig) -> None:
        super().__init__()
        self.train_cases, self.val_cases, self.config = train, val, config

    @property
    def _place(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer is not None else (0, 1)

    def _size(self) -> tuple[int, int]:
        epoch = self.trainer.current_epoch if self.trainer is not None else 0
        side = size_at(self.config.data, epoch, self.config.trainer.epochs)
        return side, side

    def train_dataloader(self) -> DataLoader[Sample]:
        """The cases of the current epoch, in its order; an incomplete last batch is left out."""
        epoch = self.trainer.current_epoch if self.trainer is not None else 0
        dataset = CaseDataset(
            self.train_cases, self._size(), augment=self.config.augment, seed=self.config.seed, epoch=epoch
        )
        rank, world = self._place
        sampler: DistributedSampler[Sample] = DistributedSampler(
            dataset, world, rank, shuffle=True, seed=self.config.seed, drop_last=world > 1
        )
        sampler.set_epoch(epoch)
        few = len(dataset) // world < self.config.data.batch_size
        return self._loader(dataset, sampler, drop_last=not few)

    def val_dataloader(self) -> DataLoader[Sample]:
        """The validation cases, shared out among devices."""
        dataset = CaseDataset(self.val_cases, self._size())
        return self._loader(dataset, _Shard(len(dataset), *self._place), drop_last=False)

    def _loader(self, dataset: CaseDataset, sampler: Sampler[int], *, drop_last: bool) -> DataLoader[Sample]:
        return DataLoader(
            dataset,
            batch_size=self.config.data.batch_size,
            sampler=sampler,
            num_workers=self.config.data.workers,
            collate_fn=as_samples,
            drop_last=drop_last,
        )

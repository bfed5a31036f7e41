"""Gives the trainer its batches, new ones for each epoch."""

import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.utilities import CombinedLoader
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler, Sampler, SequentialSampler

from lexseg.cases.case import Case
from lexseg.encoders.text.batch import EncodeText, TextBatch
from lexseg.errors import ConfigError, LexSegError
from lexseg.training.batch import Batch
from lexseg.training.config import TrainConfig, size_at, steps_of
from lexseg.training.dataset import CaseDataset, Sample, Stack, collate, stack
from lexseg.training.grouped_dataset import GroupedDataset
from lexseg.training.mixture import Mixture, is_mixture, second_stream
from lexseg.training.regimes.stream import Both, Pair, PairDataset, PairStack, encoded, stack_pairs


@dataclass(frozen=True, slots=True)
class ValidationStack:
    """Validation cases as they come from a reading process.

    Attributes:
        image: float[B, 3, H, W] in 0..1.
        texts: the sentences; empty is the null sentence.
        masks: the truth, each bool[h, w] at its own size.
        present: 1 where the target is in the image, 0 where it is not, NaN where nobody knows.
        located: false for a case whose target nobody has drawn: its mask is no truth.
        counted: false for a case that only fills up a device's share; another device scores it.
    """

    image: Tensor
    texts: tuple[str, ...]
    masks: tuple[NDArray[np.bool_], ...]
    present: tuple[float, ...]
    located: tuple[bool, ...]
    counted: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class ValidationBatch:
    """The same with sentences encoded. Attributes: as there, but text is encoded and masks are bool[1, h, w]."""

    image: Tensor
    text: TextBatch
    masks: tuple[Tensor, ...]
    present: tuple[float, ...]
    located: tuple[bool, ...]
    counted: tuple[bool, ...]


class CaseDataModule(pl.LightningDataModule):
    """Loaders are made anew for each epoch: order, augmentation and size are functions of seed and epoch alone.

    Sentences are encoded here, in the training process, and not where cases are read, so that a frozen encoder meets
    each sentence once.

    Args:
        train: training cases, repeated ones repeated.
        val: validation cases.
        config: the recipe.
        encode_text: turns sentences into a ``TextBatch``; :func:`lexseg.encoders.text.batch.no_words` for image-only
            models.

    Attributes:
        training_text: makes of ``encode_text`` what also encodes all that the model wants beside a training sentence.
        fits: whether ``encode_text`` can read a sentence that chance has made; if not, it is read as it was.
        mixture: what draws images and sentences; ``None`` where each training case is a sample of its own.
        blank: what draws images without a mask, for the second stream; ``None`` where there is one stream.
        reads: whether these are looked at in a step of the run (`Regime.reads`).
    """

    def __init__(
        self,
        train: Sequence[Case],
        val: Sequence[Case],
        config: TrainConfig,
        encode_text: EncodeText,
        unlabelled: Sequence[Case] = (),
    ) -> None:
        super().__init__()
        self.train_cases, self.val_cases, self.config, self.encode_text = train, val, config, encode_text
        self.unlabelled_cases = unlabelled
        self.training_text: Callable[[EncodeText], EncodeText] = lambda encode: encode
        self.fits: Callable[[str], bool] = lambda text: True
        self.mixture = Mixture(train, config) if is_mixture(config) else None
        self.blank = Mixture(unlabelled, second_stream(config)) if unlabelled else None
        self.reads: Callable[[int], bool] = lambda step: True

    @property
    def _place(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer is not None else (0, 1)

    @property
    def _epoch(self) -> int:
        return self.trainer.current_epoch if self.trainer is not None else 0

    def check_devices(self, world: int) -> None:
        """Refuse more devices than cases: each must have some."""
        fewest = min(self.images, len(self.val_cases))
        if fewest < world:
            raise ConfigError(f"{world} devices, but a split of {fewest} cases; use fewer devices")

    def size(self) -> tuple[int, int]:
        """(height, width) of the input in the current epoch."""
        side = size_at(self.config.data, self._epoch, self.config.trainer.epochs)
        return side, side

    @property
    def images(self) -> int:
        """Training images of an epoch, over all devices; an image counts as often as it is read."""
        return len(self.train_cases) if self.mixture is None else self.mixture.size

    def total_steps(self, world: int) -> int:
        """Optimizer steps of the run on ``world`` devices."""
        return self.config.trainer.steps or self.steps(world) * self.config.trainer.epochs

    def drawn(self, world: int) -> int:
        """Sentences that the run draws on ``world`` devices, each as often as it is drawn; of images with a mask."""
        config = self.config
        images = self.total_steps(world) * world * config.data.batch_size * config.trainer.accumulate
        return images * max(1, config.data.sentences)

    def steps(self, world: int) -> int:
        """Optimizer steps of an epoch on ``world`` devices; of the first, where a number of steps is shared out."""
        if self.config.trainer.steps:
            return steps_of(self.config.trainer, 0)
        batches = max(1, self.images // world // self.config.data.batch_size)
        return -(-batches // self.config.trainer.accumulate)

    def train_dataloader(self) -> Any:
        """The cases of the current epoch, in its order; two streams side by side where a regime reads a second one."""
        labelled = self._labelled_loader()
        if self.blank is None:
            return labelled
        config, epoch, (rank, world) = self.config, self._epoch, self._place
        visits = self.blank.epoch(epoch, world)
        mine = [(visit.key, visit.cases[0]) for visit in visits[: len(visits) // world * world][rank::world]]
        size = second_stream(config).data.batch_size
        before, of_step = sum(steps_of(config.trainer, e) for e in range(epoch)), size * config.trainer.accumulate
        shown = PairDataset(
            mine,
            self.size(),
            augment=config.augment,
            views=config.regime.view,
            drop_words=config.regime.drop_words,
            fit=config.data.fit,
            seed=config.seed,
            epoch=epoch,
            unread={place for place in range(len(mine)) if not self.reads(before + place // of_step)},
        )
        pairs = self._loader(_Guarded(shown), SequentialSampler(shown), _stack_pairs, drop_last=True, batch_size=size)
        return CombinedLoader({"labelled": labelled, "unlabelled": pairs}, "min_size")

    def _labelled_loader(self) -> DataLoader[Any]:
        """The last batch is left out where it is incomplete."""
        config, epoch, (rank, world) = self.config, self._epoch, self._place
        # where all cases are less than a batch, it is the only one
        few = self.images // world < config.data.batch_size and not config.trainer.steps
        how: dict[str, Any] = {
            "augment": config.augment,
            "seed": config.seed,
            "epoch": epoch,
            "mask_resize": config.data.mask_resize,
            "fit": config.data.fit,
        }
        if self.mixture is not None:
            visits = self.mixture.epoch(epoch, world)
            mine = visits[: len(visits) // world * world][rank::world]
            shown = GroupedDataset(mine, self.size(), **how)
            return self._loader(_Guarded(shown), SequentialSampler(shown), _stack_training, drop_last=not few)
        dataset = CaseDataset(self.train_cases, self.size(), **how)
        sampler: DistributedSampler[Any] = DistributedSampler(
            dataset, world, rank, shuffle=True, seed=config.seed, drop_last=world > 1
        )
        sampler.set_epoch(epoch)
        return self._loader(_Guarded(dataset), sampler, _stack_training, drop_last=not few)

    def val_dataloader(self) -> DataLoader[Any]:
        """The validation cases, shared out among devices."""
        dataset = CaseDataset(self.val_cases, self.size(), fit=self.config.data.fit)
        return self._loader(_Guarded(dataset), _Share(len(dataset), *self._place), _stack_validation, drop_last=False)

    def on_before_batch_transfer(
        self, batch: "Stack | ValidationStack | LexSegError | dict[str, Any]", dataloader_idx: int
    ) -> Batch | Both | ValidationBatch:
        """Encode the sentences. What a reading process could not read is raised here, without its traceback."""
        if isinstance(batch, LexSegError):
            raise batch
        if isinstance(batch, dict):
            labelled = self.on_before_batch_transfer(batch["labelled"], dataloader_idx)
            assert isinstance(labelled, Batch)
            pairs = batch["unlabelled"]
            if isinstance(pairs, LexSegError):
                raise pairs
            return Both(labelled, encoded(pairs, self.encode_text))
        if isinstance(batch, Stack):
            read = (t if t == p or self.fits(t) else p for t, p in zip(batch.texts, batch.plain, strict=True))
            return collate(replace(batch, texts=tuple(read)), self.training_text(self.encode_text))
        text = self.encode_text([t or None for t in batch.texts])
        masks = tuple(torch.from_numpy(m)[None] for m in batch.masks)
        return ValidationBatch(batch.image, text, masks, batch.present, batch.located, batch.counted)

    def transfer_batch_to_device(
        self, batch: Batch | Both | ValidationBatch, device: torch.device, dataloader_idx: int
    ) -> Batch | Both | ValidationBatch:
        """Move a batch, images channels-last where so configured."""
        if isinstance(batch, Both):
            labelled = self.transfer_batch_to_device(batch.labelled, device, dataloader_idx)
            assert isinstance(labelled, Batch) and batch.unlabelled is not None
            last = torch.channels_last if self.config.trainer.channels_last else torch.preserve_format
            return Both(labelled, batch.unlabelled.to(device, last))
        if isinstance(batch, Batch):
            batch = batch.to(device)
        else:
            masks = tuple(mask.to(device, non_blocking=True) for mask in batch.masks)
            image = batch.image.to(device, non_blocking=True)
            batch = replace(batch, image=image, text=batch.text.to(device), masks=masks)
        if not self.config.trainer.channels_last:
            return batch
        return replace(batch, image=batch.image.contiguous(memory_format=torch.channels_last))

    def _loader(
        self,
        dataset: Dataset[Any],
        sampler: Sampler[Any],
        stacked: Callable[[list[Any]], Any],
        *,
        drop_last: bool,
        batch_size: int = 0,
    ) -> DataLoader[Any]:
        return DataLoader(
            dataset,
            batch_size=batch_size or self.config.data.batch_size,
            sampler=sampler,
            num_workers=self.config.data.workers,
            collate_fn=stacked,
            drop_last=drop_last,
            worker_init_fn=_ignore_interrupt,
            generator=torch.Generator().manual_seed(self.config.seed),  # else it would draw from the training's numbers
        )


class _Share(Sampler[int]):
    """Every ``world``-th case from ``rank`` on.

    All devices get equally many, or they would wait for one another; numbers from ``n`` on are fillers.
    """

    def __init__(self, n: int, rank: int, world: int) -> None:
        self.indices = range(rank, -(-n // world) * world, world)

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)

    def __len__(self) -> int:
        return len(self.indices)


Item = tuple[Sample | tuple[Sample, ...] | Pair, bool]


class _Guarded(Dataset[Item | LexSegError]):
    """Gives (what was read, whether it counts); the error of what cannot be, to be raised in the main process."""

    def __init__(self, cases: CaseDataset | GroupedDataset | PairDataset) -> None:
        self.cases = cases

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> Item | LexSegError:
        try:
            return self.cases[index % len(self.cases)], index < len(self.cases)
        except LexSegError as error:
            return error


def _stack_training(items: list[Item | LexSegError]) -> Stack | LexSegError:
    samples: list[Sample] = []
    for item in items:
        if isinstance(item, LexSegError):
            return item
        assert not isinstance(item[0], Pair)
        samples.extend((item[0],) if isinstance(item[0], Sample) else item[0])
    return stack(samples, sentences=len(samples) // len(items))


def _stack_pairs(items: list[Item | LexSegError]) -> PairStack | LexSegError:
    pairs: list[Pair] = []
    for item in items:
        if isinstance(item, LexSegError):
            return item
        assert isinstance(item[0], Pair)
        pairs.append(item[0])
    return stack_pairs(pairs)


def _stack_validation(items: list[Item | LexSegError]) -> ValidationStack | LexSegError:
    samples, counted = [], []
    for item in items:
        if isinstance(item, LexSegError):
            return item
        assert isinstance(item[0], Sample)
        samples.append(item[0])
        counted.append(item[1])
    return ValidationStack(
        image=torch.stack([s.image.expand(3, -1, -1) for s in samples]),
        texts=tuple(s.text for s in samples),
        # arrays, which travel by value: a tensor each would take an open file each
        masks=tuple(s.mask[0].numpy() > 0.5 for s in samples),
        present=tuple(s.present for s in samples),
        located=tuple(s.located for s in samples),
        counted=tuple(counted),
    )


def _ignore_interrupt(worker: int) -> None:
    """Ctrl-C reaches the whole group of processes; the training process decides when reading ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

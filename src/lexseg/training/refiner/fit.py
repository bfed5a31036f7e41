"""Training of a refiner: spoilt masks of true ones, three simulated clicks each, the answer to each click scored."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from lexseg.cases.truth import read_truth
from lexseg.errors import ConfigError, DataError
from lexseg.metrics.overlap import dice
from lexseg.models.device import device_of
from lexseg.models.refiner import Refiner, hint_maps
from lexseg.scans.images import read_image
from lexseg.training.beside import check_settings, some_cases, warmed_cosine
from lexseg.training.refiner.folder import write_refiner
from lexseg.training.refiner.spoil import Click, Mask, next_click, spoilt

_WEIGHT_DECAY = 1e-4
_BOXED = 0.5  # how often the box of the target is known
_VALIDATED = 64  # validation cases that are scored at the end


@dataclass(frozen=True, slots=True)
class RefinerConfig:
    """How a refiner is trained.

    Attributes:
        cases: manifests with masks; rows of the split ``train`` are learnt from, those of ``val`` scored at the end.
        size: side of the square that images are stretched to; divisible by 8.
        widths: of the network, by stride.
        batch: images a step.
        steps: of the optimiser.
        clicks: simulated clicks on each image; every one is answered, and the answer is the next one's mask so far.
        lr: peak learning rate.
        limit: training cases that are read, by chance; 0 is all.
        seed: of all that chance decides.
    """

    cases: Sequence[str]
    size: int = 128
    widths: tuple[int, ...] = (16, 32, 64, 96)
    batch: int = 16
    steps: int = 1500
    clicks: int = 3
    lr: float = 2e-3
    limit: int = 2000
    seed: int = 0


def check(config: RefinerConfig) -> None:
    """Refuse what cannot be used.

    Raises:
        ConfigError: naming the setting, its value and what was expected.
    """
    if len(config.widths) < 2 or any(width < 4 or width % 4 for width in config.widths):
        raise ConfigError(f"widths are {list(config.widths)}; two or more, each divisible by 4, were expected")
    check_settings(config, 2 ** (len(config.widths) - 1), ("batch", "steps", "clicks"))


def fit_refiner(
    config: RefinerConfig, output: Path, *, device: str | None = None, say: Callable[[str], None] = print
) -> Path:
    """Train a refiner and leave it as a folder.

    Args, result and errors are those of :func:`lexseg.training.lang2box.fit.fit_lang2box`, but that it reads no words.
    """
    check(config)
    place = device_of(device)
    training, validation = (_read(config, split) for split in ("train", "val"))
    if not training:
        raise DataError(f"{', '.join(config.cases)}: no row of the split train has a mask that holds anything")
    torch.manual_seed(config.seed)
    network = Refiner(config.widths).to(place)
    say(f"{len(training):,} images; {sum(p.numel() for p in network.parameters()) / 1e6:.2f} M parameters; {place}")
    _fit(network, training, config, place, say)
    scores = clicked(network, validation, config, place) if validation else None
    if scores is not None:
        told = ", ".join(f"{score:.3f}" for score in scores)
        say(f"validation: Dice of {len(validation)} spoilt masks before and after each click: {told}")
    settings = {key: value for key, value in asdict(config).items() if key != "cases"}
    how = {"images": len(training), "validated": len(validation), "validation_dice": scores, "settings": settings}
    write_refiner(output, network, size=config.size, how=how)
    return output


_Sample = tuple[NDArray[np.float32], Mask]


def _read(config: RefinerConfig, split: str) -> list[_Sample]:
    most = config.limit if split == "train" else _VALIDATED
    chosen = some_cases(config.cases, split, lambda case: case.mask is not None, most=most, seed=config.seed)
    read = [(_square(gray_of(read_image(case.image)), config.size), read_truth(case)) for case in chosen]
    samples = [(image, _square(truth.astype(np.float32), config.size) >= 0.5) for image, truth in read]
    return [(image, truth) for image, truth in samples if truth.any()]


def gray_of(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """An image, float32[H, W] or [H, W, 3] in 0..1, in gray (ITU-R BT.601)."""
    if image.ndim == 2:
        return image
    return np.asarray(image @ np.array([0.299, 0.587, 0.114], np.float32), np.float32)


def _square(values: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    tensor = torch.from_numpy(np.ascontiguousarray(values))[None, None]
    return np.asarray(F.interpolate(tensor, (size, size), mode="bilinear", antialias=True)[0, 0].numpy())


def _fit(
    network: Refiner, samples: list[_Sample], config: RefinerConfig, place: torch.device, say: Callable[[str], None]
) -> None:
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.lr, weight_decay=_WEIGHT_DECAY)
    schedule = warmed_cosine(optimizer, config.steps)
    rng = np.random.default_rng(config.seed)
    network.train()
    running = 0.0
    for step in range(config.steps):
        batch = _Batch([samples[int(i)] for i in rng.integers(len(samples), size=config.batch)], rng, place)
        for _ in range(config.clicks):
            logits = network(batch.clicked())
            loss = _loss(logits, batch.truth)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            batch.answered(logits)
        schedule.step()
        running = loss.item() if step == 0 else 0.95 * running + 0.05 * loss.item()
        if (step + 1) % max(1, config.steps // 10) == 0:
            say(f"step {step + 1} of {config.steps}: loss {running:.3f}")
    network.eval()


class _Batch:
    """Images with masks so far and clicks."""

    def __init__(self, samples: list[_Sample], rng: np.random.Generator, place: torch.device) -> None:
        turned = [_turned(sample, rng) for sample in samples]
        self.images = [torch.from_numpy(np.ascontiguousarray(image)) for image, _ in turned]
        self.truths: list[Mask] = [np.ascontiguousarray(truth) for _, truth in turned]
        self.truth = torch.from_numpy(np.stack(self.truths)[:, None]).float().to(place)
        self.now: list[NDArray[np.float32]] = [spoilt(truth, rng) for truth in self.truths]
        self.clicks: list[list[Click]] = [[] for _ in samples]
        self.boxes = [_box(truth, rng) if rng.random() < _BOXED else None for truth in self.truths]
        self.rng, self.place = rng, place

    def clicked(self) -> Tensor:
        """The maps float[B, 5, H, W] after one more click each."""
        maps = []
        for image, truth, now, clicks, box in zip(
            self.images, self.truths, self.now, self.clicks, self.boxes, strict=True
        ):
            click = next_click(now, truth, self.rng)
            clicks.extend([] if click is None else [click])
            maps.append(hint_maps(image, torch.from_numpy(now), clicks, box))
        return torch.stack(maps).to(self.place)

    def answered(self, logits: Tensor) -> None:
        """Take the answers as the masks so far."""
        self.now = list(logits.detach().sigmoid()[:, 0].float().cpu().numpy())


def _turned(sample: _Sample, rng: np.random.Generator) -> _Sample:
    """Mirrored by chance, lighter or darker: hints know nothing of left and right."""
    image, truth = sample
    if rng.random() < 0.5:
        image, truth = image[:, ::-1], truth[:, ::-1]
    light = np.clip(image ** np.float32(np.exp(rng.normal(0, 0.25))), 0, 1)
    return np.asarray(light, np.float32), truth


def _box(truth: Mask, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """The box of a mask, each side moved by up to a tenth of it."""
    rows, columns = np.nonzero(truth.any(axis=1))[0], np.nonzero(truth.any(axis=0))[0]
    high, wide = rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]
    moved = rng.uniform(-0.1, 0.1, 4) * [high, wide, high, wide]
    ends = np.round(np.array([rows[0], columns[0], rows[-1] + 1, columns[-1] + 1]) + moved).astype(int)
    top, left = max(int(ends[0]), 0), max(int(ends[1]), 0)
    return top, left, max(int(ends[2]), top + 1), max(int(ends[3]), left + 1)


def _loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy and Dice."""
    probability = logits.sigmoid()
    overlap = (probability * truth).sum((1, 2, 3))
    share = (2 * overlap + 1) / (probability.sum((1, 2, 3)) + truth.sum((1, 2, 3)) + 1)
    return F.binary_cross_entropy_with_logits(logits, truth) + (1 - share).mean()


@torch.no_grad()
def clicked(network: Refiner, samples: list[Any], config: RefinerConfig, place: torch.device) -> list[float]:
    """Mean Dice of spoilt masks before and after each simulated click."""
    rng = np.random.default_rng([config.seed, 1])
    scores: list[list[float]] = []
    for sample in samples:
        batch = _Batch([sample], rng, place)
        dices = [dice(batch.now[0] >= 0.5, batch.truths[0])]
        for _ in range(config.clicks):
            batch.answered(network(batch.clicked()))
            dices.append(dice(batch.now[0] >= 0.5, batch.truths[0]))
        scores.append(dices)
    return [round(float(value), 4) for value in np.mean(scores, axis=0)]

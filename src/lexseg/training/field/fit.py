"""Training of a field: regions found by thresholds on healthy images, and a network that finds them under haze."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lexseg.encoders.text.batch import no_words
from lexseg.errors import DataError
from lexseg.losses.target import Target
from lexseg.models.config import ModelConfig
from lexseg.models.device import device_of
from lexseg.models.inputs import image_tensor, resize_image
from lexseg.models.io import save_model
from lexseg.models.unet import UNet
from lexseg.scans.images import read_image
from lexseg.seeds import case_generator
from lexseg.training.augment import AugmentConfig, augment_image, augment_mask, draw
from lexseg.training.beside import check_settings, descend, warmed_cosine
from lexseg.training.field.haze import hazed
from lexseg.training.field.pair import SIDE, dark_pair
from lexseg.training.regimes.restoration import image_paths

GOOD = 0.2
"""Quality from which on a pair is learnt from."""
LARGE = (0.15, 0.4)
"""Shares of an image between which a pair's area lies that is learnt from."""
FEWEST = 20
"""Images with such a pair that are needed."""
_HAZY = 0.7  # of the images that are painted over
_ENCODER = 0.3  # of the peak rate, for the image encoder
_MOVED = AugmentConfig(
    zoom=(0.75, 1.3),
    stretch=0.25,
    shift=0.12,
    rotate=12.0,
    brightness=0.15,
    contrast=(0.4, 1.25),
    gamma=(0.6, 1.65),
    noise=0.04,
    drop_text=0.0,
)


@dataclass(frozen=True, slots=True)
class FieldConfig:
    """How a field is learnt.

    Attributes:
        images: folders, and manifests (their training rows), best of healthy images; neither masks nor words are read.
        encoder: the image encoder of the network, a U-Net.
        size: side in pixels of the square that images are stretched to.
        batch: images a step.
        steps: of the optimiser.
        lr: peak learning rate.
        limit: images that are looked at, drawn by the seed; 0 is all.
        seed: of all that chance decides.
    """

    images: list[str] = field(default_factory=list)
    encoder: str = "efficientnet-lite0"
    size: int = 96
    batch: int = 16
    steps: int = 200
    lr: float = 2e-3
    limit: int = 1200
    seed: int = 0


def fit_field(
    config: FieldConfig, output: Path, *, device: str | None = None, say: Callable[[str], None] = print
) -> Path:
    """Train a network that finds the field, and leave it as a model folder.

    Args:
        config: the images and how long.
        output: the folder to make, of which nothing is there yet.
        device: where to train; ``None`` is a GPU where there is one.
        say: told how it goes.

    Returns:
        ``output``: a model that reads no words, for ``lexseg pseudo-label --field``.

    Raises:
        ConfigError, DataError: what was given cannot be used, or too few images have two dark regions.
    """
    check_settings(config, 32)
    place = device_of(device)
    paths = _drawn(image_paths(config.images, say), config)
    samples = [found for path in paths if (found := _looked_at(path, config.size)) is not None]
    say(f"{len(samples):,} of {len(paths):,} images have two dark regions, one on each side, that are a pair")
    if len(samples) < FEWEST:
        raise DataError(
            f"{', '.join(config.images)}: two dark regions, one on each side, were found on {len(samples)} of "
            f"{len(paths)} images, and {FEWEST} or more were expected: name healthy frontal chest films, of which "
            "several hundred are best; for any other organ, give pseudo-label masks of the field instead"
        )
    torch.manual_seed(config.seed)
    network = UNet(encoder=config.encoder).to(place)
    _fit(network, samples, config, place, say)
    settings = {key: value for key, value in asdict(config).items() if key != "images"}
    how = {"kind": "field", "images": len(paths), "learnt_from": len(samples), "settings": settings}
    written = ModelConfig("unet", {"encoder": config.encoder}, (config.size, config.size))
    save_model(output, network, written, card=_card(config, len(samples)), metrics=how)
    return output


def _drawn(paths: list[Path], config: FieldConfig) -> list[Path]:
    if not config.limit or config.limit >= len(paths):
        return paths
    chosen = np.random.default_rng(config.seed).permutation(len(paths))[: config.limit]
    return [paths[i] for i in sorted(chosen)]


def _looked_at(path: Path, size: int) -> tuple[Tensor, Tensor] | None:
    """An image and its regions, float[1, size, size] each; ``None`` where they are none to learn from."""
    image = image_tensor(read_image(path)).mean(0, keepdim=True)
    pair = dark_pair(resize_image(image, (SIDE, SIDE))[0].numpy())
    if pair is None or pair.quality < GOOD or not LARGE[0] <= pair.mask.mean() <= LARGE[1]:
        return None
    mask = resize_image(torch.from_numpy(pair.mask)[None].float(), (size, size))
    return resize_image(image, (size, size)), (mask >= 0.5).float()


def _fit(
    network: UNet,
    samples: list[tuple[Tensor, Tensor]],
    config: FieldConfig,
    place: torch.device,
    say: Callable[[str], None],
) -> None:
    encoder = list(network.encoder.parameters())
    known = {id(p) for p in encoder}
    rest = [p for p in network.parameters() if id(p) not in known]
    groups = [{"params": encoder, "lr": config.lr * _ENCODER}, {"params": rest, "lr": config.lr}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.02)
    schedule = warmed_cosine(optimizer, config.steps, 0.15)
    size = (config.size, config.size)
    network.train()
    running = 0.0
    for step in range(config.steps):
        rng = case_generator(config.seed, step, "field")
        chance = torch.Generator().manual_seed(int(rng.integers(2**31)))
        chosen = [samples[int(i)] for i in rng.integers(len(samples), size=config.batch)]
        image, mask = (torch.stack(part) for part in zip(*chosen, strict=True))
        painted = torch.rand(len(image), 1, 1, 1, generator=chance) < _HAZY
        image = torch.where(painted, hazed(image, mask, chance), image)
        moves = [draw(_MOVED, rng) for _ in chosen]
        images = torch.stack([augment_image(x, move, size) for x, move in zip(image, moves, strict=True)])
        masks, valid = zip(*(augment_mask(x, move, size) for x, move in zip(mask, moves, strict=True)), strict=True)
        target = Target(torch.stack(masks).to(place), torch.stack(valid).to(place))
        terms = network.training_losses(images.expand(-1, 3, -1, -1).to(place), no_words([None] * len(image)), target)
        loss = torch.stack(list(terms.values())).sum()
        descend(loss, network.parameters(), optimizer, schedule)
        running = loss.item() if step == 0 else 0.95 * running + 0.05 * loss.item()
        if (step + 1) % max(1, config.steps // 10) == 0:
            say(f"step {step + 1} of {config.steps}: loss {running:.3f}")
    network.eval()


def _card(config: FieldConfig, learnt_from: int) -> str:
    return f"""---
library_name: lexseg
tags: [medical, image-segmentation]
---

# A field, found without masks (LexSeg {version("lexseg")})

**Research use only. Not a medical device.**

A U-Net on {config.encoder} that finds two dark regions of an image, one on each side: the lungs on a frontal film.
It learnt from {learnt_from:,} images on which thresholds alone found them, with haze painted over them, \
{config.steps:,} steps of {config.batch} at {config.size} px. It was never compared with a mask, and it finds fields, no
findings: `lexseg pseudo-label CASES --field FOLDER` makes masks of the parts of them that sentences name.

## Data

Name the images, their terms and whom they show here before you hand it on.
"""

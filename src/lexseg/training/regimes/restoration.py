"""``lexseg pretrain restoration``: an image encoder from images alone.

PCRLv2 (Zhou et al., A unified visual information preservation framework, arXiv 2301.00772; TPAMI 2023): restore an
image from a spoilt view of it, and find views of one image alike, both at several scales of a decoder without skips.
Written from a description of the released code (FOUND); what is ours is marked.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from lexseg.cases.manifest import read_manifests
from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.image.folder import write_encoder
from lexseg.errors import ConfigError, DataError
from lexseg.files import new_folder
from lexseg.models.device import device_of
from lexseg.models.parts.batch_statistics import statistics_not_kept
from lexseg.scans.open import SUFFIXES
from lexseg.training.mixture import stretch
from lexseg.training.regimes.crops import CropDataset, Crops, stack_crops
from lexseg.training.regimes.restorer import Restorer, likeness_loss

MANIFESTS = (".csv", ".jsonl", ".ndjson")


@dataclass(frozen=True)
class RestorationConfig:
    """How an encoder is trained by restoration.

    Attributes:
        images: folders, looked through to their ends, and manifests, of which neither masks nor sentences nor rows of
            ``val`` and ``test`` are read.
        encoder: name of an image encoder.
        encoder_args: its keywords; ``pretrained`` false begins at nothing.
        size: side in pixels of large views.
        small: side of the small ones; 0 is half of ``size``, rounded to what the encoder takes.
        locals: small views of an image; 6 as published.
        batch: images in a batch.
        steps: of the optimiser.
        lr: peak rate of SGD with momentum 0.9; it falls along a cosine.
        weight_decay: of it.
        mirror: whether views may be mirrored. OURS: not by default, since pooled vectors then become blind to sides.
        workers: processes that read.
        seed: all randomness is a function of it.
    """

    images: list[str] = field(default_factory=list)
    encoder: str = "efficientnet-lite0"
    encoder_args: Mapping[str, Any] = field(default_factory=dict)
    size: int = 128
    small: int = 0
    locals: int = 6
    batch: int = 32
    steps: int = 800
    lr: float = 0.01
    weight_decay: float = 1e-4
    mirror: bool = False
    workers: int = 0
    seed: int = 0

    @property
    def small_side(self) -> int:
        """Side of the small views."""
        return self.small or max(32, round(self.size / 64) * 32)


def check(config: RestorationConfig) -> None:
    """Refuse what cannot be used.

    Raises:
        ConfigError: naming the setting, its value and what was expected.
    """
    wrong = [
        f"{name} is {side}; a side divisible by 32 was expected"
        for name, side in (("size", config.size), ("small", config.small_side))
        if side <= 0 or side % 32
    ]
    least = {"batch": 2, "steps": 1, "locals": 0, "workers": 0}
    values = asdict(config)
    wrong += [f"{name} is {values[name]}; {n} or more was expected" for name, n in least.items() if values[name] < n]
    if not 0 < config.lr < 1:
        wrong.append(f"lr is {config.lr}; a number between 0 and 1 was expected")
    if wrong:
        raise ConfigError("\n".join(wrong))


def restoration(
    config: RestorationConfig, output: Path, *, device: str | None = None, say: Callable[[str], None] = print
) -> Path:
    """Train an encoder by restoration and leave it as an encoder folder.

    Args:
        config: the images, the encoder and how long.
        output: the encoder folder to make, of which nothing is there yet.
        device: where to train; ``None`` is a GPU where there is one.
        say: told how it goes.

    Raises:
        ConfigError, DataError, ModelError: what was given cannot be used.
    """
    check(config)
    paths = image_paths(config.images, say)
    place = device_of(device)
    torch.manual_seed(config.seed)
    restorer = Restorer(create_image_encoder(config.encoder, **config.encoder_args)).to(place)
    restorer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # 1.7 times as fast on a CPU
    say(f"{len(paths):,} images, no masks and no words; {config.encoder}; {config.steps:,} steps of {config.batch}")
    terms = fit(restorer, paths, config, place, say)
    settings = {key: value for key, value in asdict(config).items() if key not in ("images", "workers")}
    how = {"kind": "restoration", "images": len(paths), "last": terms, "settings": settings}
    with new_folder(output) as folder:
        write_encoder(folder, restorer.encoder, config.encoder, card=_card(config, len(paths)), how=how)
    return output


def image_paths(places: Sequence[str | Path], say: Callable[[str], None] = print) -> list[Path]:
    """The images of folders and manifests, each file once.

    Args:
        places: folders, which are looked through to their ends, and manifests.
        say: told what lies in a folder and is not read, such as DICOM.

    Raises:
        DataError: a place is neither, or there are not two images in all.
    """
    found: dict[Path, None] = {}
    for place in map(Path, places):
        if place.is_dir():
            held = sorted(p for p in place.rglob("*") if p.is_file() and not p.name.startswith("."))
            files = [p for p in held if p.suffix.lower() in SUFFIXES]
            found.update(dict.fromkeys(p.resolve() for p in files))
            if others := Counter(p.suffix.lower() or "no ending" for p in held if p.suffix.lower() not in SUFFIXES):
                listed = ", ".join(f"{count} of {kind}" for kind, count in others.most_common(5))
                say(f"{place}: left out, as only {', '.join(SUFFIXES)} are read from folders: {listed}")
        elif place.suffix.lower() in MANIFESTS:
            cases = read_manifests([place], masks_may_miss=True)
            found.update(dict.fromkeys(c.image.resolve() for c in cases if c.split in (None, "train")))
        else:
            raise DataError(f"{place}: neither a folder of images nor a manifest ({', '.join(MANIFESTS)})")
    if len(found) < 2:
        raise DataError(
            f"{', '.join(map(str, places)) or 'nothing'}: {len(found)} images were found ({', '.join(SUFFIXES)}); 2 or "
            "more were expected"
        )
    return list(found)


def fit(
    restorer: Restorer,
    paths: Sequence[Path],
    config: RestorationConfig,
    place: torch.device,
    say: Callable[[str], None],
) -> dict[str, float]:
    """Train; gives the terms of the last steps, each as a running mean."""
    optimizer = torch.optim.SGD(restorer.parameters(), config.lr, momentum=0.9, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
    order = stretch(len(paths), 0, config.steps * config.batch, f"restoration/{config.seed}")
    shown = CropDataset(
        [paths[i] for i in order],
        size=config.size,
        small=config.small_side,
        locals_=config.locals,
        mirror=config.mirror,
        seed=config.seed,
    )
    loader: DataLoader[Crops] = DataLoader(shown, config.batch, num_workers=config.workers, collate_fn=stack_crops)
    rng = np.random.default_rng(config.seed)
    running: dict[str, float] = {}
    restorer.train()
    for step, crops in enumerate(loader):
        losses = terms(restorer, crops, step / config.steps, rng, place)
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            raise ConfigError(f"the loss is not finite in step {step}; lower the learning rate (lr {config.lr:g})")
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        schedule.step()
        for name, value in losses.items():
            running[name] = float(value.detach()) if not step else 0.95 * running[name] + 0.05 * float(value.detach())
        if (step + 1) % max(1, config.steps // 10) == 0:
            said = ", ".join(f"{name} {value:.3f}" for name, value in running.items())
            say(f"step {step + 1} of {config.steps}: {said}")
    restorer.eval()
    return running


def terms(
    restorer: Restorer, crops: Crops, progress: float, rng: np.random.Generator, place: torch.device
) -> dict[str, Tensor]:
    """The terms of a step: restoration at full size and at one scale, likeness of the large pair and of small views.

    Each likeness is taken at a scale of its own, drawn evenly; restoration at a scale fades out, along a cosine that
    ends with the run (FOUND, where it is wired to 240 epochs whatever the length).

    Args:
        restorer: the network.
        crops: of B images.
        progress: 0 at the first step, 1 behind the last.
        rng: draws the scales.
        place: where the network is.
    """
    clean = crops.clean[:, 0].to(place)
    first, second = (restorer.maps(_as_seen(crops.spoilt[:, i], place)) for i in range(2))
    size, scales = (clean.shape[-2], clean.shape[-1]), len(first)

    def alike(one: Sequence[Tensor], other: Sequence[Tensor], scale: int) -> Tensor:
        return likeness_loss(restorer.vectors(one, scale), restorer.vectors(other, scale))

    middle = int(rng.integers(scales))
    losses = {
        "restored": F.mse_loss(restorer.restored(first, scales - 1, size), clean),
        "middle": fading(progress) * F.mse_loss(restorer.restored(first, middle, size), clean),
        "alike": alike(first, second, middle),
    }
    small = crops.small.transpose(0, 1)
    if len(small):
        with statistics_not_kept(restorer):  # the encoder will be shown whole images
            seen = restorer.maps(_as_seen(small.flatten(0, 1), place))
        each = [[m[i * len(clean) : (i + 1) * len(clean)] for m in seen] for i in range(len(small))]
        pairs = [alike(large, one, int(rng.integers(scales))) for one in each for large in (first, second)]
        losses["small"] = torch.stack(pairs).mean()
    return losses


def _as_seen(views: Tensor, place: torch.device) -> Tensor:
    """Views where the network is, in the memory format that convolutions on a CPU are faster in."""
    return views.to(place).contiguous(memory_format=torch.channels_last)


def fading(progress: float) -> float:
    """What restoration at one scale counts, (1 + cos(pi t)) / 2: from 1 to 0, however long the run."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def _card(config: RestorationConfig, images: int) -> str:
    return f"""# {config.encoder}, pretrained by restoration

An image encoder for any recipe of LexSeg: `--model.encoder_args.pretrained FOLDER`. Trained without masks and without
words on {images:,} images, {config.steps:,} steps of {config.batch} at {config.size} px, from \
{"random weights" if config.encoder_args.get("pretrained") is False else "the encoder's usual weights"}, \
{"with" if config.mirror else "without"} mirroring. `encoder.json` holds all settings.

Research use only: not a medical device. Name the images and their terms here before you hand the encoder on.
"""

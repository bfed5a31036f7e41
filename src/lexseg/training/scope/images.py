"""Fitting the judge of images: what a model's own encoder makes of the images that it was trained on."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lexseg.models.config import ModelConfig
from lexseg.models.inputs import fit_image, image_tensor
from lexseg.models.io import LoadedModel
from lexseg.models.scope import ImageScorer, pooled
from lexseg.seeds import case_generator
from lexseg.training.augment import AugmentConfig
from lexseg.training.scope.space import fit_space, left_out
from lexseg.training.scope.strange import strange_images
from lexseg.training.scope.worlds import ScopeWorld
from lexseg.training.views import view_of

FITTED, CALIBRATED = 160, 1000
"""Training and validation images of each world that are looked at: eighty do not tell how far off one of two hundred
lies."""

_BATCH = 8
# another device or archive is no other world: each image is also seen as these would have it
_AUGMENT = AugmentConfig(mirror=0.5, zoom=(0.85, 1.2), shift=0.08, scanner=0.8, brightness=0.1)

Progress = Callable[[int, int], None]


def fit_images(
    loaded: LoadedModel,
    worlds: Sequence[ScopeWorld],
    *,
    device: torch.device,
    seed: int,
    progress: Progress | None = None,
) -> tuple[ImageScorer, tuple[dict[str, float], dict[str, float]]]:
    """Fit the judge of images.

    Returns:
        the judge; by world, how many of its validation images are refused; and how many would be taken for another
        world's by a model that had never met it.
    """
    fitted, calibrated = image_points(loaded, worlds, device=device, seed=seed, progress=progress)
    foreign = encode(loaded, [_fitted(image, loaded.config) for image in strange_images(seed)], device)
    channels = _channels(loaded, device)
    scorer = fit_space(fitted, calibrated, foreign, channels)
    refused = {
        world.name: float((scorer.judge(own).min(1) > 1).mean())
        for world, own in zip(worlds, calibrated, strict=True)
        if len(own)
    }
    shares = zip(worlds, left_out(fitted, calibrated, foreign, channels), strict=True)
    return scorer, (refused, {world.name: share for world, share in shares if not np.isnan(share)})


def image_points(
    loaded: LoadedModel,
    worlds: Sequence[ScopeWorld],
    *,
    device: torch.device,
    seed: int,
    progress: Progress | None = None,
) -> tuple[list[Tensor], list[Tensor]]:
    """Pooled features float[N, F] by world: of training images, as they are and augmented, and of validation images."""
    asked = [
        (world, split, spread(world.images(split), most, seed))
        for split, most in (("train", FITTED), ("val", CALIBRATED))
        for world in worlds
    ]
    config = loaded.config
    total = sum(len(paths) * (2 if split == "train" else 1) for _, split, paths in asked)
    done = 0
    found: dict[str, list[Tensor]] = {"train": [], "val": []}
    for _, split, paths in asked:
        parts = []
        for augmented in (False, True)[: 2 if split == "train" else 1]:
            for start in range(0, len(paths), _BATCH):
                part = paths[start : start + _BATCH]
                inputs = [
                    view_of(path, config.size, _AUGMENT, seed=seed, view=int(augmented), fit=config.fit)
                    for path in part
                ]
                parts.append(encode(loaded, inputs, device))
                done += len(part)
                if progress is not None:
                    progress(done, total)
        found[split].append(torch.cat(parts) if parts else torch.zeros(0, 0))
    return found["train"], found["val"]


def encode(loaded: LoadedModel, inputs: Sequence[Tensor], device: torch.device) -> Tensor:
    """Pooled features float[B, F] of inputs float[3, h, w]."""
    with torch.inference_mode():
        return torch.from_numpy(pooled(loaded.model.to(device).encode_image(torch.stack(list(inputs)).to(device)).maps))


def _channels(loaded: LoadedModel, device: torch.device) -> list[int]:
    """Of the maps that are pooled."""
    with torch.inference_mode():
        blank = torch.zeros(1, 3, *loaded.config.size, device=device)
        return [each.shape[1] for each in loaded.model.to(device).encode_image(blank).maps]


def spread(paths: Sequence[Path], most: int, seed: int) -> list[Path]:
    """At most so many, drawn by the seed and the file's name, evenly from the folders they lie in."""
    folders: dict[Path, list[Path]] = {}
    for path in sorted(paths, key=lambda p: case_generator(seed, 0, p.name).random()):
        folders.setdefault(path.parent, []).append(path)
    chosen: list[Path] = []
    for place in range(max(map(len, folders.values()), default=0)):
        chosen += [own[place] for own in folders.values() if place < len(own)]
    return chosen[:most]


def _fitted(image: NDArray[np.float32], config: ModelConfig) -> Tensor:
    return fit_image(image_tensor(image), config.size, config.fit).expand(3, -1, -1)

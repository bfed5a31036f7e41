"""What networks that stand beside a segmentation model share in training: their cases, their rate, their folder."""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from lexseg.cases.case import Case
from lexseg.cases.manifest import read_manifests
from lexseg.cases.splits import assign_splits, parse_fractions
from lexseg.errors import ConfigError, ModelError
from lexseg.files import new_folder


class HowLong(Protocol):
    """What the settings of all of them name."""

    @property
    def size(self) -> int: ...
    @property
    def lr(self) -> float: ...
    @property
    def limit(self) -> int: ...


def check_settings(config: HowLong, stride: int, counts: Sequence[str] = ("batch", "steps")) -> None:
    """Refuse what cannot be used.

    Args:
        config: the settings.
        stride: that the side of the input is to be divisible by.
        counts: names of settings that are 1 or more.

    Raises:
        ConfigError: naming the setting, its value and what was expected.
    """
    if config.size <= 0 or config.size % stride:
        raise ConfigError(f"size is {config.size}; a side divisible by {stride} was expected")
    for name in counts:
        if getattr(config, name) < 1:
            raise ConfigError(f"{name} is {getattr(config, name)}; 1 or more was expected")
    if not 0 < config.lr < 1:
        raise ConfigError(f"lr is {config.lr}; a number between 0 and 1 was expected")
    if config.limit < 0:
        raise ConfigError(f"limit is {config.limit}; 0 or more was expected")


def some_cases(
    manifests: Sequence[str], split: str, wanted: Callable[[Case], bool], *, most: int, seed: int
) -> list[Case]:
    """Cases of a split, 80/20 where the manifests name none.

    Args:
        manifests: their files.
        split: of the cases.
        wanted: which of them can be used.
        most: of them, drawn by the seed and left in their order; 0 is all.
        seed: of what chance decides.
    """
    cases = assign_splits(read_manifests([Path(path) for path in manifests]), parse_fractions("80/20/0"), seed)
    chosen = [case for case in cases if case.split == split and wanted(case)]
    if most and len(chosen) > most:
        drawn = np.random.default_rng(seed).permutation(len(chosen))[:most]
        chosen = [chosen[i] for i in sorted(drawn)]
    return chosen


def descend(
    loss: Tensor,
    parameters: Iterable[Tensor],
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
) -> None:
    """One step down a loss, the gradients of these parameters no longer than 1 together, and one of the schedule."""
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()
    schedule.step()


def warmed_cosine(
    optimizer: torch.optim.Optimizer, steps: int, warmup: float = 0.05
) -> torch.optim.lr_scheduler.LambdaLR:
    """Up to the peak rate in a straight line over a share of the steps, then down to 0 by half a cosine."""
    warm = max(1, round(warmup * steps))

    def factor(step: int) -> float:
        progress = (step - warm) / max(1, steps - warm)
        return (step + 1) / warm if step < warm else 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def write_weights(output: Path, name: str, state: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Make a folder of ``name.json`` and ``name.safetensors``, whole or not at all.

    Args:
        output: the folder; it must not hold anything yet.
        name: of both files.
        state: the weights.
        about: what name.json says beside their hash; no sentence and no path.
    """
    content = save({key: tensor.detach().cpu().contiguous() for key, tensor in state.items()})
    values = dict(about) | {"weights_sha256": hashlib.sha256(content).hexdigest()}
    with new_folder(output) as folder:
        (folder / f"{name}.safetensors").write_bytes(content)
        (folder / f"{name}.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def read_weights(folder: Path, name: str, what: str) -> tuple[dict[str, Any], bytes]:
    """Read such a folder, strictly.

    Args:
        folder: the folder.
        name: of both files.
        what: it holds, as messages call it.

    Returns:
        what name.json says, and the bytes of the weights.

    Raises:
        ModelError: the folder is none, or a file of it is damaged.
    """
    about_file, weights = folder / f"{name}.json", folder / f"{name}.safetensors"
    try:
        about = dict(json.loads(about_file.read_text(encoding="utf-8")))
        expected, content = str(about["weights_sha256"]), weights.read_bytes()
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise unreadable(folder, name, what, error) from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise ModelError(f"{weights}: the file is damaged (its SHA-256 is not the one in {about_file.name})")
    return about, content


def unreadable(folder: Path, name: str, what: str, error: Exception) -> ModelError:
    """The error of a folder that is none of the kind."""
    return ModelError(f"{folder}: no {what} that can be read ({error}); `lexseg pretrain {name}` makes one")

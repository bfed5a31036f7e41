"""Parameter groups and the learning-rate schedule."""

import math
import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from lexseg.models.base import SegmentationModel
from lexseg.training.config import OptimizerConfig

_SCALE = re.compile(r"(?:^|\.)(?:scale|gate)s?\d*$")
"""Names of layer scales and gates, which have as many axes as what they multiply."""
FLAT = 0.2
"""The last share of a cycle, in which the rate stays as it is."""


def cycle_factor(progress: float, cycles: int) -> float:
    """Share of the peak rate: (1 - min(t, 0.8)) ** 0.9, with t from 0 to 1 in each cycle.

    Args:
        progress: share of the run that is done, after the warm-up.
        cycles: of equal length.
    """
    within = min(progress, 1 - 1e-9) * cycles % 1
    left: float = (1 - min(within, 1 - FLAT)) ** 0.9
    return left


def parameter_groups(model: SegmentationModel, config: OptimizerConfig) -> list[dict[str, Any]]:
    """Every trainable parameter exactly once, each group with its peak rate and weight decay.

    The image encoder's groups get ``lr * encoder_lr * layer_decay ** (groups behind it)``.
    """
    rates: list[tuple[str, float, list[nn.Parameter]]] = []
    named = model.parameter_groups()
    depth = len(named["encoder"])
    for i, group in enumerate(named["encoder"]):
        rates.append((f"encoder{i}", config.lr * config.encoder_lr * config.layer_decay ** (depth - 1 - i), group))
    rates += [("text", config.lr * config.text_lr, group) for group in named["text"]]
    rates += [("head", config.lr, group) for group in named["head"]]

    plain = {id(p) for name, p in model.named_parameters() if p.ndim <= 1 or _SCALE.search(name)}
    out: list[dict[str, Any]] = []
    for name, rate, group in rates:
        trainable = [p for p in group if p.requires_grad]
        for suffix, decay, chosen in (
            ("", config.weight_decay, [p for p in trainable if id(p) not in plain]),
            ("/no_decay", 0.0, [p for p in trainable if id(p) in plain]),
        ):
            if chosen:
                out.append({"name": name + suffix, "params": chosen, "lr": rate, "weight_decay": decay})
    given = [id(p) for group in out for p in group["params"]]
    wanted = {id(p) for p in model.parameters() if p.requires_grad}
    if len(given) != len(set(given)) or set(given) != wanted:
        raise AssertionError(
            f"{type(model).__name__}.parameter_groups must hold every trainable parameter exactly once"
        )
    return out


def build_optimizer(
    model: SegmentationModel, config: OptimizerConfig, steps: int, further: Sequence[nn.Parameter] = ()
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
    """AdamW or SGD; a linear warm-up, then a fall (cosine or polynomial) that ends with the last of ``steps``.

    Args:
        model: the network.
        config: the settings.
        steps: of the whole run.
        further: parameters beside the network's, which are trained at its head's rate and without weight decay.
    """
    groups = parameter_groups(model, config)
    if further:
        groups.append({"name": "regime", "params": list(further), "lr": config.lr, "weight_decay": 0.0})
    optimizer: torch.optim.Optimizer
    if config.kind == "sgd":
        optimizer = torch.optim.SGD(groups, config.lr, momentum=config.momentum, nesterov=config.momentum > 0)
    else:
        # a third of the time on a CPU; elsewhere it would unscale gradients, which forbids clipping them
        fused = all(p.device.type == "cpu" for p in model.parameters())
        optimizer = torch.optim.AdamW(groups, fused=fused)
        if fused:
            optimizer._step_supports_amp_scaling = False  # on a CPU nothing is scaled
    warm = max(1, round(config.warmup * steps))

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        progress = min(1.0, (step - warm) / max(1, steps - warm))
        if config.schedule == "cyclic":
            return cycle_factor(progress, config.cycles)
        left = 0.5 * (1 + math.cos(math.pi * progress)) if config.schedule == "cosine" else (1 - progress) ** 0.9
        return config.final_lr + (1 - config.final_lr) * left

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)

"""The yardstick of few shots: a new last layer, trained together with the whole network on the same labelled pixels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from lexseg.errors import ConfigError
from lexseg.fewshot.fit import Teacher, TeachingOptions
from lexseg.fewshot.labels import TARGET, UNKNOWN, shrunk
from lexseg.fewshot.support import Example
from lexseg.models.fewshot import FewShot
from lexseg.models.fewshot.heads.base import balanced_loss
from lexseg.models.fewshot.heads.gradient import Finetune
from lexseg.models.io import LoadedModel
from lexseg.models.place import to_input

_PARTS = ("model",)


def finetune(
    base: LoadedModel, examples: Sequence[Example], options: TeachingOptions, words: str | None
) -> tuple[FewShot, dict[str, Any]]:
    """Train the network and a new last layer on the labelled pixels, by so many steps of Adam.

    All images go through at each step; batch norms keep the statistics that they have.

    Returns:
        the model and its keywords.

    Raises:
        ConfigError: there are no labelled images, or no network to train.
    """
    if not examples:
        raise ConfigError("head 'finetune' needs labelled images")
    from dataclasses import replace

    teacher = Teacher(base, replace(options, parts=_PARTS, refine=0, grow=False), words)
    model, head = teacher.model, teacher.model.head
    if not isinstance(head, Finetune) or model.base is None:
        raise ConfigError(f"{base.folder}: a model that was taught is not trained further; take the one it stands on")
    side = options.size
    images = torch.from_numpy(np.stack([to_input(each.image, (side, side)) for each in examples]).copy())
    drawn = torch.from_numpy(np.stack([shrunk(each.labels, (side // 2, side // 2)) for each in examples]))
    known = drawn.flatten() != UNKNOWN
    wanted = (drawn.flatten()[known] == TARGET).float()
    model.eval()
    with torch.enable_grad():
        # normalised once, by what the network says before it is trained
        with torch.no_grad():
            seen = model.seen(model.encode_image(images))
            model.mean.copy_(seen.mean((0, 2, 3)))
            model.spread.copy_(seen.std((0, 2, 3)).clamp(min=1e-4))
        optimiser = torch.optim.Adam([*model.base.parameters(), *head.start.parameters()], lr=head.rate)
        for _ in range(head.steps):
            values = model.embedding(model.seen(model.encode_image(images)))
            flat = values.permute(0, 2, 3, 1).flatten(0, 2)[known]
            optimiser.zero_grad(set_to_none=True)
            balanced_loss(head.score(flat, dict(head.start.items())), wanted).backward()
            optimiser.step()
    head.keep(dict(head.start.items()))
    return model, teacher.arguments

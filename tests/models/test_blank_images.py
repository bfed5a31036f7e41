"""Contrast of images and sentences cannot be learnt where the images show nothing."""

import math
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.target import Target
from lexseg.models import create_model

from .base import WIDTH
from .test_lsms import LITE
from .test_tmca import SMALL

ROWS, STEPS, CHANCE = 8, 60, math.log(8)


def batch(seed: int) -> tuple[TextBatch, Target]:
    """Eight sentences that are always the same, and a rectangle for each that is always another."""
    states = torch.randn(ROWS, 3, WIDTH, generator=torch.Generator().manual_seed(0))
    words = torch.ones(ROWS, 3, dtype=torch.bool)
    text = TextBatch(words, torch.arange(ROWS), torch.zeros(ROWS, dtype=torch.bool), states=states)
    coarse = torch.rand(ROWS, 1, 4, 4, generator=torch.Generator().manual_seed(seed)) > 0.6
    coarse[:, :, 1, 1] = True
    return text, Target(F.interpolate(coarse.float(), size=64, mode="nearest-exact"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments", "term", "weight"),
    [
        ("lsms", {**LITE, "presence_weight": 0.0}, "region", 0.1),
        ("tmca", {**SMALL, "encoder_args": {"pretrained": True}, "alignment_levels": [16, 32]}, "contrastive", 0.1),
    ],
)
def test_contrast_stays_at_chance(name: str, arguments: dict[str, Any], term: str, weight: float) -> None:
    torch.manual_seed(0)
    model = create_model(name, **arguments).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    image, seen = torch.full((ROWS, 3, 64, 64), 0.5), []
    for step in range(STEPS):
        text, target = batch(step)
        loss = model.training_losses(image, text, target)[term] / weight
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.append(float(loss.detach()))
    assert sum(seen[-10:]) / 10 > 0.9 * CHANCE

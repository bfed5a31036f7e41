"""LanGuideMedSeg: what every model holds to, that it is TMCA's base, and what the released code's faults do."""

from typing import Any, ClassVar

import torch

from lexseg.models.languide import LanGuide

from .base import WIDTH, ModelTests

SMALL: dict[str, Any] = {
    "encoder": "efficientnet-lite0",
    "encoder_args": {"pretrained": False},
    "text_width": WIDTH,
    "widths": [32, 24, 16, 16],
    "head_channels": 1,
}


class TestLanGuide(ModelTests):
    name = "languide"
    arguments: ClassVar = SMALL
    learning: ClassVar = {"encoder_args": {"pretrained": True}}


class TestAsPublished(ModelTests):
    name = "languide"
    learns: ClassVar = False  # the squares are learnt above
    arguments: ClassVar = SMALL | {"as_published": True, "head_channels": 4}


def small(**changes: Any) -> LanGuide:
    torch.manual_seed(0)
    return LanGuide(**(SMALL | changes))

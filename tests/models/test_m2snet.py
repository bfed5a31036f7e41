"""M2SNet: its units, its pyramid, its losses, and what the released code's faults cost."""

from typing import ClassVar

from .base import ModelTests


class TestM2SNet(ModelTests):
    name = "m2snet"
    arguments: ClassVar = {"encoder_args": {"pretrained": False}, "width": 16, "perceptual_size": 64}

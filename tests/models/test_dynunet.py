"""The nnU-Net-like network: MONAI's blocks, losses at several sizes."""

from typing import ClassVar

from .base import ModelTests


class TestDynUNet(ModelTests):
    name = "dynunet"
    arguments: ClassVar = {"filters": [8, 8, 16, 16, 24, 24]}


class TestDynUNetOnLite0(ModelTests):
    name = "dynunet"
    arguments: ClassVar = {
        "encoder": "efficientnet-lite0",
        "encoder_args": {"pretrained": False},
        "deep_supervision": 2,
    }

"""The U-Net: a model like the others, but deaf."""

from typing import ClassVar

import pytest
import torch

from lexseg.models.unet import UNet

from .base import ModelTests, images, sentences


class TestUNet(ModelTests):
    name = "unet"
    arguments: ClassVar = {"encoder": "mscan-tiny", "encoder_args": {"drop_path": 0.0}, "widths": [32, 24, 16]}


class TestUNetOnLite0(ModelTests):
    name = "unet"
    arguments: ClassVar = {"encoder": "efficientnet-lite0", "widths": [32, 24, 16], "upsample": "bilinear"}


def test_words_change_nothing() -> None:
    model = UNet(encoder_args={"pretrained": False}).eval()
    with torch.no_grad():
        one, other = (model(images(2), sentences(2, seed=s, null=n)).logits for s, n in ((1, ()), (5, (0,))))
    assert torch.equal(one, other)


def test_a_width_for_each_step_is_asked_for() -> None:
    with pytest.raises(ValueError, match="needs 3 widths"):
        UNet(encoder_args={"pretrained": False}, widths=(64, 32))

"""A model small enough to be trained in a test, and the ``lexseg`` command with it, in processes that can be killed."""

import multiprocessing
import os
import sys

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.image.base import ImageEncoder
from lexseg.losses.presence import presence_loss
from lexseg.losses.segmentation import segmentation_losses
from lexseg.models import MODELS
from lexseg.models.base import Features, Prediction, SegmentationModel
from lexseg.models.parts.text_input import TextInput, trained_text_encoder
from lexseg.models.parts.unet_decoder import UNetDecoder
from lexseg.models.unet import UNet

PLACE = "tiny:Tiny"  # for lexseg.models.MODELS
PRESENCE_PLACE = "tiny:TinyPresence"
PYRAMID_PLACE = "tiny:TinyPyramid"
UNET_PLACE = "tiny:TinyUNet"


class Tiny(SegmentationModel):
    """Two convolutions whose channels the sentence scales; with batch norm and dropout, whose state must be resumed."""

    name = "tiny"

    def __init__(self, *, text_width=16, text_encoder=None, encoder_args=None, width=8):
        super().__init__()
        self.text_input = TextInput(text_width, trained_text_encoder(text_encoder), width)
        self.encoder = nn.Sequential(nn.Conv2d(3, width, 8, stride=8), nn.BatchNorm2d(width), nn.ReLU())
        self.drop = nn.Dropout(0.2)
        self.head = nn.Conv2d(width, 1, 1)
        self.loss_names = ("dice", "bce", "small")

    def encode_image(self, image: Tensor) -> Features:
        return Features([self.encoder(image)], (image.shape[-2], image.shape[-1]))

    def decode(self, features: Features, text) -> Prediction:
        tokens, mask = self.text_input(text)
        sentence = tokens.sum(1) / mask.sum(1, keepdim=True)
        x = self.drop(features.maps[0]) * (1 + sentence[..., None, None])
        logits = F.interpolate(self.head(x), size=features.size, mode="bilinear")
        return Prediction(logits, features=x)

    def training_losses(self, image: Tensor, text, target) -> dict[str, Tensor]:
        logits = self(image, text).logits
        return segmentation_losses(logits, target) | {"small": 1e-3 * logits.square().mean()}

    def image_layers(self):
        return [list(self.encoder.parameters())]


class TinyEncoder(ImageEncoder):
    """Four convolutions, each with a batch norm."""

    def __init__(self, widths=(4, 6, 8, 8)):
        super().__init__()
        self.channels = widths
        self.stages = nn.ModuleList(
            nn.Sequential(nn.Conv2d(i, o, s, stride=s), nn.BatchNorm2d(o), nn.ReLU())
            for i, o, s in zip((3, *widths), widths, (4, 2, 2, 2), strict=False)
        )

    def layer_groups(self):
        return [list(stage.parameters()) for stage in self.stages]


class TinyPyramid(Tiny):
    """The same on a pyramid: its shallowest and its deepest map."""

    name = "tiny-pyramid"

    def __init__(self, **arguments):
        super().__init__(**{"width": 12, **arguments})
        self.encoder, self.normalize = TinyEncoder(), nn.Identity()

    def encode_image(self, image: Tensor) -> Features:
        maps = self.encoder(image)
        deep = F.interpolate(maps[3], size=maps[0].shape[-2:], mode="bilinear")
        return Features([torch.cat([maps[0], deep], 1)], (image.shape[-2], image.shape[-1]))


class TinyUNet(UNet):
    """A U-Net on the same pyramid."""

    name = "tiny-unet"

    def __init__(self, *, encoder_args=None):
        super().__init__(encoder_args={"pretrained": False}, widths=(8, 6, 4), upsample="bilinear")
        self.encoder, self.normalize = TinyEncoder(), nn.Identity()
        self.decoder = UNetDecoder(self.encoder.channels, (8, 6, 4))


class TinyPresence(Tiny):
    """The same, and an answer to "is it there?"."""

    name = "tiny-presence"

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.presence = nn.Linear(2 * self.head.in_channels, 1)
        self.loss_names = (*self.loss_names, "presence")

    def decode(self, features: Features, text) -> Prediction:
        tokens, mask = self.text_input(text)
        sentence = tokens.sum(1) / mask.sum(1, keepdim=True)
        presence = self.presence(torch.cat([sentence, features.maps[0].mean((2, 3))], 1)).squeeze(1)
        answer = super().decode(features, text)
        return Prediction(answer.logits, presence, features=answer.features)

    def training_losses(self, image: Tensor, text, target) -> dict[str, Tensor]:
        features = self.encode_for(image, text)
        prediction = self.decode(features, text)
        small = {"small": 1e-3 * prediction.logits.square().mean()}
        presence = {"presence": presence_loss(prediction.presence, target)}
        return segmentation_losses(prediction.logits, target) | small | presence


def run_lexseg(arguments: list[str], log: str) -> None:
    """``lexseg ARGUMENTS`` in a process of its own, on one thread; what it says goes to a file."""
    from lexseg.cli.main import main

    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    MODELS["tiny"], MODELS["tiny-presence"] = PLACE, PRESENCE_PLACE
    torch.set_num_threads(1)
    # a process of a forkserver would start reading processes by one of its own, which has imported nothing
    multiprocessing.set_start_method("fork", force=True)
    sys.argv = ["lexseg", *arguments]
    sys.exit(main(arguments))

"""The nnU-Net-like U-Net: MONAI's DynUNet blocks with deep supervision, no words.

Isensee et al., nnU-Net, Nature Methods 2021. MONAI (Apache-2.0) gives the blocks; that nnU-Net plans sizes, widths and
patches from the data is not rebuilt here: the plan of a 224-pixel image is the default.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.image.base import ImageEncoder
from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.deep_supervision import deep_supervision_losses
from lexseg.losses.target import Target
from lexseg.models.base import Features, Normalize, Prediction, SegmentationModel
from lexseg.models.dynunet.blocks import down_block, out_block, up_block
from lexseg.models.parts.guide_decoder import SubPixelHead
from lexseg.models.parts.unet_decoder import resize


class DynUNet(SegmentationModel):
    """A plain U-Net with instance norm, leaky ReLU and losses at several sizes. It ignores the sentence.

    Args:
        encoder: ``None`` is the published network, trained from nothing; a name puts the decoder onto that image
            encoder (OURS: the lite variant), from stride 4 on with a sub-pixel head.
        encoder_args: the encoder's keywords; without an encoder there are none that matter.
        filters: widths at strides 1, 2, 4, 8, 16 and 32 of the published network; three to six. Left out where there is
            an encoder, whose own widths hold, as nnU-Net's decoder is as wide as its encoder.
        deep_supervision: how many smaller sizes are supervised beside the full one. nnU-Net's are all but the smallest.
        batch_dice: Dice of the whole batch, as nnU-Net's in 2D.
    """

    name = "dynunet"
    uses_text = False

    def __init__(
        self,
        *,
        encoder: str | None = None,
        encoder_args: Mapping[str, Any] | None = None,
        filters: Sequence[int] = (32, 64, 128, 256, 512, 512),
        deep_supervision: int = 3,
        batch_dice: bool = True,
    ) -> None:
        super().__init__()
        head: nn.Module
        self.encoder: ImageEncoder | None = None
        self.normalize: nn.Module = ZScore()
        if encoder is None:
            if not 3 <= len(filters) <= 6:
                raise ValueError(
                    f"filters are three to six widths, at strides 1, 2, 4, ... up to 32, not {len(filters)}"
                )
            strides = (1,) + (2,) * (len(filters) - 1)
            self.downs = nn.ModuleList(
                down_block(i, o, s) for i, o, s in zip((3, *filters), filters, strides, strict=False)
            )
            widths, head = tuple(filters), out_block(filters[0])
        else:
            self.encoder = create_image_encoder(encoder, **(encoder_args or {}))
            self.normalize = Normalize(self.encoder.mean, self.encoder.std)
            self.downs = nn.ModuleList()
            widths = tuple(self.encoder.channels)
            head = SubPixelHead(widths[0], 1)
        if not 0 <= deep_supervision <= len(widths) - 2:
            raise ValueError(f"deep_supervision is a number from 0 to {len(widths) - 2} here, not {deep_supervision}")
        self.ups = nn.ModuleList(up_block(deep, wide) for wide, deep in reversed(list(pairwise(widths))))
        # from the full size downwards
        self.heads = nn.ModuleList([head, *(out_block(widths[i]) for i in range(1, deep_supervision + 1))])
        self.batch_dice = batch_dice
        self.loss_names = ("dice", "bce")

    def encode_image(self, image: Tensor) -> Features:
        """The decoder's map: without words, all the work is the image's. In training also the smaller sizes' logits."""
        x = self.normalize(image)
        maps: list[Tensor] = []
        if self.encoder is not None:
            maps = self.encoder(x)
        else:
            for down in self.downs:
                x = down(x)
                maps.append(x)
        x, levels = maps[-1], []
        for up, skip in zip(self.ups, reversed(maps[:-1]), strict=True):
            x = up(x, skip)
            levels.append(x)
        *smaller, largest = levels
        heads = list(self.heads)[1:] if self.training else []
        logits = [head(level) for head, level in zip(heads, reversed(smaller), strict=False)]
        return Features.of([largest, *logits], image)

    def decode(self, features: Features, text: TextBatch) -> Prediction:
        """The same mask for every sentence."""
        x = features.maps[0]
        return Prediction(resize(self.heads[0](x), features.size), features=x)

    def training_losses(self, image: Tensor, text: TextBatch, target: Target) -> dict[str, Tensor]:
        """Dice and cross-entropy, over all supervised sizes."""
        x, *smaller = self.encode_for(image, text).maps
        return deep_supervision_losses([self.heads[0](x), *smaller], target, batch_dice=self.batch_dice)

    def image_layers(self) -> list[list[nn.Parameter]]:
        """The levels of the way down, or the image encoder in layers."""
        own = [list(down.parameters()) for down in self.downs]
        return own if self.encoder is None else self.encoder.layer_groups()


class ZScore(nn.Module):
    """Each channel of each image to mean 0 and deviation 1, as nnU-Net does with all but CT and photographs."""

    def forward(self, image: Tensor) -> Tensor:
        """Args: image: float[B, 3, H, W]. An even image becomes 0."""
        variance, mean = torch.var_mean(image, (2, 3), correction=0, keepdim=True)
        return (image - mean) / (variance.sqrt() + 1e-6)

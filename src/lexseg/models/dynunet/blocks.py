"""MONAI's DynUNet blocks, with an instance norm that takes maps of one cell too."""

import torch
from monai.networks.blocks.dynunet_block import UnetBasicBlock, UnetOutBlock, UnetUpBlock
from torch import Tensor, nn

NORM = ("INSTANCE", {"affine": True})
ACTIVATION = ("leakyrelu", {"inplace": True, "negative_slope": 0.01})


class InstanceNorm(nn.GroupNorm):
    """Each channel of each image to mean 0 and deviation 1, then a factor and an offset.

    ``nn.InstanceNorm2d`` refuses a map of a single cell, which a 32-pixel image has at the bottom; here it becomes the
    offset. Also about as fast in channels-last memory as in the other.

    Args:
        channels: of float[B, C, h, w].
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


def down_block(inputs: int, outputs: int, stride: int) -> nn.Module:
    """Two 3x3 convolutions, each with instance norm and leaky ReLU; the first has the stride."""
    return _any_size(UnetBasicBlock(2, inputs, outputs, 3, stride, NORM, ACTIVATION))


def up_block(inputs: int, outputs: int) -> nn.Module:
    """A 2x2 transposed convolution, the skip (of ``outputs`` channels) beside it, two 3x3 convolutions."""
    return _any_size(UnetUpBlock(2, inputs, outputs, 3, 1, 2, NORM, ACTIVATION))


def out_block(inputs: int) -> nn.Module:
    """A 1x1 convolution to one logit."""
    return _any_size(UnetOutBlock(2, inputs, 1))


def _any_size(block: nn.Module) -> nn.Module:
    """Swap the norms, and start the convolutions as nnU-Net does."""
    for parent in list(block.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.InstanceNorm2d):
                setattr(parent, name, InstanceNorm(child.num_features))
    for module in block.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight, a=0.01)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return block

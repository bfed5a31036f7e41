"""Res2Net-50 (Gao et al., TPAMI 2021), 26w x 4s, in the variant v1b: M2SNet's published encoder.

v1b has three 3x3 convolutions for the stem and pools before the shortcut's 1x1. That M2SNet takes v1b rather than the
plain variant is INFERRED from the polyp networks that it stands with; the two differ by 19 thousand parameters.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.image.base import ImageEncoder
from lexseg.encoders.image.weights import read_weights
from lexseg.errors import ModelError

BLOCKS = (3, 4, 6, 3)
SCALE = 4


class _Block(nn.Module):
    """1x1; the channels in four groups, each but the last through a 3x3 after the one before was added to it; 1x1.

    Args:
        inputs: channels.
        planes: a quarter of the result's channels.
        stride: of the 3x3 convolutions.
        first: of its stage: the groups do not build upon one another, and the last is pooled.
    """

    def __init__(self, inputs: int, planes: int, stride: int, first: bool) -> None:
        super().__init__()
        width, outputs = planes * 26 // 64, 4 * planes
        self.first, self.stride = first, stride
        self.conv1 = nn.Conv2d(inputs, width * SCALE, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width * SCALE)
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, stride, 1, bias=False) for _ in range(SCALE - 1))
        self.bns = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(SCALE - 1))
        self.conv3 = nn.Conv2d(width * SCALE, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        pool = nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)
        conv = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.downsample = nn.Sequential(pool, conv, nn.BatchNorm2d(outputs)) if first else None

    def forward(self, x: Tensor) -> Tensor:
        groups = F.relu(self.bn1(self.conv1(x))).chunk(SCALE, 1)
        done: list[Tensor] = []
        for group, conv, norm in zip(groups, self.convs, self.bns, strict=False):
            before = done[-1] if done and not self.first else 0
            done.append(F.relu(norm(conv(group + before))))
        done.append(F.avg_pool2d(groups[-1], 3, self.stride, 1) if self.first else groups[-1])
        y: Tensor = self.bn3(self.conv3(torch.cat(done, 1)))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Res2Net50(ImageEncoder):
    """Res2Net-50 without its classifier: 23.7 M parameters, maps of 256, 512, 1024 and 2048 channels.

    Attributes:
        stem_channels: of the pooled stem, a fifth map at stride 4 (:meth:`with_stem`).
    """

    channels = (256, 512, 1024, 2048)
    stem_channels = 64

    def __init__(self, pretrained: bool | str = True) -> None:
        """Build the encoder.

        Args:
            pretrained: path of the authors' file of ImageNet weights (``res2net50_v1b_26w_4s-*.pth``), or false for a
                random start. No package holds the weights, so that true is an error.

        Raises:
            ModelError: there are no weights, or they are of another network.
        """
        super().__init__()
        if pretrained is True:
            raise ModelError(
                "no package holds the ImageNet weights of Res2Net-50: set encoder_args.pretrained to the authors' file "
                "(res2net50_v1b_26w_4s-*.pth), or to false for a random start"
            )
        stem: list[nn.Module] = []
        for inputs, outputs, stride in ((3, 32, 2), (32, 32, 1), (32, 64, 1)):
            conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            stem += [conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
        self.stages, inputs = nn.ModuleList(), 64
        for i, count in enumerate(BLOCKS):
            planes = 64 << i
            blocks = [
                _Block(inputs if j == 0 else 4 * planes, planes, 1 if i == 0 or j else 2, j == 0) for j in range(count)
            ]
            self.stages.append(nn.Sequential(*blocks))
            inputs = 4 * planes
        pooled = nn.Sequential(*stem, nn.MaxPool2d(3, 2, 1))
        self.stages[0] = nn.Sequential(pooled, self.stages[0])
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if pretrained:
            self._load(Path(pretrained))

    def with_stem(self, image: Tensor) -> list[Tensor]:
        """Five maps: the stem's, float[B, 64, H / 4, W / 4], then the four stages'."""
        stem, first = self.stages[0].children()
        maps = [stem(image)]
        for stage in (first, *self.stages[1:]):
            maps.append(stage(maps[-1]))
        return maps

    def layer_groups(self) -> list[list[nn.Parameter]]:
        """The stem, then the four stages."""
        stem, first = self.stages[0].children()
        return [list(stage.parameters()) for stage in (stem, first, *self.stages[1:])]

    def _load(self, path: Path) -> None:
        """Fill all from the authors' names: ``conv1.0`` and ``bn1`` (stem), ``layer1.0.convs.0``, ``fc``."""
        if not path.is_file():
            raise ModelError(f"{path}: no such file of Res2Net weights")
        given = read_weights(path)
        weights = {_ours(name): value for name, value in given.items() if not name.startswith("fc.")}
        try:
            self.load_state_dict(weights, strict=True)
        except RuntimeError as error:
            raise ModelError(f"{path}: not the weights of Res2Net-50 v1b 26w 4s: {error}") from error


def _ours(name: str) -> str:
    layer, _, rest = name.partition(".")
    if layer == "conv1":
        return f"stages.0.0.{rest}"
    if layer == "bn1":
        return f"stages.0.0.7.{rest}"
    return f"stages.{int(layer[5:]) - 1}.{'1.' if layer == 'layer1' else ''}{rest}" if layer[5:].isdigit() else name

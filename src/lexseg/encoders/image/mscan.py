"""MSCAN, the encoder of SegNeXt (Guo et al. 2022), whose block LSMS extends by a language branch.

SISTER: the backbone of SLViT, read in code. The block takes the way its branches are merged as
an argument: a plain sum is MSCAN, a merge that listens to a sentence makes it LSMS's SVLA (``models/parts/svla.py``).
"""

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from lexseg.encoders.image.base import ImageEncoder
from lexseg.encoders.image.layers import ChannelNorm, DropPath, linear_rates
from lexseg.encoders.image.weights import read_weights
from lexseg.errors import ModelError

Size = Literal["tiny", "small", "base"]
# How the four branches, 5x5 first, then the strips of 7, 11 and 21, become one map.
Merge = Callable[[list[Tensor]], Tensor]

# Widths and depths of the stages (SISTER), and the usual drop-path rate: SegNeXt's 0.1, SLViT's 0.2 for base.
SIZES: dict[str, tuple[tuple[int, ...], tuple[int, ...], float]] = {
    "tiny": ((32, 64, 160, 256), (3, 3, 5, 2), 0.1),
    "small": ((64, 128, 320, 512), (2, 2, 4, 2), 0.1),
    "base": ((64, 128, 320, 512), (3, 3, 12, 3), 0.2),
}
MLP_RATIOS = (8, 8, 4, 4)
STRIPS = (7, 11, 21)


def add_branches(branches: list[Tensor]) -> Tensor:
    """The plain sum, as MSCAN merges its branches."""
    total = branches[0]
    for branch in branches[1:]:
        total = total + branch
    return total


class StripAttention(nn.Module):
    """Multi-scale convolutional attention: depthwise 5x5, on it pairs of 1xk and kx1 strips, a 1x1, times the input."""

    def __init__(self, dim: int, strips: Sequence[int] = STRIPS) -> None:
        super().__init__()
        self.local = nn.Conv2d(dim, dim, 5, padding=2, groups=dim)
        self.strips = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(dim, dim, (1, k), padding=(0, k // 2), groups=dim),
                nn.Conv2d(dim, dim, (k, 1), padding=(k // 2, 0), groups=dim),
            )
            for k in strips
        )
        self.mix = nn.Conv2d(dim, dim, 1)

    def forward(self, x: Tensor, merge: Merge) -> Tensor:
        """Args: x: float[B, C, H, W]; merge: of the 5x5 and the strips, four branches as published."""
        local = self.local(x)
        attention: Tensor = self.mix(merge([local, *(strip(local) for strip in self.strips)]))
        return attention * x


class MSCANBlock(nn.Module):
    """Attention, then an MLP with a depthwise 3x3, each on a batch-normed input and scaled by a small learned factor.

        y = BN(x);  p = GELU(Conv1x1(y));  out = Conv1x1(attention(p) * p) + y
        x = x + DropPath(ls1 * out);  x = x + DropPath(ls2 * MLP(BN(x)))

    Args:
        dim: width.
        mlp_ratio: hidden width of the MLP over ``dim``.
        drop_path: stochastic depth, 0 to 1.
        layer_scale: what ls1 and ls2 start at; 0.01 as published.
        strips: lengths of the attention's strips.
    """

    def __init__(
        self,
        dim: int,
        mlp_ratio: float = 4.0,
        drop_path: float = 0.0,
        layer_scale: float = 0.01,
        strips: Sequence[int] = STRIPS,
    ) -> None:
        super().__init__()
        hidden = int(dim * mlp_ratio)
        self.norm1 = nn.BatchNorm2d(dim)
        self.enter = nn.Sequential(nn.Conv2d(dim, dim, 1), nn.GELU())
        self.attention = StripAttention(dim, strips)
        self.leave = nn.Conv2d(dim, dim, 1)
        self.norm2 = nn.BatchNorm2d(dim)
        self.mlp = nn.Sequential(
            nn.Conv2d(dim, hidden, 1),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden),
            nn.GELU(),
            nn.Conv2d(hidden, dim, 1),
        )
        self.scale1 = nn.Parameter(torch.full((dim, 1, 1), layer_scale))
        self.scale2 = nn.Parameter(torch.full((dim, 1, 1), layer_scale))
        self.drop = DropPath(drop_path)
        init_weights(self)

    def forward(self, x: Tensor, merge: Merge = add_branches) -> Tensor:
        """Args: x: float[B, C, H, W]; merge: how the attention's branches become one."""
        y = self.norm1(x)
        out: Tensor = self.leave(self.attention(self.enter(y), merge)) + y
        x = x + self.drop(self.scale1 * out)
        x = x + self.drop(self.scale2 * self.mlp(self.norm2(x)))
        return x


class MSCANStage(nn.Module):
    """An overlapping patch embedding, blocks, LayerNorm.

    Attributes:
        blocks: the :class:`MSCANBlock` s.
    """

    def __init__(self, embed: nn.Module, blocks: Sequence[MSCANBlock], width: int) -> None:
        super().__init__()
        self.embed = embed
        self.blocks = nn.ModuleList(blocks)
        self.norm = ChannelNorm(width)
        init_weights(self.embed)

    def forward(self, x: Tensor, merges: Sequence[Merge] | None = None) -> Tensor:
        """Args: x: float[B, C, H, W]; merges: one for each block; ``None`` is the plain sum for all."""
        x = self.embed(x)
        for block, merge in zip(self.blocks, merges or [add_branches] * len(self.blocks), strict=True):
            x = block(x, merge)
        out: Tensor = self.norm(x)
        return out


class MSCAN(ImageEncoder):
    """MSCAN tiny (3.9 M parameters), small (13.4 M) or base (26.3 M).

    Attributes:
        stages: four :class:`MSCANStage` s.
    """

    def __init__(self, size: Size = "tiny", pretrained: bool | str = False, drop_path: float | None = None) -> None:
        """Build the encoder.

        Args:
            size: ``tiny``, ``small`` or ``base``.
            pretrained: false for a random start, or the path of a ``.pth`` file of SegNeXt (``mscan_t.pth``, ...), read
                without running code from it. No package brings these weights, so true is refused.
            drop_path: stochastic depth of the deepest block, growing linearly from 0; ``None`` is the size's usual.

        Raises:
            ModelError: the size is unknown, or the weights cannot be had or are of another network.
        """
        super().__init__()
        if size not in SIZES:
            raise ModelError(f"MSCAN has no size {size!r}; there are: {', '.join(SIZES)}")
        widths, depths, usual = SIZES[size]
        rates = iter(linear_rates(usual if drop_path is None else drop_path, sum(depths)))
        self.channels = widths
        self.stages = nn.ModuleList()
        for i, (width, depth, ratio) in enumerate(zip(widths, depths, MLP_RATIOS, strict=True)):
            blocks = [MSCANBlock(width, ratio, next(rates)) for _ in range(depth)]
            self.stages.append(MSCANStage(_stem(width) if i == 0 else _patches(widths[i - 1], width), blocks, width))
        if pretrained is True:
            raise ModelError(
                "no package brings weights for MSCAN: give the path of SegNeXt's .pth file, or pretrained=False"
            )
        if pretrained:
            self.load_state_dict(_read_segnext(Path(pretrained), self.state_dict()))

    def layer_groups(self) -> list[list[nn.Parameter]]:
        """The parameters of the four stages, from input to output."""
        return [list(stage.parameters()) for stage in self.stages]


def init_weights(module: nn.Module) -> None:
    """SegNeXt's start: normal with the fan-out of each convolution, no bias."""
    for m in module.modules():
        if isinstance(m, nn.Conv2d):
            fan_out = m.kernel_size[0] * m.kernel_size[1] * m.out_channels // m.groups
            nn.init.normal_(m.weight, std=math.sqrt(2.0 / fan_out))
            if m.bias is not None:
                nn.init.zeros_(m.bias)


def _stem(width: int) -> nn.Sequential:
    """Stride 4 in two 3x3 convolutions. No biases: batch norm would take them away again."""
    return nn.Sequential(
        nn.Conv2d(3, width // 2, 3, 2, 1, bias=False),
        nn.BatchNorm2d(width // 2),
        nn.GELU(),
        nn.Conv2d(width // 2, width, 3, 2, 1, bias=False),
        nn.BatchNorm2d(width),
    )


def _patches(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs))


# SegNeXt's names for our modules, in the order they are replaced.
_NAMES = (
    (r"^stages\.(\d)\.embed\.", "patch_embed{}."),
    (r"^stages\.(\d)\.norm\.", "norm{}."),
    (r"^stages\.(\d)\.blocks\.", "block{}."),
)
_PARTS = {
    ".enter.0.": ".attn.proj_1.",
    ".leave.": ".attn.proj_2.",
    ".attention.local.": ".attn.spatial_gating_unit.conv0.",
    ".attention.mix.": ".attn.spatial_gating_unit.conv3.",
    ".mlp.0.": ".mlp.fc1.",
    ".mlp.1.": ".mlp.dwconv.dwconv.",
    ".mlp.3.": ".mlp.fc2.",
    ".scale1": ".layer_scale_1",
    ".scale2": ".layer_scale_2",
} | {f".attention.strips.{i}.{j}.": f".attn.spatial_gating_unit.conv{i}_{j + 1}." for i in range(3) for j in range(2)}


def segnext_name(name: str) -> str:
    """What SegNeXt calls our entry ``name``."""
    for pattern, theirs in _NAMES:
        name = re.sub(pattern, lambda m, theirs=theirs: theirs.format(int(m[1]) + 1), name)  # type: ignore[misc]
    if name.startswith("patch_embed1."):
        return name.replace("patch_embed1.", "patch_embed1.proj.")
    if name.startswith("patch_embed"):
        return re.sub(r"\.(\d)\.", lambda m: (".proj.", ".norm.")[int(m[1])], name)
    for ours, theirs in _PARTS.items():
        name = name.replace(ours, theirs)
    return name


def _read_segnext(path: Path, ours: dict[str, Tensor]) -> dict[str, Tensor]:
    if not path.is_file():
        raise ModelError(f"{path}: no such file of MSCAN weights")
    weights = read_weights(path)
    weights = {k: v for k, v in weights.get("state_dict", weights).items() if not k.startswith("head.")}
    mapped = {}
    for name, value in ours.items():
        source = weights.pop(segnext_name(name), None)
        if source is None or source.numel() != value.numel():
            raise ModelError(
                f"{path}: entry {segnext_name(name)!r} is missing or of another size: weights of another network"
            )
        mapped[name] = source.reshape(value.shape)
    # SegNeXt's embeddings have biases before batch norm; the running mean takes them up without a difference.
    for name in mapped:
        if ".embed." in name and name.endswith("running_mean"):
            conv = name.replace(".running_mean", "").rsplit(".", 1)
            bias = weights.pop(segnext_name(f"{conv[0]}.{int(conv[1]) - 1}.bias"), None)
            if bias is not None:
                mapped[name] = mapped[name] - bias
    if weights:
        raise ModelError(f"{path}: holds entries that MSCAN has no place for: {sorted(weights)[:5]}")
    return mapped
